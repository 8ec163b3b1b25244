#ifndef GP_TOOLS_ABI_H
#define GP_TOOLS_ABI_H

#include <limits.h>
#include <stddef.h>

/* "2.3.ABIv19", "2.4.ABIv1" */
#define GP_ABI_SIZE 32

/* Finds the string by which a program or a module of Dovecot says which
   interface it was built for, without what stands in brackets behind it.
   Returns 1, or 0 when there is none. */
int gp_abi_find(const void *data, size_t len, char *abi_r, size_t size);

/* A file of Dovecot's, and the number of its build (a GNU build ID). */
struct gp_abi_build {
	char path[PATH_MAX];
	unsigned char id[64];
	size_t id_len;
};

/* Finds the string by which a module of Gatepost's says beside which build of
   Dovecot it was built: "gatepost-built-beside:PATH:ID", with the ID in
   hexadecimal digits and a NUL behind it. Returns 1, or 0 when there is none,
   or none that can be read. */
int gp_abi_find_build(const void *data, size_t len,
		      struct gp_abi_build *build_r);

#endif
