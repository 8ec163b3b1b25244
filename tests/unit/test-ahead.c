/* A file that is parsed in pieces, by one thread or several, must come to the
   very same bytes, numbers and errors as one that is parsed from its first byte
   to its last. The files are random, from seeds that are always the same. */

#include <stdlib.h>
#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/map/image-data.h"
#include "shared/tools/ahead.h"

struct result {
	struct gp_image *image;
	struct gp_text errors;
};

static const char *const good[] = {
	"* all=tls\n", "example.com imap=off lock\n", ".example.com tls_min=1.3\n",
	"alice@example.com imap=off\n", "bob@EXAMPLE.com. pop3=off\n",
	"c@example.org all=off\n submission=tls\n",
	"d@example.org note=\"a # b\" all=tls # comment\n",
	"# comment\n", "\n", "\t# comment\n", "   \n",
	"# a comment that is longer than most of the pieces, # and # \" =\n",
	"i@example.net imap=off\n# of\n \t\v# i\r\n\n#\n pop3=off # end\n",
	"net:office 192.0.2.0/24\n", "net:far 2001:db8::/32,\n 10.0.0.0/8\n",
	"profile:sales imap=off\n", "profile:plan trusted_nets=office\n",
	"e@example.net profile=sales,plan\n",
	"f@example.net cleartext_nets=office,192.0.2.1\n",
	"g@example.net allow_nets=192.0.2.1 until=2027-01-01T00:00:00Z\n",
	"alias@example.com same_as=bob@example.com\n", "@ all=off\n",
	"h@x\xc3\xa4.example all=off\r\n", "alice@ imap=off\n"
};

static const char *const bad[] = {
	"alice@example.com\n", "j@example.com imap=on\n", " pop3=off\n",
	"k@@example.com imap=off\n", "l@example.com note=\"open\n",
	"m@example.com profile=nobody imap=x\n", "\xef\xbb\xbf* all=off\n",
	"net:office 192.0.2.1/24\n", "\xff imap=off\n", "\x01\n", "imap=off\n",
	"n@example.com allow_nets=nowhere\n", "a=\"b@example.com\" imap=off\n"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void make_text(unsigned seed, struct gp_text *text)
{
	bool sorted = seed % 4 == 1, errors = seed % 4 > 1;
	unsigned i, lines = seed % 97;

	srandom(seed);
	gp_text_init(text);
	for (i = 0; i < lines; i++) {
		if (sorted)
			gp_text_addf(text, "u%05u@example.com %s\n", i / 2,
				     i % 2 == 0 ? "imap=off" :
				     "imap=tls mode=trial");
		else if (errors && random() % 16 == 0)
			gp_text_add(text, bad[(size_t)random() % COUNT(bad)]);
		else
			gp_text_add(text, good[(size_t)random() % COUNT(good)]);
	}
	if (text->len > 0 && seed % 3 == 0)
		text->data[--text->len] = '\0';
}

static void begin(struct result *result, struct gp_diagnostics **diagnostics_r,
		  struct gp_parser **parser_r)
{
	*diagnostics_r = gp_diagnostics_new();
	result->image = gp_image_new();
	*parser_r = gp_parser_new(gp_image_sink(result->image),
				  *diagnostics_r);
	gp_diagnostics_name_file(*diagnostics_r, 3, "rules");
	gp_parser_begin_file(*parser_r, 3);
}

static void end(struct result *result, struct gp_diagnostics *diagnostics,
		struct gp_parser *parser)
{
	gp_parser_end_file(parser);
	gp_parser_finish(parser);
	gp_parser_free(&parser);
	gp_text_init(&result->errors);
	gp_diagnostics_print(diagnostics, true, &result->errors);
	gp_diagnostics_free(&diagnostics);
}

static void parse_whole(const struct gp_text *text, struct result *result)
{
	struct gp_diagnostics *diagnostics;
	struct gp_parser *parser;

	begin(result, &diagnostics, &parser);
	gp_parser_feed(parser, text->data, text->len);
	end(result, diagnostics, parser);
}

/* The most that was read at a time. */
static size_t room_max;

static void parse_ahead(const struct gp_text *text, size_t size,
			unsigned threads, struct result *result)
{
	struct gp_diagnostics *diagnostics;
	struct gp_parser *parser;
	struct gp_ahead *ahead;
	size_t pos, room;
	char *to;

	begin(result, &diagnostics, &parser);
	ahead = gp_ahead_new(parser, result->image, 3, size, threads);
	for (pos = 0; pos < text->len; pos += room) {
		to = gp_ahead_room(ahead, &room);
		assert_true(room > 0);
		if (room > room_max)
			room_max = room;
		if (room > text->len - pos)
			room = text->len - pos;
		memcpy(to, text->data + pos, room);
		gp_ahead_filled(ahead, room);
	}
	gp_ahead_finish(&ahead);
	assert_null(ahead);
	end(result, diagnostics, parser);
}

static void assert_same_text(const struct gp_text *a, const struct gp_text *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
}

static void assert_same_names(const struct gp_image *a,
			      const struct gp_image *b)
{
	size_t i;

	assert_int_equal(a->nets.len, b->nets.len);
	assert_int_equal(a->profiles.len, b->profiles.len);
	for (i = 0; i < a->nets.len / sizeof(struct gp_image_net); i++) {
		assert_string_equal(gp_image_nets(a)[i].name,
				    gp_image_nets(b)[i].name);
		assert_int_equal(gp_image_nets(a)[i].set.count,
				 gp_image_nets(b)[i].set.count);
	}
	for (i = 0; i < a->profiles.len / sizeof(char *); i++)
		assert_string_equal(gp_image_profiles(a)[i],
				    gp_image_profiles(b)[i]);
}

static void assert_same(struct result *a, struct result *b)
{
	assert_same_text(&a->errors, &b->errors);
	assert_same_text(&a->image->bytes, &b->image->bytes);
	assert_int_equal(a->image->files_used, b->image->files_used);
	assert_same_names(a->image, b->image);
	gp_image_finish(a->image);
	gp_image_finish(b->image);
	assert_same_text(&a->image->order, &b->image->order);
	assert_int_equal(a->image->lines, b->image->lines);
	assert_int_equal(a->image->keys, b->image->keys);
	assert_int_equal(a->image->source.parent_depths,
			 b->image->source.parent_depths);
}

static void forget(struct result *result)
{
	gp_image_free(&result->image);
	gp_text_deinit(&result->errors);
}

static void compare(unsigned seed, size_t size, unsigned threads)
{
	struct result whole, ahead;
	struct gp_text text;

	make_text(seed, &text);
	parse_whole(&text, &whole);
	parse_ahead(&text, size, threads, &ahead);
	assert_same(&whole, &ahead);
	forget(&whole);
	forget(&ahead);
	gp_text_deinit(&text);
}

static void test_pieces_in_one_thread(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 3000; seed++)
		compare(seed, 1 + seed % 200, 0);
}

static void test_pieces_in_threads(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 1000; seed++)
		compare(seed, 1 + seed % 300, 1 + seed % GP_AHEAD_THREADS);
}

/* That sorted files are known as such shows that pieces are joined rightly. */
static void test_sorted_files_stay_sorted(void **state)
{
	struct result ahead;
	struct gp_text text;

	(void)state;
	make_text(97 * 4 + 93, &text);
	parse_ahead(&text, 100, 1, &ahead);
	assert_true(ahead.image->lines > 40);
	assert_true(ahead.image->sorted);
	assert_true(ahead.image->counted);
	forget(&ahead);
	gp_text_deinit(&text);
}

/* However long: a comment is not kept. */
static void test_comments_take_no_room(void **state)
{
	struct result whole, ahead;
	struct gp_text text;
	unsigned i;

	(void)state;
	gp_text_init(&text);
	gp_text_add(&text, "a@example.com imap=off\n");
	for (i = 0; i < 1000; i++)
		gp_text_addf(&text, "%s# %0200u\n", i % 2 == 0 ? "" : " ", i);
	gp_text_addf(&text, "#%0200000u\n pop3=off\nb@example.com imap=on\n",
		     i);
	parse_whole(&text, &whole);
	room_max = 0;
	parse_ahead(&text, 512, 1, &ahead);
	assert_same(&whole, &ahead);
	assert_int_equal(ahead.image->lines, 1);
	assert_non_null(strstr(ahead.errors.data, ":1004:"));
	/* A byte for each line, in a piece that doubles. */
	assert_in_range(room_max, 512, 2048);
	forget(&whole);
	forget(&ahead);
	gp_text_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_in_one_thread),
		cmocka_unit_test(test_pieces_in_threads),
		cmocka_unit_test(test_sorted_files_stay_sorted),
		cmocka_unit_test(test_comments_take_no_room)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
