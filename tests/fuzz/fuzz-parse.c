/* Rules files: whatever the bytes, the parser, the checks and the printer must
   neither crash nor hang, and what compiles must print to rules that compile
   to the same text again. The first byte says how the text is cut in two
   pieces, and of what size those are that are parsed apart from each other and
   must come to the same. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shared/map/image-data.h"
#include "shared/rules/check.h"
#include "shared/rules/print.h"
#include "shared/tools/ahead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gp_policy policy;

static struct gp_image *compile(const char *data, size_t len, size_t cut,
				size_t *errors_r)
{
	struct gp_diagnostics *diagnostics = gp_diagnostics_new();
	struct gp_image *image = gp_image_new();
	struct gp_parser *parser;
	struct gp_text text;
	const char *error;

	gp_image_set_names(image, "", "+");
	gp_image_add_file(image, "rules");
	parser = gp_parser_new(gp_image_sink(image), diagnostics);
	gp_parser_begin_file(parser, 0);
	gp_parser_feed(parser, data, cut);
	gp_parser_feed(parser, data + cut, len - cut);
	gp_parser_end_file(parser);
	gp_parser_finish(parser);
	gp_parser_free(&parser);
	gp_image_finish(image);
	if (gp_diagnostics_errors(diagnostics) == 0 &&
	    gp_check_rules(gp_image_source(image), &policy, diagnostics,
			   &error) < 0)
		abort();
	gp_text_init(&text);
	gp_diagnostics_print(diagnostics, true, &text);
	gp_text_deinit(&text);
	*errors_r = gp_diagnostics_errors(diagnostics);
	gp_diagnostics_free(&diagnostics);
	return image;
}

static void feed_pieces(struct gp_ahead *ahead, const char *data, size_t len)
{
	size_t room;
	char *to;

	for (; len > 0; data += room, len -= room) {
		to = gp_ahead_room(ahead, &room);
		if (room > len)
			room = len;
		memcpy(to, data, room);
		gp_ahead_filled(ahead, room);
	}
	gp_ahead_finish(&ahead);
}

static bool is_same(const struct gp_text *a, const struct gp_text *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* In one thread, and without the checks of the rules. */
static void parse(const char *data, size_t len, size_t size,
		  struct gp_image *image, struct gp_text *errors)
{
	struct gp_diagnostics *diagnostics = gp_diagnostics_new();
	struct gp_parser *parser = gp_parser_new(gp_image_sink(image),
						 diagnostics);

	gp_parser_begin_file(parser, 0);
	if (size > 0)
		feed_pieces(gp_ahead_new(parser, image, 0, size, 0), data,
			    len);
	else
		gp_parser_feed(parser, data, len);
	gp_parser_end_file(parser);
	gp_parser_finish(parser);
	gp_parser_free(&parser);
	gp_diagnostics_print(diagnostics, true, errors);
	gp_diagnostics_free(&diagnostics);
	gp_image_finish(image);
}

static void check_pieces(const char *data, size_t len, size_t size)
{
	struct gp_image *whole = gp_image_new(), *pieces = gp_image_new();
	struct gp_text whole_errors, piece_errors;

	gp_text_init(&whole_errors);
	gp_text_init(&piece_errors);
	parse(data, len, 0, whole, &whole_errors);
	parse(data, len, size, pieces, &piece_errors);
	if (!is_same(&whole->bytes, &pieces->bytes) ||
	    !is_same(&whole->order, &pieces->order) ||
	    !is_same(&whole_errors, &piece_errors) ||
	    whole->lines != pieces->lines || whole->keys != pieces->keys ||
	    whole->source.parent_depths != pieces->source.parent_depths)
		abort();
	gp_image_free(&whole);
	gp_image_free(&pieces);
	gp_text_deinit(&whole_errors);
	gp_text_deinit(&piece_errors);
}

struct print {
	const struct gp_source *source;
	struct gp_text *text;
};

static int print_key(void *context, const char *key, size_t key_len,
		     const struct gp_lines *lines)
{
	struct print *print = context;
	size_t i;

	for (i = 0; i < lines->count; i++) {
		gp_print_key(key, key_len, print->text);
		gp_text_add_char(print->text, ' ');
		gp_print_attributes(print->source, &lines->line[i],
				    print->text);
		gp_text_add_char(print->text, '\n');
	}
	return 0;
}

static void print_numbered(const struct gp_source *source,
			   struct gp_text *text)
{
	struct gp_arena *arena = gp_arena_new();
	struct gp_netset set;
	struct gp_lines lines;
	const char *error;
	uint32_t number;
	size_t i;

	for (number = 0; number < source->net_count; number++) {
		if (source->net(source->context, number, &set, &error) != 1)
			abort();
		gp_text_addf(text, "net:%s ",
			     source->net_name(source->context, number));
		gp_netset_print(&set, text);
		gp_text_add_char(text, '\n');
	}
	for (number = 0; number < source->profile_count; number++) {
		if (source->profile(source->context, number, arena, &lines,
				    &error) != 1)
			abort();
		for (i = 0; i < lines.count; i++) {
			gp_text_addf(text, "profile:%s ",
				     source->profile_name(source->context,
							  number));
			gp_print_attributes(source, &lines.line[i], text);
			gp_text_add_char(text, '\n');
		}
	}
	gp_arena_free(&arena);
}

static void print_all(struct gp_image *image, struct gp_text *text)
{
	struct print print = { gp_image_source(image), text };
	const char *error;

	print_numbered(print.source, text);
	if (print.source->walk(print.source->context, "", 0, print_key, &print,
			       &error) != 0)
		abort();
}

static void check_round_trip(struct gp_image *image)
{
	struct gp_image *again;
	struct gp_text once, twice;
	size_t errors;

	gp_text_init(&once);
	gp_text_init(&twice);
	print_all(image, &once);
	again = compile(once.data, once.len, once.len, &errors);
	if (errors > 0) {
		fprintf(stderr, "does not compile again:\n%s\n", once.data);
		abort();
	}
	print_all(again, &twice);
	if (!is_same(&once, &twice)) {
		fprintf(stderr, "not the same:\n%s\nand:\n%s\n", once.data,
			twice.data);
		abort();
	}
	gp_image_free(&again);
	gp_text_deinit(&once);
	gp_text_deinit(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_image *image;
	size_t errors, cut;

	if (size == 0)
		return 0;
	cut = (size - 1) * data[0] / 255;
	image = compile((const char *)data + 1, size - 1, cut, &errors);
	if (errors == 0)
		check_round_trip(image);
	gp_image_free(&image);
	check_pieces((const char *)data + 1, size - 1, 1 + data[0]);
	return 0;
}
