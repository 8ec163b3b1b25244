/* Networks as they are written, and sets of them. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/arena-fixture.h"
#include "shared/net/netset.h"

/* Reads a comma-separated list. */
static void read_set(const char *list, struct gp_netset *set_r)
{
	struct gp_netset_builder builder;
	char *copy = gp_arena_strdup(arena, list), *next;
	const char *error;

	gp_netset_builder_init(&builder);
	while ((next = strsep(&copy, ",")) != NULL) {
		if (*next != '\0' &&
		    gp_netset_builder_add(&builder, next, arena, &error) < 0)
			fail_msg("%s: %s", next, error);
	}
	gp_netset_builder_finish(&builder, arena, set_r);
	gp_netset_builder_deinit(&builder);
	assert_true(gp_netset_is_sound(set_r));
}

static bool set_has(const struct gp_netset *set, const char *str)
{
	struct gp_address address;

	assert_int_equal(gp_address_parse(str, &address), 0);
	return gp_netset_contains(set, &address);
}

static const char *print_set(const struct gp_netset *set)
{
	struct gp_text text;
	const char *copy;

	gp_text_init(&text);
	gp_netset_print(set, &text);
	copy = gp_arena_strdup(arena, text.data);
	gp_text_deinit(&text);
	return copy;
}

struct print_case {
	const char *written;
	const char *printed;
};

static const struct print_case printed_sets[] = {
	{ "", "" },
	{ "192.0.2.1", "192.0.2.1" },
	{ "192.0.2.1/32", "192.0.2.1" },
	{ "192.0.2.0/24", "192.0.2.0/24" },
	{ "192.0.2.0-192.0.2.255", "192.0.2.0/24" },
	{ "192.0.2.1-192.0.2.1", "192.0.2.1" },
	{ "192.0.2.200-192.0.2.210", "192.0.2.200-192.0.2.210" },
	{ "0.0.0.0/0", "0.0.0.0/0" },
	{ "::ffff:192.0.2.0/120", "192.0.2.0/24" },
	{ "::ffff:c000:200/120", "192.0.2.0/24" },
	{ "::ffff:0:0/96", "0.0.0.0/0" },
	{ "::ffff:192.0.2.1-::ffff:192.0.2.9",
	  "192.0.2.1-192.0.2.9" },
	{ "2001:db8::/32", "2001:db8::/32" },
	{ "2001:DB8::1/128", "2001:db8::1" },
	{ "2001:db8::1-2001:db8::5", "2001:db8::1-2001:db8::5" },
	{ "fe80::/10", "fe80::/10" },
	/* IPv6 networks hold no IPv4 addresses. */
	{ "::/0", "::/0" },
	{ "::/0,0.0.0.0/0", "0.0.0.0/0,::/0" },
	{ "::/64", "::/64" },
	{ "::-2001:db8::", "::-2001:db8::" },
	{ "::fffe:0:0/95", "::fffe:0:0/96" },
	{ "::/0,192.0.2.0/24", "192.0.2.0/24,::/0" },
	{ "::-::fffe:ffff:ffff", "::-::fffe:ffff:ffff" },
	{ "::-::fffe:ffff:ffff,0.0.0.0/0",
	  "0.0.0.0/0,::-::fffe:ffff:ffff" },
	{ "0:0:0:1::-2001::,255.0.0.0/8,::fffe:0:0/96",
	  "255.0.0.0/8,::fffe:0:0/96,0:0:0:1::-2001::" },
	{ "0:0:0:0:1::-2001::,255.0.0.0/8",
	  "255.0.0.0/8,::1:0:0:0-2001::" },
	/* What overlaps or touches is joined. */
	{ "192.0.2.0/25,192.0.2.128/25", "192.0.2.0/24" },
	{ "192.0.2.128/25,192.0.2.0/25", "192.0.2.0/24" },
	{ "192.0.2.0/24,192.0.2.7,192.0.2.0/26", "192.0.2.0/24" },
	{ "192.0.2.0/24,192.0.3.5", "192.0.2.0/24,192.0.3.5" },
	{ "192.0.2.0/24,192.0.3.0", "192.0.2.0-192.0.3.0" },
	{ "2001:db8::/32,192.0.2.1,10.0.0.0/8",
	  "10.0.0.0/8,192.0.2.1,2001:db8::/32" },
	{ "8000::/1,::/1", "::/0" },
};

static void sets_are_printed_as_they_are_written(void **state)
{
	struct gp_netset set, again;
	const char *printed;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(printed_sets) / sizeof(printed_sets[0]); i++) {
		read_set(printed_sets[i].written, &set);
		printed = print_set(&set);
		if (strcmp(printed, printed_sets[i].printed) != 0)
			fail_msg("%s: %s", printed_sets[i].written, printed);
		read_set(printed, &again);
		assert_int_equal(set.count, again.count);
		assert_memory_equal(set.ranges, again.ranges,
				    set.count * sizeof(*set.ranges));
	}
}

struct bad_case {
	const char *written;
	/* In the error. */
	const char *says;
};

static const struct bad_case wrong[] = {
	{ "", "an empty network" },
	{ "192.0.2.1/24", "192.0.2.1/24 has host bits; write "
	  "192.0.2.0/24 for the network or 192.0.2.1" },
	{ "2001:db8::1/64", "host bits; write 2001:db8::/64" },
	{ "1.2.3.4/0", "host bits; write 0.0.0.0/0" },
	{ "::1/0", "host bits; write ::/0" },
	{ "::ffff:192.0.2.1/120", "host bits; write 192.0.2.0/24" },
	{ "::ffff:192.0.2.0/24", "write 192.0.2.0/24" },
	{ "::ffff:0:0/95", "write 0.0.0.0/0" },
	{ "::ffff:10.0.0.0/90", "write 0.0.0.0/0" },
	{ "192.0.2.0/33", "at most 32 bits; write /32" },
	{ "192.0.2.0/99999999999999999999", "at most 32 bits" },
	{ "2001:db8::/129", "at most 128 bits; write /128" },
	{ "192.0.2.0/", "lacks the length of its prefix" },
	{ "192.0.2.0/x", "the length of a prefix is a number" },
	{ "192.0.2.0/-1", "a range has two addresses" },
	{ "192.0.2.0/+1", "the length of a prefix is a number" },
	{ "192.0.2.0/24/24", "the length of a prefix is a number" },
	{ "192.0.2.0/024", "leading zeros; write 192.0.2.0/24" },
	{ "192.0.2.0/00", "leading zeros; write 192.0.2.0/0" },
	{ "192.0.2.0/255.255.255.0", "netmask; write 192.0.2.0/24" },
	{ "10.0.0.0/255.0.0.0", "netmask; write 10.0.0.0/8" },
	{ "10.0.0.0/255.0.255.0", "the length of a prefix" },
	{ "/24", "lacks an address" },
	{ "192.0.2", "write 192.0.2.0/24" },
	{ "192.0.2.", "write 192.0.2.0/24" },
	{ "192.0.2.*", "write 192.0.2.0/24" },
	{ "10.*.*.*", "write 10.0.0.0/8" },
	{ "10", "write 10.0.0.0/8" },
	{ "10.1/16", "not a whole address" },
	{ "300.1", "not an IP address" },
	{ "192.0.02.1", "leading zeros; write 192.0.2.1" },
	{ "010.0.0.1", "leading zeros; write 10.0.0.1" },
	{ "192.0.2.256", "not an IP address" },
	{ "192.0.2.1:143", "not an IP address" },
	{ "office", "not an IP address" },
	{ "*", "not an IP address" },
	{ ".", "not an IP address" },
	{ "[2001:db8::1]", "no brackets are written here; write "
	  "2001:db8::1" },
	{ "[2001:db8::]/32", "write 2001:db8::/32" },
	{ "[2001:db8::1]:143", "write 2001:db8::1" },
	{ "2001:db8::1]", "no brackets" },
	{ "fe80::1%eth0", "names an interface" },
	{ "192.0.2.9-192.0.2.1", "upside down; write "
	  "192.0.2.1-192.0.2.9" },
	{ "192.0.2.1-2001:db8::1", "mixes IPv4 and IPv6" },
	{ "::1-::ffff:1.2.3.4", "mixes IPv4 and IPv6" },
	{ "192.0.2.200-210", "write 192.0.2.200-192.0.2.210" },
	{ "192.0.2.1-192.0.2", "not a whole address" },
	{ "192.0.2.1-", "lacks an address" },
	{ "-192.0.2.1", "lacks an address" },
	{ "-", "lacks an address" },
	{ "192.0.2.1-192.0.2.9-192.0.2.20", "not an IP address" },
	{ "192.0.2.0/24-192.0.3.0/24", "a range has two addresses" },
	{ "192.0.2.1\r\nx", "192.0.2.1\\x0d\\x0ax is not" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaa", "aaaa... is not" },
};

static void wrong_networks_are_explained(void **state)
{
	struct gp_netset_builder builder;
	const char *error;
	size_t i;

	(void)state;
	gp_netset_builder_init(&builder);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		error = NULL;
		if (gp_netset_builder_add(&builder, wrong[i].written, arena,
					  &error) == 0)
			fail_msg("%s was accepted", wrong[i].written);
		if (strstr(error, wrong[i].says) == NULL)
			fail_msg("%s: %s", wrong[i].written, error);
		assert_int_equal(builder.count, 0);
	}
	gp_netset_builder_deinit(&builder);
}

struct contains_case {
	const char *set;
	const char *inside;
	const char *outside;
};

static const struct contains_case members[] = {
	{ "", "", "0.0.0.0,::,192.0.2.1" },
	{ "192.0.2.0/24", "192.0.2.0,192.0.2.255,::ffff:192.0.2.7",
	  "192.0.1.255,192.0.3.0,::192.0.2.1,::" },
	{ "192.0.2.10-192.0.2.20", "192.0.2.10,192.0.2.20",
	  "192.0.2.9,192.0.2.21" },
	{ "0.0.0.0/0", "0.0.0.0,255.255.255.255", "::,::1,2001::,"
	  "::fffe:ffff:ffff,::1:0:0:0" },
	{ "::/0", "::,::fffe:ffff:ffff,::1:0:0:0,ffff::",
	  "0.0.0.0,192.0.2.1,255.255.255.255" },
	{ "::/64", "::,::1", "192.0.2.1,0:0:0:1::" },
	{ "::fffe:0:0/95", "::fffe:0:0,::fffe:ffff:ffff",
	  "0.0.0.0,255.255.255.255,::1:0:0:0" },
	{ "10.0.0.0/8,192.0.2.1,2001:db8::/32",
	  "10.255.255.255,192.0.2.1,2001:db8:ffff::",
	  "9.255.255.255,11.0.0.0,192.0.2.0,192.0.2.2,2001:db9::" },
};

static void sets_hold_what_was_written(void **state)
{
	char *inside, *outside, *next;
	struct gp_netset set;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		read_set(members[i].set, &set);
		inside = gp_arena_strdup(arena, members[i].inside);
		while ((next = strsep(&inside, ",")) != NULL) {
			if (*next != '\0' && !set_has(&set, next))
				fail_msg("%s lacks %s", members[i].set, next);
		}
		outside = gp_arena_strdup(arena, members[i].outside);
		while ((next = strsep(&outside, ",")) != NULL) {
			if (set_has(&set, next))
				fail_msg("%s holds %s", members[i].set, next);
		}
	}
}

static void the_unknown_address_is_in_no_set(void **state)
{
	struct gp_address unknown;
	struct gp_netset set;

	(void)state;
	memset(&unknown, 0, sizeof(unknown));
	read_set("::/0,0.0.0.0/0", &set);
	assert_int_equal(set.count, 1);
	assert_false(gp_netset_contains(&set, &unknown));
}

/* Random sets in a small world, against a table of it. */
static void random_sets_agree_with_a_table(void **state)
{
	struct gp_netset_builder builder;
	struct gp_netset set, whole;
	bool table[256];
	unsigned int round, i, j, low, high;
	char network[64];
	const char *error;

	(void)state;
	srandom(20261121);
	for (round = 0; round < 500; round++) {
		memset(table, 0, sizeof(table));
		gp_netset_builder_init(&builder);
		for (i = 0; i < round % 40; i++) {
			low = (unsigned int)random() % 256;
			high = low + (unsigned int)random() % 12;
			high = high > 255 ? 255 : high;
			for (j = low; j <= high; j++)
				table[j] = true;
			snprintf(network, sizeof(network),
				 "192.0.2.%u-192.0.2.%u", low, high);
			assert_int_equal(gp_netset_builder_add(
				&builder, network, arena, &error), 0);
		}
		gp_netset_builder_finish(&builder, arena, &set);
		assert_true(gp_netset_is_sound(&set));
		gp_netset_builder_add_set(&builder, &set);
		gp_netset_builder_finish(&builder, arena, &whole);
		assert_int_equal(set.count, whole.count);
		for (i = 0; i < 256; i++) {
			snprintf(network, sizeof(network), "192.0.2.%u", i);
			assert_int_equal(set_has(&set, network), table[i]);
		}
		gp_netset_builder_deinit(&builder);
	}
}

static void unsound_sets_are_found(void **state)
{
	struct gp_range ranges[2];
	struct gp_netset set = { ranges, 2 }, good;

	(void)state;
	read_set("192.0.2.1-192.0.2.5,192.0.2.10", &good);
	memcpy(ranges, good.ranges, sizeof(ranges));
	assert_true(gp_netset_is_sound(&set));
	/* Touching. */
	ranges[0].last[15] = 9;
	assert_false(gp_netset_is_sound(&set));
	/* Overlapping. */
	ranges[0].last[15] = 10;
	assert_false(gp_netset_is_sound(&set));
	/* Upside down. */
	ranges[0].last[15] = 0;
	assert_false(gp_netset_is_sound(&set));
	/* The wrong order. */
	ranges[0] = good.ranges[1];
	ranges[1] = good.ranges[0];
	assert_false(gp_netset_is_sound(&set));
	/* Nothing follows the last address. */
	memset(&ranges[0].last, 0xff, 16);
	assert_false(gp_netset_is_sound(&set));
	set.count = 1;
	assert_true(gp_netset_is_sound(&set));
	set.count = 0;
	assert_true(gp_netset_is_sound(&set));
}

#define NET_TEST(test) \
	cmocka_unit_test_setup_teardown(test, arena_setup, arena_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NET_TEST(sets_are_printed_as_they_are_written),
		NET_TEST(wrong_networks_are_explained),
		NET_TEST(sets_hold_what_was_written),
		NET_TEST(the_unknown_address_is_in_no_set),
		NET_TEST(random_sets_agree_with_a_table),
		NET_TEST(unsound_sets_are_found),
	};

	return cmocka_run_group_tests_name("netset", tests, NULL, NULL);
}
