#ifndef GP_TOOLS_LOG_POSTFIX_H
#define GP_TOOLS_LOG_POSTFIX_H

#include <stdint.h>
#include "shared/tools/log-login.h"

/* Logins at Postfix's smtpd. Who logged in is told in one line, the encryption
   in another or (as "starttls=1") only when the client leaves; an smtpd
   process serves one client after the other, so its lines are put together by
   host, name and process id, however they are mixed with those of others. No
   file, no clock; memory is bounded by the processes that are at work. */

struct log_postfix;

/* Called when all is known of a login. The login's pieces hold until it
   returns. */
typedef void log_postfix_done(void *context, const struct log_login *login,
			      int64_t time);

struct log_postfix *log_postfix_new(log_postfix_done *done, void *context);
void log_postfix_free(struct log_postfix **postfix);

/* Whether the line is one of smtpd's that matter. */
bool log_postfix_wants(const struct log_line *line);
/* Takes such a line, and when it was logged. */
enum log_result log_postfix_take(struct log_postfix *postfix,
				 const struct log_line *line, int64_t time);
/* The end of the logs: what is known of the sessions still open is all there
   will be. */
void log_postfix_finish(struct log_postfix *postfix);

/* Whether all hosts log TLS (smtpd_tls_loglevel is not 0), and have done so as
   far as can be seen: then a session without such a line had none. */
bool log_postfix_logs_tls(const struct log_postfix *postfix);

#endif
