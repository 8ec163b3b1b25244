#ifndef GP_TOOLS_LIST_H
#define GP_TOOLS_LIST_H

#include <stdio.h>
#include "shared/tools/effect.h"

/* A row of "gatepost list". */

enum list_format {
	LIST_TABLE,
	LIST_CSV,
	LIST_JSON
};

struct list_row {
	/* As it is written. */
	const char *key;
	struct effect effect;
	/* Which attributes are stricter than around the key, or than everything
	   goes; which are laxer than around it; which would be refused by a
	   trial; which are locked (GP_ATTR_BIT). */
	uint32_t restricted;
	uint32_t exceptions;
	uint32_t trials;
	uint32_t locked;
	/* Who locks the first of them, as it is written; else empty. */
	char locked_by[GP_KEY_MAX + 16];
	/* When the first of its lines that counts now ends; GP_TIME_LAST. */
	int64_t until;
	/* Where its lines stand: "FILE:LINE,LINE"; empty for none. */
	struct gp_text where;
	/* The notes of its lines. */
	struct gp_text notes;
	/* The name that the key is judged as; else empty. */
	struct gp_text same_as;
};

void list_print_head(enum list_format format);
void list_print_row(const struct list_row *row, enum list_format format);

#endif
