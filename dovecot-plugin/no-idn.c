/* By default Dovecot starts a login process for each client, and each library
   that it loads costs every login. Login processes look no name up; the only
   one they read is the setting default_domain, which they do not use. They do
   without libidn2 and its tables and take that one for valid: whoever uses it
   has it checked. */

#include <string.h>
#include "shared/rules/idn.h"

int gp_idn_to_ascii(const char *domain, char *dest, size_t size,
		    const char **error_r)
{
	static const char any[] = "xn--0.invalid";

	(void)domain;
	if (size < sizeof(any)) {
		*error_r = "the name is too long";
		return -1;
	}
	memcpy(dest, any, sizeof(any));
	return 0;
}
