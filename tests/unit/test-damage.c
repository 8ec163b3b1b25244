/* Every damage that a small map can take: the reader says no. Then, with the
   digest made to fit, what the checks behind it still catch. */

#include "tests/unit/map-fixture.h"
#include "shared/map/mapfile.h"

#define PAGE 4096
#define TRAILER PAGE

/* Three levels of keys, all kinds of records, more than one leaf. */
static const char few_rules[] =
	"net:office 192.0.2.0/24\n"
	"profile:sales imap=off\n"
	"* all=off\n"
	"one.example pop3=off\n"
	"a@example.com profile=sales allow_nets=office\n";

static const char *path(void)
{
	return fixture_path("map");
}

static bool is_taken(void)
{
	struct gp_map *map = gp_map_new(path(), geteuid());
	const char *error;
	bool taken = gp_map_source(map, &error) != NULL;

	gp_map_free(&map);
	return taken;
}

static void test_every_byte_flipped(void **state)
{
	unsigned char *data;
	size_t i, len;

	(void)state;
	fixture_compile(path(), few_rules);
	len = fixture_read(path(), &data);
	for (i = 0; i < len; i++) {
		int fd = open(path(), O_WRONLY);
		unsigned char byte = data[i] ^ (1 << i % 8);

		assert_true(fd >= 0);
		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
		if (is_taken())
			fail_msg("byte %zu flipped and not noticed", i);
		assert_int_equal(pwrite(fd, &data[i], 1, i), 1);
		close(fd);
	}
	assert_true(is_taken());
	free(data);
}

static void test_every_length(void **state)
{
	unsigned char *data;
	size_t len, cut;

	(void)state;
	fixture_compile(path(), few_rules);
	len = fixture_read(path(), &data);
	/* Ends that are not a page's end are refused unread. */
	for (cut = len; cut-- > 0;) {
		assert_int_equal(truncate(path(), cut), 0);
		if (is_taken())
			fail_msg("cut to %zu bytes and not noticed", cut);
	}
	/* And bytes behind its end. */
	fixture_overwrite(path(), data, len);
	for (cut = len + 1; cut < len + 3 * PAGE; cut += 511) {
		assert_int_equal(truncate(path(), cut), 0);
		assert_false(is_taken());
	}
	free(data);
}

static void fill(struct gp_text *rules, unsigned count)
{
	unsigned i;

	gp_text_init(rules);
	gp_text_add(rules, few_rules);
	for (i = 0; i < count; i++)
		gp_text_addf(rules, "user%u@example.com imap=off\n", i);
}

static void swap_pages(unsigned char *data, size_t a, size_t b)
{
	unsigned char page[PAGE];

	memcpy(page, data + a * PAGE, PAGE);
	memcpy(data + a * PAGE, data + b * PAGE, PAGE);
	memcpy(data + b * PAGE, page, PAGE);
}

static void test_every_two_pages_exchanged(void **state)
{
	unsigned char *data;
	struct gp_text rules;
	size_t a, b, len;

	(void)state;
	fill(&rules, 500);
	fixture_compile(path(), rules.data);
	len = fixture_read(path(), &data);
	assert_in_range(len / PAGE, 8, 100);
	for (a = 0; a < len / PAGE; a++) {
		for (b = a + 1; b < len / PAGE; b++) {
			if (memcmp(data + a * PAGE, data + b * PAGE,
				   PAGE) == 0)
				continue;
			swap_pages(data, a, b);
			fixture_overwrite(path(), data, len);
			if (is_taken())
				fail_msg("pages %zu and %zu exchanged", a, b);
			swap_pages(data, a, b);
		}
	}
	fixture_overwrite(path(), data, len);
	assert_true(is_taken());
	free(data);
	gp_text_deinit(&rules);
}

/* One file's pages in the other, both compiled from rules of one shape. */
static void test_pages_of_another_map(void **state)
{
	unsigned char *data, *other;
	size_t i, len;

	(void)state;
	fixture_compile(path(), "* all=tls\n");
	len = fixture_read(path(), &other);
	fixture_compile(path(), "* all=off\n");
	assert_int_equal(fixture_read(path(), &data), len);
	for (i = 0; i < len; i += PAGE) {
		unsigned char page[PAGE];

		if (memcmp(data + i, other + i, PAGE) == 0)
			continue;
		memcpy(page, data + i, PAGE);
		memcpy(data + i, other + i, PAGE);
		fixture_overwrite(path(), data, len);
		assert_false(is_taken());
		memcpy(data + i, page, PAGE);
	}
	free(data);
	free(other);
}

/* Makes the file's digest that of its bytes. */
static void seal(const unsigned char *data, size_t len)
{
	const char *error;
	int fd;

	fixture_overwrite(path(), data, len);
	fd = open(path(), O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(gp_mapfile_seal(fd, len - TRAILER, &error), 0);
	close(fd);
}

/* What a decision gets to know for each key: the lines' sets, or -1. */
static int look_up(struct gp_map *map, const char *name)
{
	struct gp_arena *arena = gp_arena_new();
	struct gp_lines lines;
	const char *error;
	const struct gp_source *source = gp_map_source(map, &error);
	int found = -1;

	if (source != NULL)
		found = fixture_lines(source, name, arena, &lines);
	if (found > 0)
		found = lines.line[0].set;
	gp_arena_free(&arena);
	return found;
}

/* Where these bytes stand in the file, which holds them once. */
static size_t find_bytes(const unsigned char *data, size_t len,
			 const char *bytes, size_t bytes_len)
{
	const unsigned char *found = memmem(data, len, bytes, bytes_len);

	assert_non_null(found);
	return found - data;
}

/* Each record's own check, where the digest says nothing. */
static void test_every_byte_of_a_value(void **state)
{
	static const size_t value_len = 8 + 1 + 4;
	unsigned char *data;
	size_t i, at, len;
	struct gp_map *map;
	int sound;

	(void)state;
	fixture_compile(path(), few_rules);
	map = gp_map_new(path(), geteuid());
	sound = look_up(map, "one.example");
	assert_int_equal(sound, GP_ATTR_BIT(GP_POP3));
	gp_map_free(&map);
	len = fixture_read(path(), &data);
	at = find_bytes(data, len, "one.example\0", 12) + 12;
	for (i = at; i < at + value_len; i++) {
		data[i] ^= 1 << i % 8;
		seal(data, len);
		map = gp_map_new(path(), geteuid());
		assert_int_equal(look_up(map, "one.example"), -1);
		/* The others are what they were. */
		assert_int_equal(look_up(map, "*"), GP_SERVICE_BITS);
		gp_map_free(&map);
		data[i] ^= 1 << i % 8;
	}
	free(data);
}

/* What the damaged rule would have refused is not let in. */
static void test_a_damaged_rule_is_no_leave(void **state)
{
	static const struct gp_policy policy = { .local_is_encrypted = true };
	struct gp_request request = {
		.login = "x@one.example", .login_len = 13, .service = GP_POP3,
		.tls = GP_TLS_1_3, .authenticated = true
	};
	struct gp_arena *scratch = gp_arena_new();
	struct gp_verdict verdict;
	unsigned char *data;
	struct gp_map *map;
	size_t len;

	(void)state;
	fixture_compile(path(), "* all=tls\none.example pop3=off\n");
	map = gp_map_new(path(), geteuid());
	gp_map_judge(map, &policy, &request, scratch, &verdict);
	assert_int_equal(verdict.kind, GP_REFUSE);
	gp_map_free(&map);
	len = fixture_read(path(), &data);
	data[find_bytes(data, len, "one.example\0", 12) + 12 + 8 + 1] ^= 3;
	seal(data, len);
	map = gp_map_new(path(), geteuid());
	gp_map_judge(map, &policy, &request, scratch, &verdict);
	assert_int_equal(verdict.kind, GP_DEFER);
	assert_non_null(strstr(verdict.error, path()));
	gp_map_free(&map);
	free(data);
	gp_arena_free(&scratch);
}

/* A value under another key: the rule of one domain for another's. */
static void test_a_value_under_another_key(void **state)
{
	unsigned char *data;
	size_t len, at;
	struct gp_map *map;

	(void)state;
	fixture_compile(path(), few_rules);
	len = fixture_read(path(), &data);
	at = find_bytes(data, len, "one.example\0", 12);
	data[at + 2] = 'f';
	seal(data, len);
	map = gp_map_new(path(), geteuid());
	assert_int_equal(look_up(map, "onf.example"), -1);
	gp_map_free(&map);
	free(data);
}

/* The little of LMDB's pages that this test has to know. */
#define PAGE_FLAGS 10
#define PAGE_LOWER 12
#define PAGE_HEADER 16
#define IS_BRANCH 0x01

/* A branch page with a single key is what LMDB asserts never to see; the
   process lives on. */
static void test_an_assertion_of_lmdb(void **state)
{
	struct gp_text rules;
	unsigned char *data;
	size_t at, len;
	struct gp_map *map;
	unsigned branches = 0;
	const char *error;

	(void)state;
	fill(&rules, 500);
	fixture_compile(path(), rules.data);
	len = fixture_read(path(), &data);
	for (at = 2 * PAGE; at < len - TRAILER; at += PAGE) {
		if (data[at + PAGE_FLAGS] == IS_BRANCH) {
			data[at + PAGE_LOWER] = PAGE_HEADER + 2;
			data[at + PAGE_LOWER + 1] = 0;
			branches++;
		}
	}
	assert_int_equal(branches, 1);
	seal(data, len);
	map = gp_map_new(path(), geteuid());
	/* The meta record is there no more than any other. */
	assert_null(gp_map_source(map, &error));
	assert_non_null(strstr(error, "gatemap"));
	gp_map_free(&map);
	free(data);
	gp_text_deinit(&rules);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, \
						   fixture_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_every_byte_flipped),
		TEST(test_every_length),
		TEST(test_every_two_pages_exchanged),
		TEST(test_pages_of_another_map),
		TEST(test_every_byte_of_a_value),
		TEST(test_a_damaged_rule_is_no_leave),
		TEST(test_a_value_under_another_key),
		TEST(test_an_assertion_of_lmdb),
	};

	return cmocka_run_group_tests_name("damage", tests, NULL, NULL);
}
