#ifndef GP_RULES_ATTRIBUTES_H
#define GP_RULES_ATTRIBUTES_H

#include "shared/base/arena.h"
#include "shared/rules/diagnostics.h"
#include "shared/rules/lexer.h"
#include "shared/rules/line.h"
#include "shared/rules/numbering.h"

/* The attributes of one logical line: everything behind its key. */

/* Which attributes a line may have depends on what its key names. */
enum gp_key_kind {
	GP_KEY_KIND_EVERY,
	GP_KEY_KIND_PARENT,
	GP_KEY_KIND_DOMAIN,
	GP_KEY_KIND_MAILBOX,
	GP_KEY_KIND_PROFILE
};

struct gp_attributes_context {
	/* Holds what the line points to. */
	struct gp_arena *arena;
	struct gp_diagnostics *diagnostics;
	/* NULL when the line is read apart from those before it. */
	struct gp_numbering *nets;
	struct gp_numbering *profiles;
	uint32_t file;
};

/* Reads the words behind the first. Returns 0; -1 when an error was reported;
   1 when the line names a net or profile and there are no numbers for them. Of
   no use is the line then. */
int gp_attributes_parse(const struct gp_attributes_context *context,
			enum gp_key_kind kind, const struct gp_words *words,
			struct gp_line *line_r);

#endif
