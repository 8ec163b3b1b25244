/* Names as people type them, and what they are taken for. */

#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/rules/name.h"

/* The name with a "/" between domain and local part, or "invalid". */
static const char *normalise(const char *str, size_t len,
			     const char *default_domain)
{
	static char text[GP_NAME_MAX + 2];
	const char *error = NULL;
	struct gp_name name;

	if (gp_name_parse(str, len, default_domain, &name, &error) < 0) {
		assert_non_null(error);
		return "invalid";
	}
	assert_int_equal(strlen(gp_name_local(&name)), name.local_len);
	memcpy(text, name.key, gp_name_key_len(&name) + 1);
	text[name.domain_len] = '/';
	return text;
}

static void test_login_names(void **state)
{
	static const struct {
		const char *login, *want;
	} cases[] = {
		{ "alice@example.com", "example.com/alice" },
		{ "Alice@EXAMPLE.Com", "example.com/alice" },
		{ "alice@example.com.", "example.com/alice" },
		{ "alice@example.com..", "invalid" },
		{ "alice@.example.com", "invalid" },
		{ "alice@example..com", "invalid" },
		{ "alice@.", "invalid" },
		{ "alice@", "invalid" },
		{ "@example.com", "invalid" },
		{ "@", "invalid" },
		{ "", "invalid" },
		{ "alice", "/alice" },
		{ "x@@y", "invalid" },
		{ "x@y@z", "invalid" },
		{ "mary-jane@example.com", "example.com/mary-jane" },
		{ "c++@example.com", "example.com/c++" },
		{ "printer@my_domain.lan", "my_domain.lan/printer" },
		{ "a b@example.com", "invalid" },
		{ "a\t@example.com", "invalid" },
		{ "a\x7f@example.com", "invalid" },
		{ "a\xc2\x85@example.com", "invalid" },
		{ "a\xe3\x80\x80@example.com", "invalid" },
		{ "\xef\xbb\xbf" "a@example.com", "invalid" },
		{ "a\xe2\x80\xae@example.com", "invalid" },
		{ "a\xff@example.com", "invalid" },
		{ "a\xc0\xaf@example.com", "invalid" },
		{ "\xc3\x84rger@example.com", "example.com/\xc3\x84rger" },
		{ "a@b\xc3\xbc" "cher.example", "xn--bcher-kva.example/a" },
		{ "a@B\xc3\x9c" "CHER.example", "xn--bcher-kva.example/a" },
		{ "a@XN--BCHER-KVA.example", "xn--bcher-kva.example/a" },
		{ "a@stra\xc3\x9f" "e.example", "xn--strae-oqa.example/a" },
		/* A full-width @, and a full stop that is one only when
		   mapped. */
		{ "a@b\xef\xbc\xa0" "c.example", "invalid" },
		{ "a@\xe3\x80\x82" "example", "invalid" },
		{ "a@\xc3\xbc\xe3\x80\x82" "example", "xn--tda.example/a" }
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(normalise(cases[i].login,
					      strlen(cases[i].login), NULL),
				    cases[i].want);
	assert_string_equal(normalise("a\0b@c", 5, NULL), "invalid");
}

static void test_default_domain(void **state)
{
	(void)state;
	assert_string_equal(normalise("Bob", 3, "Example.COM."),
			    "example.com/bob");
	assert_string_equal(normalise("bob@a", 5, "example.com"), "a/bob");
	assert_string_equal(normalise("bob@", 4, "example.com"), "invalid");
	assert_string_equal(normalise("bob", 3, ""), "/bob");
}

static void test_length(void **state)
{
	char long_name[GP_NAME_MAX + 10];

	(void)state;
	memset(long_name, 'a', sizeof(long_name));
	assert_string_equal(normalise(long_name, sizeof(long_name), NULL),
			    "invalid");
	long_name[2] = '@';
	assert_string_equal(normalise(long_name, sizeof(long_name), NULL),
			    "invalid");
	assert_string_not_equal(normalise(long_name, GP_NAME_MAX + 1, NULL),
				"invalid");
	assert_string_equal(normalise(long_name, GP_NAME_MAX + 2, NULL),
			    "invalid");
}

/* What is normalised once stays as it is. */
static void test_idempotent(void **state)
{
	static const char *const domains[] = {
		"b\xc3\xbc" "cher.EXAMPLE.", "A.B", "my_domain.lan"
	};
	struct gp_name once, twice;
	const char *error;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
		assert_int_equal(gp_name_parse_domain(domains[i],
						      strlen(domains[i]),
						      &once, &error), 0);
		assert_int_equal(gp_name_parse_domain(once.key,
						      once.domain_len, &twice,
						      &error), 0);
		assert_string_equal(once.key, twice.key);
		assert_int_equal(once.local_len, 0);
	}
	assert_int_equal(gp_name_parse_domain("", 0, &once, &error), -1);
}

static void test_extension(void **state)
{
	static const struct {
		const char *local, *delimiter, *base;
	} cases[] = {
		{ "user+tag", "+", "user" },
		{ "user+tag+more", "+", "user" },
		{ "user+tag", "", "user+tag" },
		{ "user", "+", "user" },
		{ "+tag", "+", "+tag" },
		{ "c++", "+", "c" },
		{ "mary-jane", "+", "mary-jane" },
		{ "mary-jane", "+-", "mary" },
		{ "a-b+c", "+-", "a" },
		{ "postmaster+x", "+", "postmaster" },
		{ "postmaster", "m", "postmaster" },
		{ "mailer-daemon", "-", "mailer-daemon" },
		{ "double-bounce", "-", "double-bounce" },
		{ "owner-list", "-", "owner-list" },
		{ "list-request", "-", "list-request" },
		{ "owner-list+x", "+", "owner-list" },
		{ "-request", "-", "-request" }
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(gp_name_base_len(cases[i].local,
						  strlen(cases[i].local),
						  cases[i].delimiter),
				 strlen(cases[i].base));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login_names),
		cmocka_unit_test(test_default_domain),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_idempotent),
		cmocka_unit_test(test_extension)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
