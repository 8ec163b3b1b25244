#ifndef GP_PLUGIN_REASON_H
#define GP_PLUGIN_REASON_H

#include <stdbool.h>

/* Dovecot sends a reason to the client as it is: a line break in it would be a
   reply of its own, and brackets at its start set the response code. Neither
   the compiler nor the reader of maps lets such a text pass; this is the last
   door. has_code: the brackets at the start are ours. */
void gp_reason_make_harmless(char *reason, bool has_code);

#endif
