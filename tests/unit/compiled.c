/* Compiles rules for the unit tests, as gatemap does, without a file. */

#include <string.h>
#include "tests/unit/compiled.h"

static void read_file(struct compiled *compiled, struct gp_parser *parser,
		      uint32_t number, const char *text)
{
	const char name[] = { (char)('a' + number), '\0' };

	gp_image_add_file(compiled->image, name);
	gp_diagnostics_name_file(compiled->diagnostics, number, name);
	gp_parser_begin_file(parser, number);
	gp_parser_feed(parser, text, strlen(text));
	gp_parser_end_file(parser);
}

void compiled_init_files(struct compiled *compiled, const char *const *files,
			 size_t count, const char *default_domain,
			 const char *recipient_delimiter)
{
	static const struct gp_policy policy;
	struct gp_parser *parser;
	const char *error;
	size_t i;

	memset(compiled, 0, sizeof(*compiled));
	compiled->arena = gp_arena_new();
	compiled->image = gp_image_new();
	compiled->diagnostics = gp_diagnostics_new();
	gp_image_set_names(compiled->image, default_domain,
			   recipient_delimiter);
	parser = gp_parser_new(gp_image_sink(compiled->image),
			       compiled->diagnostics);
	for (i = 0; i < count; i++)
		read_file(compiled, parser, i, files[i]);
	gp_parser_finish(parser);
	gp_parser_free(&parser);
	gp_image_finish(compiled->image);
	compiled->source = gp_image_source(compiled->image);
	if (gp_diagnostics_errors(compiled->diagnostics) == 0)
		gp_check_rules(compiled->source, &policy,
			       compiled->diagnostics, &error);
	compiled->errors = gp_diagnostics_errors(compiled->diagnostics);
	gp_text_init(&compiled->messages);
	gp_diagnostics_print(compiled->diagnostics, true,
			     &compiled->messages);
}

void compiled_init(struct compiled *compiled, const char *rules)
{
	compiled_init_files(compiled, &rules, 1, "", "+");
}

void compiled_deinit(struct compiled *compiled)
{
	gp_text_deinit(&compiled->messages);
	gp_diagnostics_free(&compiled->diagnostics);
	gp_image_free(&compiled->image);
	gp_arena_free(&compiled->arena);
}
