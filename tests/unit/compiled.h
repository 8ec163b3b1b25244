#ifndef TESTS_UNIT_COMPILED_H
#define TESTS_UNIT_COMPILED_H

#include "shared/base/arena.h"
#include "shared/map/image.h"
#include "shared/rules/check.h"

/* Rules for a test: compiled in memory from a string. */

struct compiled {
	struct gp_arena *arena;
	struct gp_image *image;
	struct gp_diagnostics *diagnostics;
	const struct gp_source *source;
	/* All errors and warnings as they would be printed. */
	struct gp_text messages;
	size_t errors;
};

/* Reads files[0..count-1], which are called "a", "b", ... in messages. */
void compiled_init_files(struct compiled *compiled, const char *const *files,
			 size_t count, const char *default_domain,
			 const char *recipient_delimiter);
void compiled_init(struct compiled *compiled, const char *rules);
void compiled_deinit(struct compiled *compiled);

#endif
