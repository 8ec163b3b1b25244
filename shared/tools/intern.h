#ifndef GP_TOOLS_INTERN_H
#define GP_TOOLS_INTERN_H

#include <stddef.h>
#include <stdint.h>

/* Each distinct run of bytes once, by number from 0 on. */

struct intern;

struct intern *intern_new(void);
void intern_free(struct intern **intern);

/* The number of those bytes, which are kept with a NUL behind them. */
uint32_t intern_add(struct intern *intern, const void *data, size_t len);
/* Holds until the table is freed. */
const char *intern_get(const struct intern *intern, uint32_t number,
		       size_t *len_r);
uint32_t intern_count(const struct intern *intern);

#endif
