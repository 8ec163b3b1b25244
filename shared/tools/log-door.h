#ifndef GP_TOOLS_LOG_DOOR_H
#define GP_TOOLS_LOG_DOOR_H

#include "shared/base/text.h"
#include "shared/tools/log-login.h"

/* What Gatepost's doors log of a login that they did not simply let in (see
   gp_reply_log()). Pure. */

/* said is Dovecot's line ("auth: Info: gatepost: refused: ..."). */
enum log_result log_door_dovecot(const struct log_piece *said,
				 struct log_login *login_r);
/* text is the policy daemon's ("refused: ..."). */
enum log_result log_door_policyd(const struct log_piece *text,
				 struct log_login *login_r);

/* text is the policy daemon's ("refuse, service=..., user=<...>: 7 more lines
   like this were left out"), which has no rule and no address. */
enum log_result log_door_left_out(const struct log_piece *text,
				  struct log_login *login_r);

/* Adds a value as it was before it was escaped for the log. */
void log_door_unescape(const struct log_piece *value, struct gp_text *text);

#endif
