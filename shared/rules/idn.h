#ifndef GP_RULES_IDN_H
#define GP_RULES_IDN_H

#include <stddef.h>

/* A domain that is not all ASCII, as A-labels (IDNA2008, non-transitional).
   Returns 0, or -1 with what is wrong with it. */
int gp_idn_to_ascii(const char *domain, char *dest, size_t size,
		    const char **error_r);

#endif
