/* Compiled rules in memory: their order, what is found, what is taken out. */

#include "tests/unit/arena-fixture.h"
#include "tests/unit/map-fixture.h"
#include "shared/map/image-data.h"
#include "shared/map/record.h"

static const char rules[] =
	"net:office 192.0.2.0/24\n"
	"profile:sales pop3=off trusted_nets=office\n"
	"profile:unused imap=off\n"
	"bob@example.com imap=off\n"
	"* all=tls\n"
	".example.com tls_min=1.3\n"
	".a.b.example.com tls_min=1.3\n"
	"example.com pop3=off\n"
	"alice@ imap=off\n"
	"example.com imap=off mode=trial\n"
	"alice@example.com profile=sales\n";

struct seen {
	size_t keys;
	size_t lines;
	char last[GP_KEY_MAX];
	size_t last_len;
};

static int see(void *context, const char *key, size_t key_len,
	       const struct gp_lines *lines)
{
	struct seen *seen = context;
	size_t i;

	if (seen->keys > 0)
		assert_true(gp_image_compare(seen->last, seen->last_len,
					     key, key_len) < 0);
	for (i = 1; i < lines->count; i++)
		assert_true(lines->line[i - 1].number <
			    lines->line[i].number);
	memcpy(seen->last, key, key_len);
	seen->last_len = key_len;
	seen->keys++;
	seen->lines += lines->count;
	return 0;
}

static void walk(const struct gp_source *source, const char *from, size_t len,
		 struct seen *seen)
{
	const char *error;

	memset(seen, 0, sizeof(*seen));
	assert_int_equal(source->walk(source->context, from, len, see, seen,
				      &error), 0);
}

static void test_look_ups(void **state)
{
	struct gp_image *image = fixture_image(rules);
	const struct gp_source *source = gp_image_source(image);
	struct gp_lines lines;
	struct gp_netset set;
	const char *error;

	(void)state;
	assert_int_equal(fixture_lines(source, "*", arena, &lines), 1);
	assert_int_equal(lines.line[0].service[GP_WEBMAIL], GP_TLS);
	assert_int_equal(lines.line[0].number, 5);
	assert_int_equal(fixture_lines(source, "example.com", arena, &lines),
			 2);
	assert_true(lines.line[1].trial);
	assert_int_equal(fixture_lines(source, "alice@", arena, &lines), 1);
	assert_int_equal(fixture_lines(source, "carol@example.com", arena,
				       &lines), 0);
	assert_int_equal(fixture_lines(source, "@", arena, &lines), 0);

	assert_int_equal(source->profile_count, 2);
	assert_string_equal(source->profile_name(image, 1), "unused");
	assert_null(source->profile_name(image, 2));
	assert_int_equal(source->profile(image, 0, arena, &lines, &error), 1);
	assert_int_equal(lines.line[0].number, 2);
	assert_int_equal(source->profile(image, 9, arena, &lines, &error), 0);

	assert_int_equal(source->net_count, 1);
	assert_string_equal(source->net_name(image, 0), "office");
	assert_int_equal(source->net(image, 0, &set, &error), 1);
	assert_int_equal(set.count, 1);
	assert_int_equal(source->net(image, 1, &set, &error), 0);
	assert_string_equal(source->file_name(image, 0), "rules");
	assert_null(source->file_name(image, 1));
	assert_string_equal(source->default_domain, "example.com");
	assert_true(source->compiled == FIXTURE_COMPILED);
	gp_image_free(&image);
}

static void test_counts_and_depths(void **state)
{
	struct gp_image *image = fixture_image(rules);
	uint64_t lines, keys;

	(void)state;
	gp_image_counts(image, &lines, &keys);
	assert_int_equal(lines, 8);
	assert_int_equal(keys, 7);
	/* .example.com has two labels, .a.b.example.com four. */
	assert_int_equal(gp_image_source(image)->parent_depths,
			 1 << 2 | 1 << 4);
	gp_image_free(&image);
}

static void test_walks(void **state)
{
	struct gp_image *image = fixture_image(rules);
	const struct gp_source *source = gp_image_source(image);
	struct seen seen;

	(void)state;
	walk(source, "", 0, &seen);
	assert_int_equal(seen.keys, 7);
	assert_int_equal(seen.lines, 8);
	walk(source, "example.com\0b", 13, &seen);
	assert_int_equal(seen.keys, 1);
	walk(source, GP_KEY_EVERY, GP_KEY_EVERY_LEN, &seen);
	assert_int_equal(seen.keys, 6);
	walk(source, "z", 1, &seen);
	assert_int_equal(seen.keys, 0);
	gp_image_free(&image);
}

static int stop(void *context, const char *key, size_t key_len,
		const struct gp_lines *lines)
{
	(void)key;
	(void)key_len;
	(void)lines;
	return ++*(int *)context == 2 ? 42 : 0;
}

static void test_a_walk_ends_when_told(void **state)
{
	struct gp_image *image = fixture_image(rules);
	const struct gp_source *source = gp_image_source(image);
	const char *error;
	int calls = 0;

	(void)state;
	assert_int_equal(source->walk(image, "", 0, stop, &calls, &error),
			 42);
	assert_int_equal(calls, 2);
	gp_image_free(&image);
}

static void add_key(struct gp_image *image, const char *key, size_t len,
		    uint32_t number)
{
	const struct gp_parse_sink *sink = gp_image_sink(image);
	struct gp_line line = { .set = 1, .service = { GP_OFF },
				.until = INT64_MAX, .number = number };

	sink->line(sink->context, key, len, &line);
}

/* Keys of few letters and many lengths, NULs among them, so that each is often
   the beginning of another or the same. */
static size_t random_key(char key[GP_KEY_MAX], unsigned letters)
{
	size_t i, len = 1 + random() % (random() % 8 == 0 ? 40 : 12);

	for (i = 0; i < len; i++)
		key[i] = "\0a.\xff"[random() % letters];
	/* Not one of the reserved keys. */
	if (key[0] == '\1')
		key[0] = 'a';
	return len;
}

static void assert_sorted(struct gp_image *image, size_t lines)
{
	struct seen seen;

	walk(gp_image_source(image), "", 0, &seen);
	assert_int_equal(seen.lines, lines);
}

static void test_the_order_of_random_keys(void **state)
{
	char key[GP_KEY_MAX];
	unsigned letters;
	uint32_t i;

	(void)state;
	srandom(4711);
	for (letters = 1; letters <= 4; letters++) {
		struct gp_image *image = gp_image_new();

		for (i = 0; i < 20000; i++)
			add_key(image, key, random_key(key, letters), i + 1);
		assert_sorted(image, 20000);
		gp_image_free(&image);
	}
}

/* Shapes that are the death of a naive quicksort. */
static void test_the_order_of_patterns(void **state)
{
	static const size_t count = 30000;
	unsigned shape;
	size_t i;

	(void)state;
	for (shape = 0; shape < 4; shape++) {
		struct gp_image *image = gp_image_new();
		char key[32];

		for (i = 0; i < count; i++) {
			size_t value = shape == 0 ? i : shape == 1 ?
				count - i : shape == 2 ?
				(i < count / 2 ? i : count - i) : i % 7;

			add_key(image, key, snprintf(key, sizeof(key),
						     "k%08zu", value), i + 1);
		}
		assert_sorted(image, count);
		gp_image_free(&image);
	}
}

/* Behind the key that came last, and yet not behind all. */
static void test_more_after_it_was_sorted(void **state)
{
	struct gp_image *image = gp_image_new();

	(void)state;
	add_key(image, "b", 1, 1);
	add_key(image, "a", 1, 2);
	gp_image_finish(image);
	add_key(image, "aa", 2, 3);
	assert_sorted(image, 3);
	add_key(image, "c", 1, 4);
	assert_sorted(image, 4);
	assert_int_equal(gp_image_remove(image, "c", 1), 1);
	add_key(image, "bb", 2, 5);
	assert_sorted(image, 4);
	gp_image_free(&image);
}

static void test_removal(void **state)
{
	struct gp_image *image = fixture_image(rules);
	const struct gp_source *source;
	struct gp_lines lines;
	uint64_t line_count, keys;

	(void)state;
	assert_int_equal(gp_image_remove(image, "example.com\0", 12), 2);
	assert_int_equal(gp_image_remove(image, "example.com\0", 12), 0);
	assert_int_equal(gp_image_remove(image, "example.org\0", 12), 0);
	assert_int_equal(gp_image_remove(image, ".a.b.example.com\0", 17), 1);
	add_key(image, "example.com\0", 12, 99);
	/* Out of order, then taken out before it was sorted. */
	add_key(image, "a\0", 2, 100);
	assert_int_equal(gp_image_remove(image, "a\0", 2), 1);
	gp_image_finish(image);
	source = gp_image_source(image);
	assert_int_equal(fixture_lines(source, "example.com", arena, &lines),
			 1);
	assert_int_equal(lines.line[0].number, 99);
	assert_int_equal(fixture_lines(source, ".a.b.example.com", arena,
				       &lines), 0);
	assert_int_equal(source->parent_depths, 1 << 2);
	gp_image_counts(image, &line_count, &keys);
	assert_int_equal(line_count, 6);
	assert_int_equal(keys, 6);
	gp_image_free(&image);
}

static void test_removal_of_named_things(void **state)
{
	struct gp_image *image = fixture_image(rules);
	const struct gp_source *source;
	struct gp_lines lines;
	struct gp_netset set;
	const char *error;

	(void)state;
	assert_int_equal(gp_image_remove_profile(image, 0), 1);
	assert_true(gp_image_remove_net(image, 0));
	assert_false(gp_image_remove_net(image, 0));
	gp_image_finish(image);
	source = gp_image_source(image);
	assert_int_equal(source->profile(image, 0, arena, &lines, &error), 0);
	assert_int_equal(source->profile(image, 1, arena, &lines, &error), 1);
	assert_int_equal(source->net(image, 0, &set, &error), 0);
	assert_string_equal(source->net_name(image, 0), "office");
	gp_image_free(&image);
}

static void test_a_net_is_replaced(void **state)
{
	struct gp_image *image = fixture_image("net:a 192.0.2.1\n");
	struct gp_netset set;
	const char *error;

	(void)state;
	fixture_parse(image, 1, "net:a 192.0.2.7,192.0.2.9\n");
	assert_int_equal(gp_image_source(image)->net(image, 0, &set, &error),
			 1);
	assert_int_equal(set.count, 2);
	gp_image_free(&image);
}

static void test_a_copy_of_a_source(void **state)
{
	struct gp_image *image = fixture_image(rules);
	struct gp_image *copy = gp_image_new();
	const struct gp_source *source;
	uint64_t lines[2], keys[2];
	const char *error;
	struct gp_lines found;
	struct gp_netset set;

	(void)state;
	assert_int_equal(gp_image_add_source(copy, gp_image_source(image),
					     &error), 0);
	gp_image_finish(copy);
	source = gp_image_source(copy);
	gp_image_counts(image, &lines[0], &keys[0]);
	gp_image_counts(copy, &lines[1], &keys[1]);
	assert_int_equal(lines[0], lines[1]);
	assert_int_equal(keys[0], keys[1]);
	assert_string_equal(source->profile_name(copy, 0), "sales");
	assert_int_equal(source->profile(copy, 0, arena, &found, &error), 1);
	assert_int_equal(source->net(copy, 0, &set, &error), 1);
	assert_string_equal(source->net_name(copy, 0), "office");
	assert_string_equal(source->file_name(copy, 0), "rules");
	assert_string_equal(source->recipient_delimiter, "+");
	assert_true(source->compiled == FIXTURE_COMPILED);
	assert_int_equal(source->parent_depths,
			 gp_image_source(image)->parent_depths);
	gp_image_free(&copy);
	gp_image_free(&image);
}

static void test_an_empty_image(void **state)
{
	struct gp_image *image = gp_image_new();
	const struct gp_source *source = gp_image_source(image);
	struct gp_lines lines;
	struct seen seen;

	(void)state;
	assert_int_equal(fixture_lines(source, "*", arena, &lines), 0);
	walk(source, "", 0, &seen);
	assert_int_equal(seen.keys, 0);
	gp_image_free(&image);
	assert_null(image);
	gp_image_free(&image);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_look_ups),
		cmocka_unit_test(test_counts_and_depths),
		cmocka_unit_test(test_walks),
		cmocka_unit_test(test_a_walk_ends_when_told),
		cmocka_unit_test(test_the_order_of_random_keys),
		cmocka_unit_test(test_the_order_of_patterns),
		cmocka_unit_test(test_more_after_it_was_sorted),
		cmocka_unit_test(test_removal),
		cmocka_unit_test(test_removal_of_named_things),
		cmocka_unit_test(test_a_net_is_replaced),
		cmocka_unit_test(test_a_copy_of_a_source),
		cmocka_unit_test(test_an_empty_image),
	};

	return cmocka_run_group_tests_name("image", tests, arena_setup,
					   arena_teardown);
}
