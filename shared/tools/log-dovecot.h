#ifndef GP_TOOLS_LOG_DOVECOT_H
#define GP_TOOLS_LOG_DOVECOT_H

#include "shared/tools/log-login.h"

/* What Dovecot's login processes log of a login that succeeded (2.3 "Login:",
   2.4 "Logged in:", both "Started proxying to"), with any
   login_log_format_elements that keep the names of the usual ones. Pure. */

/* said begins with the process that says it: "imap-login: Info: Login:
   user=<...>, ...". The protocol is Dovecot's name for it. */
enum log_result log_dovecot_login(const struct log_piece *said,
				  struct log_login *login_r);

/* What a client says of itself with IMAP's ID, and in which session. */
bool log_dovecot_id(const struct log_piece *said, struct log_piece *session_r,
		    struct log_piece *name_r);

/* Cuts off Dovecot's level where it stands ("Info: "). */
void log_dovecot_skip_level(struct log_piece *rest);

#endif
