/* There are few names and many mentions of them, so a tree of the C library
   does, and mentions are kept only while their name is not defined. */

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include "shared/base/arena.h"
#include "shared/base/memory.h"
#include "shared/rules/numbering.h"

#define NOT_DEFINED UINT32_MAX
#define KNOWN (UINT32_MAX - 1)

struct name {
	const char *name;
	size_t len;
	uint32_t number;
	/* The file that defined it last. */
	uint32_t defined_in;
};

struct mention {
	const struct name *name;
	uint32_t file;
	uint32_t line;
	uint32_t column;
};

struct gp_numbering {
	struct gp_arena *arena;
	const char *what;
	gp_numbering_new_name *each;
	void *context;
	void *tree;
	uint32_t count;
	struct mention *mentions;
	size_t mention_count;
	size_t mention_size;
};

struct gp_numbering *gp_numbering_new(const char *what,
				      gp_numbering_new_name *each,
				      void *context)
{
	struct gp_arena *arena = gp_arena_new();
	struct gp_numbering *numbering;

	numbering = gp_arena_alloc(arena, sizeof(*numbering));
	numbering->arena = arena;
	numbering->what = what;
	numbering->each = each;
	numbering->context = context;
	return numbering;
}

static void keep(void *name)
{
	(void)name;
}

void gp_numbering_free(struct gp_numbering **numbering)
{
	struct gp_arena *arena;

	if (*numbering == NULL)
		return;
	arena = (*numbering)->arena;
	tdestroy((*numbering)->tree, keep);
	free((*numbering)->mentions);
	*numbering = NULL;
	gp_arena_free(&arena);
}

static int compare(const void *va, const void *vb)
{
	const struct name *a = va, *b = vb;
	int ret = memcmp(a->name, b->name, a->len < b->len ? a->len : b->len);

	return ret != 0 ? ret : (a->len > b->len) - (a->len < b->len);
}

static struct name *find_or_add(struct gp_numbering *numbering,
				const char *str, size_t len)
{
	struct name sought = { .name = str, .len = len }, *name, **node;

	node = tfind(&sought, &numbering->tree, compare);
	if (node != NULL)
		return *node;
	name = gp_arena_alloc(numbering->arena, sizeof(*name));
	name->name = gp_arena_strndup(numbering->arena, str, len);
	name->len = len;
	name->number = numbering->count++;
	name->defined_in = NOT_DEFINED;
	if (tsearch(name, &numbering->tree, compare) == NULL)
		gp_out_of_memory(sizeof(*name));
	numbering->each(numbering->context, name->number, name->name);
	return name;
}

static struct mention *add_mention(struct gp_numbering *numbering)
{
	if (numbering->mention_count == numbering->mention_size) {
		numbering->mention_size = gp_grow(numbering->mention_size,
						  numbering->mention_count + 1);
		numbering->mentions = gp_realloc(numbering->mentions,
						 numbering->mention_size,
						 sizeof(struct mention));
	}
	return &numbering->mentions[numbering->mention_count++];
}

uint32_t gp_numbering_mention(struct gp_numbering *numbering, const char *str,
			      size_t len, uint32_t file, uint32_t line,
			      uint32_t column)
{
	struct name *name = find_or_add(numbering, str, len);
	struct mention *mention;

	if (name->defined_in == NOT_DEFINED) {
		mention = add_mention(numbering);
		mention->name = name;
		mention->file = file;
		mention->line = line;
		mention->column = column;
	}
	return name->number;
}

uint32_t gp_numbering_define(struct gp_numbering *numbering, const char *str,
			     size_t len, uint32_t file, bool *again_r)
{
	struct name *name = find_or_add(numbering, str, len);

	*again_r = name->defined_in == file;
	name->defined_in = file;
	return name->number;
}

void gp_numbering_know(struct gp_numbering *numbering, const char *name)
{
	find_or_add(numbering, name, strlen(name))->defined_in = KNOWN;
}

void gp_numbering_finish(struct gp_numbering *numbering,
			 struct gp_diagnostics *diagnostics)
{
	const struct mention *mention;
	size_t i;

	for (i = 0; i < numbering->mention_count; i++) {
		mention = &numbering->mentions[i];
		if (mention->name->defined_in != NOT_DEFINED)
			continue;
		gp_diagnostics_error(diagnostics, mention->file, mention->line,
				     mention->column, "there is no %s \"%s\"; "
				     "define it with a line \"%s:%s ...\"",
				     numbering->what, mention->name->name,
				     numbering->what, mention->name->name);
	}
	numbering->mention_count = 0;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool gp_numbering_is_name(const char *name, size_t len)
{
	size_t i;

	if (len == 0 || len > 63 || !is_letter(name[0]))
		return false;
	for (i = 1; i < len; i++) {
		if (!is_letter(name[i]) && !(name[i] >= '0' && name[i] <= '9') &&
		    strchr("_-.", name[i]) == NULL)
			return false;
	}
	return true;
}
