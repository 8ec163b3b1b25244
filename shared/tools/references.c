/* A parser sees to it that every name is defined; a deletion has none. Without
   this, a line would go on naming an empty set. */

#include "shared/tools/references.h"

#include <string.h>

#include "shared/rules/print.h"
#include "shared/tools/program.h"

struct references {
	const struct gp_source *source;
	struct gp_arena *scratch;
	const char *key;
	size_t missing;
	const char *error;
};

static void missing(struct references *references, const char *kind,
		    const char *name, const struct gp_line *line)
{
	const struct gp_source *source = references->source;
	const char *file = source->file_name(source->context, line->file);

	references->missing++;
	gp_program_error("%s:%s cannot be deleted: %s uses it (%s:%u)", kind,
			 name, references->key, file != NULL ? file : "",
			 line->number);
}

static int check_nets(struct references *references,
		      const struct gp_line *line,
		      const struct gp_netlist *list)
{
	const struct gp_source *source = references->source;
	struct gp_netset set;

	for (size_t i = 0; i < list->named_count; i++) {
		int found = source->net(source->context, list->named[i], &set,
					&references->error);

		if (found < 0)
			return -1;
		if (found == 0)
			missing(references, "net", source->net_name(
				source->context, list->named[i]), line);
	}
	return 0;
}

static int check_profiles(struct references *references,
			  const struct gp_line *line)
{
	const struct gp_source *source = references->source;
	struct gp_lines lines;

	if ((line->set & GP_ATTR_BIT(GP_ATTR_PROFILE)) == 0)
		return 0;
	for (size_t i = 0; i < line->profile_count; i++) {
		int found;

		gp_arena_reset(references->scratch);
		found = source->profile(source->context, line->profiles[i],
					references->scratch, &lines,
					&references->error);
		if (found < 0)
			return -1;
		if (found == 0)
			missing(references, "profile", source->profile_name(
				source->context, line->profiles[i]), line);
	}
	return 0;
}

static int check_lines(struct references *references,
		       const struct gp_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		const struct gp_line *line = &lines->line[i];

		for (unsigned list = 0; list < GP_NETLISTS; list++) {
			if ((line->set & GP_ATTR_BIT(GP_ATTR_ALLOW_NETS +
						     list)) != 0 &&
			    check_nets(references, line,
				       &line->nets[list]) < 0)
				return -1;
		}
		if (check_profiles(references, line) < 0)
			return -1;
	}
	return 0;
}

static int check_key(void *context, const char *key, size_t key_len,
		     const struct gp_lines *lines)
{
	struct references *references = context;
	struct gp_text written;
	int result;

	gp_text_init(&written);
	gp_print_key(key, key_len, &written);
	references->key = written.data;
	result = check_lines(references, lines);
	gp_text_deinit(&written);
	return result;
}

static int check_profile_lines(struct references *references)
{
	const struct gp_source *source = references->source;
	struct gp_arena *own = gp_arena_new();
	struct gp_lines lines;
	int found = 0;

	references->key = "a profile";
	for (uint32_t i = 0; i < source->profile_count && found >= 0; i++) {
		gp_arena_reset(own);
		found = source->profile(source->context, i, own, &lines,
					&references->error);
		if (found > 0 && check_lines(references, &lines) < 0)
			found = -1;
	}
	gp_arena_free(&own);
	return found < 0 ? -1 : 0;
}

int gp_references_check(const struct gp_source *source)
{
	struct references references = {
		.source = source,
		.scratch = gp_arena_new(),
		.error = "the map is damaged",
	};
	int result = check_profile_lines(&references);

	if (result == 0)
		result = source->walk(source->context, "", 0, check_key,
				      &references, &references.error);
	gp_arena_free(&references.scratch);
	if (result < 0) {
		gp_program_error("%s", references.error);
		return EX_CONFIG;
	}
	return references.missing == 0 ? 0 : EX_DATAERR;
}
