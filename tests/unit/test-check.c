/* What only the whole of the rules shows: errors and warnings, to the
   letter. */

#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "tests/unit/compiled.h"

struct case_ {
	const char *rules;
	const char *want;
};

static void check(const struct case_ *cases, size_t count, bool is_error)
{
	struct compiled compiled;
	size_t i;

	for (i = 0; i < count; i++) {
		compiled_init(&compiled, cases[i].rules);
		assert_string_equal(compiled.messages.data, cases[i].want);
		assert_int_equal(compiled.errors > 0, is_error);
		compiled_deinit(&compiled);
	}
}

static void test_twice(void **state)
{
	static const struct case_ wrong[] = {
		{ "b imap=off\nB pop3=off\n",
		  "a:2:1: error: this key stands in line 1 already, with the "
		  "same mode and times; write one line\n" },
		{ "b imap=off until=2027-01-01T00:00:00Z\n"
		  "b imap=tls until=2027-01-01T01:00:00+01:00\n",
		  "a:2:1: error: this key stands in line 1 already, with the "
		  "same mode and times; write one line\n" },
		{ "profile:p imap=off\nprofile:p pop3=off\n",
		  "a:2:1: error: this key stands in line 1 already, with the "
		  "same mode and times; write one line\n" }
	};
	static const struct case_ right[] = {
		{ "b imap=off\nb imap=tls mode=trial\n"
		  "b imap=off until=2027-01-01T00:00:00Z\n", "" }
	};

	(void)state;
	check(wrong, sizeof(wrong) / sizeof(wrong[0]), true);
	check(right, sizeof(right) / sizeof(right[0]), false);
}

static void test_same_as(void **state)
{
	static const struct case_ wrong[] = {
		{ "b same_as=b\n",
		  "a:1:1: error: same_as leads in a circle, or over more than "
		  "64 names; name the last one directly\n" },
		{ "b same_as=c\nc same_as=b\n",
		  "a:1:1: error: same_as leads in a circle, or over more than "
		  "64 names; name the last one directly\n"
		  "a:2:1: error: same_as leads in a circle, or over more than "
		  "64 names; name the last one directly\n" },
		/* A circle through a domain that is another's. */
		{ "x@b same_as=x@c\nc same_as=b\n",
		  "a:1:1: error: same_as leads in a circle, or over more than "
		  "64 names; name the last one directly\n" },
		/* A circle through the extension, as soon as the line that
		   names the mailbox with it does not count. */
		{ "u@b same_as=u+x@b\nu+x@b until=2027-01-01T00:00:00Z\n",
		  "a:1:1: error: same_as leads in a circle, or over more than "
		  "64 names; name the last one directly\n" },
		{ "u@b same_as=u+x@b\nu+x@b imap=off mode=trial\n",
		  "a:1:1: error: same_as leads in a circle, or over more than "
		  "64 names; name the last one directly\n" },
		{ "b same_as=c\nm@b imap=off\n",
		  "a:2:1: error: no mailbox can have rules here: its domain "
		  "is the same as another; write them there\n" },
		{ "b same_as=c\nb imap=off mode=trial\n",
		  "a:2:1: error: this key is the same as another (line 1); it "
		  "can have no other line\n" }
	};
	static const struct case_ right[] = {
		{ "b same_as=c\nc same_as=d\nd imap=off\nm@d same_as=n@b\n",
		  "" },
		{ "u@b same_as=u+x@b\nu+x@b imap=off\n", "" }
	};

	(void)state;
	check(wrong, sizeof(wrong) / sizeof(wrong[0]), true);
	check(right, sizeof(right) / sizeof(right[0]), false);
}

static void test_reach(void **state)
{
	static const struct case_ cases[] = {
		{ "* pop3=off lock\nb pop3=tls imap=tls\nm@b pop3=tls\n",
		  "a:2:1: warning: pop3 has no effect here: line 1 locks it\n"
		  "a:3:1: warning: pop3 has no effect here: line 1 locks "
		  "it\n" },
		{ ".b imap=off lock\na.b imap=tls lock\nm@a.b imap=tls\n"
		  "b imap=tls\n",
		  "a:2:1: warning: imap has no effect here: line 1 locks it\n"
		  "a:3:1: warning: imap has no effect here: line 1 locks "
		  "it\n" },
		{ "b imap=off lock\nb imap=tls mode=trial\n",
		  "a:2:1: warning: imap has no effect here: line 1 locks "
		  "it\n" },
		/* A lock that ends, or is on trial, is no lock for good. */
		{ "b imap=off lock until=2027-01-01T00:00:00Z\nm@b imap=tls\n",
		  "" },
		{ "b imap=off lock mode=trial\nm@b imap=tls\n", "" }
	};

	(void)state;
	check(cases, sizeof(cases) / sizeof(cases[0]), false);
}

static void test_webmail(void **state)
{
	static const struct case_ cases[] = {
		{ "b clients=off\nc all=tls\nd imap=tls webmail=off\n",
		  "a:1:1: warning: webmail differs from imap here (2 lines in "
		  "all), but webmail_networks is empty: a webmail's logins are "
		  "judged as imap; set webmail_networks in gatepost.conf\n" },
		{ "b imap=off\nc clients=tls\n", "" }
	};

	(void)state;
	check(cases, sizeof(cases) / sizeof(cases[0]), false);
}

static void test_no_way_in(void **state)
{
	static const char warning[] =
		"a:1:1: warning: these rules leave no way into any mailbox: "
		"every service is off for everybody\n";
	static const struct case_ cases[] = {
		{ "* all=off\n", warning },
		{ "* all=off\nb imap=tls mode=trial\n", warning },
		{ "* all=off\nb imap=tls\n", "" },
		{ "* all=off\nprofile:p imap=tls\nb profile=p\n", "" },
		{ "* all=off until=2027-01-01T00:00:00Z\n", "" },
		{ "* all=off lock\nb imap=tls\n",
		  "a:1:1: warning: these rules leave no way into any mailbox: "
		  "every service is off for everybody\n"
		  "a:2:1: warning: imap has no effect here: line 1 locks "
		  "it\n" }
	};

	(void)state;
	check(cases, sizeof(cases) / sizeof(cases[0]), false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_same_as),
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_webmail),
		cmocka_unit_test(test_no_way_in)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
