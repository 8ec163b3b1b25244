#ifndef GP_RULES_NAME_H
#define GP_RULES_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include "shared/base/arena.h"

/* The one place where names are normalised, for the compiler and both doors:
   ASCII letters lowered, other bytes of the local part kept, domains with
   other than ASCII turned into A-labels (IDNA2008, non-transitional, by
   libidn2), one trailing dot dropped. */

/* Longest normalised name, without the NULs. LMDB's keys end at 511 bytes. */
#define GP_NAME_MAX 500

/* A normalised name. It is kept as its key in the map: the domain, a NUL, the
   local part (and a NUL behind it), so that the rule of a domain and those of
   its mailboxes lie side by side. */
struct gp_name {
	size_t domain_len;
	size_t local_len;
	char key[GP_NAME_MAX + 2];
};

static inline size_t gp_name_key_len(const struct gp_name *name)
{
	return name->domain_len + 1 + name->local_len;
}

static inline const char *gp_name_local(const struct gp_name *name)
{
	return name->key + name->domain_len + 1;
}

/* Normalises a login name: "local@domain", or a local part alone, which takes
   default_domain (NULL or empty: none). Returns 0, or -1 when the name is
   invalid, with the reason, a constant, which echoes nothing of the name. */
int gp_name_parse(const char *str, size_t len, const char *default_domain,
		  struct gp_name *name_r, const char **error_r);

/* Normalises a domain alone; local_len is 0 afterwards. The empty domain is
   an error here. */
int gp_name_parse_domain(const char *str, size_t len, struct gp_name *name_r,
			 const char **error_r);

/* How many bytes of the local part are left without its address extension,
   as Postfix's split_addr(3) splits for recipient_delimiter; local_len when
   there is nothing to split. */
size_t gp_name_base_len(const char *local, size_t local_len,
			const char *recipient_delimiter);

#endif
