/* Addresses, in and out. */

#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/net/address.h"

struct address_case {
	const char *str;
	/* NULL: not an address. */
	const char *printed;
};

static const struct address_case cases[] = {
	{ "192.0.2.1", "192.0.2.1" },
	{ "0.0.0.0", "0.0.0.0" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "::ffff:192.0.2.1", "192.0.2.1" },
	{ "::FFFF:c000:0201", "192.0.2.1" },
	{ "0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1" },
	{ "2001:db8::1", "2001:db8::1" },
	{ "2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1" },
	{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
	{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
	{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
	{ "::", "::" },
	{ "::1", "::1" },
	{ "1::", "1::" },
	{ "::c000:201", "::c000:201" },
	{ "::192.0.2.1", "::c000:201" },
	{ "1:2:3:4:5:6:0:0", "1:2:3:4:5:6::" },
	{ "0:0:3:4:5:6:7:8", "::3:4:5:6:7:8" },
	{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
	{ "fe80::1%eth0", "fe80::1" },

	{ "", NULL },
	{ "192.0.2", NULL },
	{ "192.0.2.", NULL },
	{ "192.0.2.1.", NULL },
	{ "192.0.2.1.1", NULL },
	{ "192.0.2.256", NULL },
	{ "192.0.2.01", NULL },
	{ "192.0.02.1", NULL },
	{ "0x7f.0.0.1", NULL },
	{ "2130706433", NULL },
	{ "127.1", NULL },
	{ " 192.0.2.1", NULL },
	{ "192.0.2.1 ", NULL },
	{ "192.0.2.1:25", NULL },
	{ "192.0.2.1%eth0", NULL },
	{ "192.0.2.1/32", NULL },
	{ "[::1]", NULL },
	{ ":::", NULL },
	{ "1::2::3", NULL },
	{ "1:2:3:4:5:6:7", NULL },
	{ "1:2:3:4:5:6:7:8:9", NULL },
	{ "12345::", NULL },
	{ "::g", NULL },
	{ "::ffff:192.0.2.01", NULL },
	{ "fe80::1%", NULL },
	{ "%eth0", NULL },
	{ "2001:0db8:0000:0000:0000:0000:0000:000000000000000000001", NULL },
};

static void addresses_are_read_and_printed(void **state)
{
	struct gp_address address, again;
	char printed[64];
	struct gp_text text;
	size_t i;
	int ret;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&address, 0xff, sizeof(address));
		ret = gp_address_parse(cases[i].str, &address);
		gp_text_init_fixed(&text, printed, sizeof(printed));
		gp_address_print(&address, &text);
		if ((ret == 0) != (cases[i].printed != NULL))
			fail_msg("%s: %d, %s", cases[i].str, ret, printed);
		assert_int_equal(address.known, ret == 0);
		assert_string_equal(printed, cases[i].printed == NULL ?
				    "unknown" : cases[i].printed);
		if (ret == 0) {
			assert_int_equal(gp_address_parse(printed, &again), 0);
			assert_true(gp_address_equal(&address, &again));
		}
	}
}

static void ipv4_is_told_apart(void **state)
{
	struct gp_address address;

	(void)state;
	assert_int_equal(gp_address_parse("192.0.2.1", &address), 0);
	assert_true(gp_address_is_ipv4(&address));
	assert_int_equal(gp_address_parse("::ffff:1.2.3.4", &address), 0);
	assert_true(gp_address_is_ipv4(&address));
	assert_int_equal(gp_address_parse("::fffe:1.2.3.4", &address), 0);
	assert_false(gp_address_is_ipv4(&address));
	assert_int_equal(gp_address_parse("nonsense", &address), -1);
	assert_false(gp_address_is_ipv4(&address));
}

static void bytes_become_addresses(void **state)
{
	static const uint8_t ipv4[] = { 192, 0, 2, 1 };
	static const uint8_t mapped[] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1
	};
	struct gp_address address, same;
	size_t len;

	(void)state;
	gp_address_from_bytes(ipv4, sizeof(ipv4), &address);
	gp_address_from_bytes(mapped, sizeof(mapped), &same);
	assert_true(gp_address_equal(&address, &same));
	for (len = 0; len <= 15; len++) {
		gp_address_from_bytes(mapped, len, &address);
		assert_int_equal(address.known, len == 4);
	}
}

static void the_unknown_address_equals_none(void **state)
{
	struct gp_address unknown, zero;

	(void)state;
	memset(&unknown, 0, sizeof(unknown));
	assert_int_equal(gp_address_parse("::", &zero), 0);
	assert_false(gp_address_equal(&unknown, &unknown));
	assert_false(gp_address_equal(&unknown, &zero));
	assert_false(gp_address_equal(&zero, &unknown));
	assert_true(gp_address_equal(&zero, &zero));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_printed),
		cmocka_unit_test(ipv4_is_told_apart),
		cmocka_unit_test(bytes_become_addresses),
		cmocka_unit_test(the_unknown_address_equals_none),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
