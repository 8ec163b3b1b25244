/* The only place that asks libidn2, so that what reads no such domain can be
   linked without it. */

#include <stdint.h>
#include <string.h>
#include <idn2.h>
#include "shared/rules/idn.h"

int gp_idn_to_ascii(const char *domain, char *dest, size_t size,
		    const char **error_r)
{
	uint8_t *output = NULL;
	size_t len;
	int ret = -1;

	if (idn2_lookup_u8((const uint8_t *)domain, &output,
			   IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK) {
		*error_r = "the domain is no valid internationalised domain";
	} else {
		len = strlen((char *)output);
		if (len >= size) {
			*error_r = "the name is too long";
		} else {
			memcpy(dest, output, len + 1);
			ret = 0;
		}
	}
	idn2_free(output);
	return ret;
}
