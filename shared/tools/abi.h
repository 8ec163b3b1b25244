#ifndef GP_TOOLS_ABI_H
#define GP_TOOLS_ABI_H

#include <stddef.h>

/* "2.3.ABIv19", "2.4.ABIv1" */
#define GP_ABI_SIZE 32

/* Finds the string by which a program or a module of Dovecot says which
   interface it was built for, without what stands in brackets behind it.
   Returns 1, or 0 when there is none. */
int gp_abi_find(const void *data, size_t len, char *abi_r, size_t size);

#endif
