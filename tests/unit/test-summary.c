/* From where cleartext is accepted by any line, and the file that says so. */

#include "tests/unit/map-fixture.h"
#include "shared/map/summary.h"

static struct gp_arena *arena;

static int setup(void **state)
{
	arena = gp_arena_new();
	return fixture_setup(state);
}

static int teardown(void **state)
{
	gp_arena_free(&arena);
	return fixture_teardown(state);
}

#define NOWHERE ""
#define ANYWHERE "anywhere"

static const char *summary_text(const struct gp_summary *summary)
{
	struct gp_text text;
	const char *copy;

	if (summary->anywhere)
		return ANYWHERE;
	gp_text_init(&text);
	gp_netset_print(&summary->networks, &text);
	copy = gp_arena_strdup(arena, text.data);
	gp_text_deinit(&text);
	return copy;
}

static const struct {
	const char *rules;
	const char *summary;
} table[] = {
	{ "* all=tls\n", NOWHERE },
	{ "* all=off\n", NOWHERE },
	{ "", NOWHERE },
	{ "* all=cleartext\n", ANYWHERE },
	{ "a@example.com imap=cleartext\n", ANYWHERE },
	{ "a@example.com webmail=cleartext\n", ANYWHERE },
	{ "* all=tls\n.example.com pop3=cleartext\n", ANYWHERE },
	/* On trial, over, not yet, locked away: all the same. */
	{ "a@example.com imap=cleartext mode=trial\n", ANYWHERE },
	{ "a@example.com imap=cleartext until=2020-01-01T00:00:00Z\n",
	  ANYWHERE },
	{ "a@example.com imap=cleartext from=2120-01-01T00:00:00Z\n",
	  ANYWHERE },
	{ "* all=tls lock\nexample.com imap=cleartext\n", ANYWHERE },
	/* An allow_nets beside it may be another one in the end. */
	{ "a@example.com imap=cleartext allow_nets=192.0.2.1\n", ANYWHERE },
	{ "profile:p imap=cleartext\na@example.com profile=p\n", ANYWHERE },
	{ "profile:p imap=cleartext\n", ANYWHERE },
	{ "* all=tls cleartext_nets=192.0.2.0/24\n", "192.0.2.0/24" },
	{ "* all=tls cleartext_nets=none\n", NOWHERE },
	{ "* all=tls allow_nets=192.0.2.0/24 trusted_nets=192.0.2.0/24\n",
	  NOWHERE },
	{ "* submission=tls unauthenticated_nets=192.0.2.0/24\n", NOWHERE },
	{ "net:p 192.0.2.8,2001:db8::/32\n"
	  "a@example.com cleartext_nets=p,192.0.2.9\n"
	  "profile:q cleartext_nets=p,198.51.100.1\n"
	  "b@example.com cleartext_nets=198.51.100.0\n",
	  "192.0.2.8/31,198.51.100.0/31,2001:db8::/32" },
	{ "net:unused 192.0.2.8\n* all=tls\n", NOWHERE },
};

static void test_what_rules_come_to(void **state)
{
	struct gp_summary summary;
	const char *error;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct gp_image *image = fixture_image(table[i].rules);

		assert_int_equal(gp_summary_make(gp_image_source(image), arena,
						 &summary, &error), 0);
		if (strcmp(summary_text(&summary), table[i].summary) != 0)
			fail_msg("%s: %s", table[i].rules,
				 summary_text(&summary));
		gp_image_free(&image);
	}
}

/* Ten thousand networks that are no neighbours, or one ten thousand times. */
static void make_many(const char *format, struct gp_summary *summary_r)
{
	struct gp_text rules;
	struct gp_image *image;
	const char *error;
	unsigned i;

	gp_text_init(&rules);
	for (i = 0; i < 70000; i++)
		gp_text_addf(&rules, format, i, i >> 7 & 0xff,
			     i << 1 & 0xff);
	image = fixture_image(rules.data);
	gp_text_deinit(&rules);
	assert_int_equal(gp_summary_make(gp_image_source(image), arena,
					 summary_r, &error), 0);
	gp_image_free(&image);
}

static void test_many_networks(void **state)
{
	unsigned char bytes[GP_SUMMARY_MAX];
	struct gp_summary summary;

	(void)state;
	make_many("u%u@example.com cleartext_nets=10.0.%u.%u\n", &summary);
	gp_summary_encode(&summary, bytes);
	assert_int_equal(gp_summary_decode(bytes, 32, &summary), 0);
	assert_true(summary.anywhere);
	make_many("u%u@example.com cleartext_nets=10.0.0.1\n", &summary);
	assert_string_equal(summary_text(&summary), "10.0.0.1");
}

static void make_networks(struct gp_summary *summary, size_t count)
{
	struct gp_range *ranges = gp_arena_alloc(arena, count *
						 sizeof(*ranges));
	size_t i;

	for (i = 0; i < count; i++) {
		ranges[i].first[14] = ranges[i].last[14] = i >> 7;
		ranges[i].first[15] = ranges[i].last[15] = i << 1;
	}
	summary->anywhere = false;
	summary->networks.ranges = ranges;
	summary->networks.count = count;
}

static void test_bytes_return(void **state)
{
	static const size_t counts[] = { 0, 1, 5, 127, 128, 100000 };
	unsigned char bytes[GP_SUMMARY_MAX];
	struct gp_summary in, out;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		make_networks(&in, counts[i]);
		len = gp_summary_encode(&in, bytes);
		assert_int_equal(gp_summary_decode(bytes, len, &out), 0);
		assert_int_equal(out.anywhere, counts[i] > 127);
		assert_int_equal(out.networks.count,
				 out.anywhere ? 0 : counts[i]);
		if (out.networks.count > 0)
			assert_memory_equal(out.networks.ranges,
					    in.networks.ranges,
					    counts[i] *
					    sizeof(struct gp_range));
	}
}

static void test_damaged_bytes(void **state)
{
	unsigned char bytes[GP_SUMMARY_MAX];
	struct gp_summary summary;
	size_t i, len;
	unsigned bit;

	(void)state;
	make_networks(&summary, 2);
	len = gp_summary_encode(&summary, bytes);
	for (i = 0; i < len; i++) {
		assert_int_equal(gp_summary_decode(bytes, i, &summary), -1);
		for (bit = 0; bit < 8; bit++) {
			bytes[i] ^= 1 << bit;
			assert_int_equal(gp_summary_decode(bytes, len,
							   &summary), -1);
			bytes[i] ^= 1 << bit;
		}
	}
	assert_int_equal(gp_summary_decode(bytes, len, &summary), 0);
	/* The new half of a torn write, and the old one. */
	make_networks(&summary, 3);
	gp_summary_encode(&summary, bytes);
	assert_int_equal(gp_summary_decode(bytes, len, &summary), -1);
}

/* A short one over a long one. */
static void test_written_over(void **state)
{
	const char *path = fixture_path("s.summary"), *error;
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	unsigned char bytes[GP_SUMMARY_MAX];
	struct gp_summary summary, found;

	(void)state;
	assert_true(fd >= 0);
	make_networks(&summary, 100);
	assert_int_equal(gp_summary_write(fd, path, &summary, &error), 0);
	make_networks(&summary, 1);
	assert_int_equal(gp_summary_write(fd, path, &summary, &error), 0);
	close(fd);
	assert_int_equal(gp_summary_read(path, bytes, &found), 0);
	assert_int_equal(found.networks.count, 1);
	assert_int_equal(gp_summary_read(fixture_path("none"), bytes, &found),
			 -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_rules_come_to),
		cmocka_unit_test(test_many_networks),
		cmocka_unit_test(test_bytes_return),
		cmocka_unit_test(test_damaged_bytes),
		cmocka_unit_test(test_written_over),
	};

	return cmocka_run_group_tests_name("summary", tests, setup, teardown);
}
