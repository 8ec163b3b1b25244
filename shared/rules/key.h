#ifndef GP_RULES_KEY_H
#define GP_RULES_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "shared/rules/source.h"

/* What kind of thing a key (source.h) names. */

static inline bool gp_key_is_every(const char *key, size_t len)
{
	return len == GP_KEY_EVERY_LEN &&
	       memcmp(key, GP_KEY_EVERY, GP_KEY_EVERY_LEN) == 0;
}

/* The length of a key's domain; the whole of "*". */
static inline size_t gp_key_domain_len(const char *key, size_t len)
{
	const char *nul = memchr(key, '\0', len);

	return nul == NULL ? len : (size_t)(nul - key);
}

static inline bool gp_key_is_mailbox(const char *key, size_t len)
{
	return gp_key_domain_len(key, len) + 1 < len;
}

/* ".example.com" */
static inline bool gp_key_is_parent(const char *key, size_t len)
{
	return len > 1 && key[0] == '.' && !gp_key_is_mailbox(key, len);
}

/* "example.com" and "@" */
static inline bool gp_key_is_domain(const char *key, size_t len)
{
	return !gp_key_is_every(key, len) && !gp_key_is_mailbox(key, len) &&
	       key[0] != '.';
}

/* The bit of gp_source's parent_depths for a domain of that many labels. */
static inline uint64_t gp_key_depth_bit(size_t labels)
{
	return UINT64_C(1) << (labels < 63 ? labels : 63);
}

/* How many labels a domain has. */
size_t gp_key_labels(const char *domain, size_t len);

#endif
