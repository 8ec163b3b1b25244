#ifndef GP_TOOLS_DOVECONF_H
#define GP_TOOLS_DOVECONF_H

#include <stdbool.h>
#include <stddef.h>
#include "shared/base/arena.h"

/* What "doveconf -n" prints, of 2.3 and of 2.4, as a tree. Pure: bytes in, no
   file and no program. */

struct gp_dove_setting {
	const char *name;
	const char *value;
	const struct gp_dove_setting *next;
};

/* "TYPE NAME { ... }"; the whole file is one without either. */
struct gp_dove_block {
	const char *type;
	const char *name;
	const struct gp_dove_block *parent;
	/* In the order of the file. */
	const struct gp_dove_setting *settings;
	const struct gp_dove_block *blocks;
	const struct gp_dove_block *next;
};

struct gp_doveconf {
	/* "2.3.19.1", and the file's name; empty where they were not told. */
	const char *version;
	const char *path;
	/* 2.4's syntax. */
	bool is_2_4;
	struct gp_dove_block root;
};

/* Everything lies in arena. Returns 0, or -1 with the reason, a constant. */
int gp_doveconf_parse(const char *data, size_t len, struct gp_arena *arena,
		      struct gp_doveconf *conf_r, const char **error_r);

/* The value of a setting in that block itself, or NULL. With prefix "passdb_",
   as 2.4 allows, "driver" is found under both names. */
const char *gp_dove_value(const struct gp_dove_block *block,
			  const char *name);
/* The same with what holds where it is not set. */
const char *gp_dove_value_or(const struct gp_dove_block *block,
			     const char *name, const char *missing);
/* "yes", in any of Dovecot's spellings. */
bool gp_dove_is_yes(const char *value);
/* The next block of that type and, unless NULL, name at or behind block. */
const struct gp_dove_block *
gp_dove_block_find(const struct gp_dove_block *block, const char *type,
		   const char *name);
/* Whether a list names the word: "list = a b", or "list { a = yes }". */
bool gp_dove_list_has(const struct gp_dove_block *block, const char *list,
		      const char *word);
/* Whether the block says anything about the list. */
bool gp_dove_has_list(const struct gp_dove_block *block, const char *list);
/* Takes the next of the words in a value, separated by white space or commas,
   or returns NULL. */
const char *gp_dove_next_word(const char **value, struct gp_arena *arena);

/* Bytes: "512 M", "64k", "18446744073709551615 B"; false for what is none. */
bool gp_dove_size(const char *value, unsigned long long *size_r);

#endif
