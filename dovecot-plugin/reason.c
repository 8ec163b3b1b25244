/* The last look at a text on its way to a client. It replaces byte by byte, so
   that it cannot fail. */

#include "dovecot-plugin/reason.h"

static bool is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

void gp_reason_make_harmless(char *reason, bool has_code)
{
	if (*reason == '[' && !has_code)
		*reason = '(';
	for (; *reason != '\0'; reason++) {
		if (!is_printable(*reason))
			*reason = '?';
	}
}
