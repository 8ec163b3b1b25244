/* What the parser says of wrong rules, to the letter, and what it makes of odd
   but right ones. */

#include <stdio.h>
#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/rules/print.h"
#include "tests/unit/compiled.h"

struct wrong {
	const char *rules;
	const char *want;
};

static void check_wrong(const struct wrong *cases, size_t count)
{
	struct compiled compiled;
	size_t i;

	for (i = 0; i < count; i++) {
		compiled_init(&compiled, cases[i].rules);
		assert_string_equal(compiled.messages.data, cases[i].want);
		assert_true(compiled.errors > 0);
		compiled_deinit(&compiled);
	}
}

#define CHECK_WRONG(cases) \
	check_wrong(cases, sizeof(cases) / sizeof((cases)[0]))

static void test_keys(void **state)
{
	static const struct wrong cases[] = {
		{ "imap=off\n",
		  "a:1:1: error: a key is missing in front of this attribute; "
		  "begin the line with \"*\", a domain or a mailbox\n"
		  "a:1:1: error: this line has no attributes; write what "
		  "holds for it\n" },
		{ "@example.com imap=off\n",
		  "a:1:1: error: for a whole domain write its name without "
		  "\"@\"\n" },
		{ "*@example.com imap=off\n",
		  "a:1:1: error: for a whole domain write its name without "
		  "\"@\"\n" },
		{ "*.example.com imap=off\n",
		  "a:1:1: error: for the domains below one write "
		  ".example.com, without the \"*\"\n" },
		{ "a@b@c imap=off\n",
		  "a:1:1: error: the name has more than one @\n" },
		{ "192.0.2.0/24 imap=off\n",
		  "a:1:1: error: no key: write \"*\", example.com, "
		  ".example.com, alice@example.com, alice@, @, net:NAME or "
		  "profile:NAME\n" },
		{ "192.0.2.1 imap=off\n",
		  "a:1:1: error: an address is no key; rules for networks are "
		  "attributes, such as allow_nets\n" },
		{ ". imap=off\n",
		  "a:1:1: error: the domain is empty\n" },
		{ "a..b imap=off\n",
		  "a:1:1: error: the domain has an empty label\n" },
		{ " imap=off\n",
		  "a:1:1: error: this line continues the one before, and "
		  "there is none; a key begins in the first column\n" },
		{ "example.com\n",
		  "a:1:1: error: this line has no attributes; write what "
		  "holds for it\n" }
	};

	(void)state;
	CHECK_WRONG(cases);
}

static void test_values(void **state)
{
	static const struct wrong cases[] = {
		{ "* smtp=off\n",
		  "a:1:3: error: unknown attribute \"smtp\"; did you mean "
		  "\"submission\"?\n" },
		{ "* imap=secure\n",
		  "a:1:8: error: unknown value \"secure\"; did you mean "
		  "\"tls\"?\n" },
		{ "* imap=standard\n",
		  "a:1:8: error: unknown value \"standard\"; did you mean "
		  "\"cleartext\"?\n" },
		{ "* imap=OFF\n",
		  "a:1:8: error: unknown value \"OFF\"; did you mean "
		  "\"off\"?\n" },
		{ "* imap=zzzzzzz\n",
		  "a:1:8: error: unknown value \"zzzzzzz\"; write off, "
		  "trusted, implicit, tls, cleartext or inherit\n" },
		{ "* zzzzzzzzz=off\n",
		  "a:1:3: error: unknown attribute \"zzzzzzzzz\"; see "
		  "gatepost-rules(5)\n" },
		{ "* imap=\n* imap\n",
		  "a:1:3: error: \"imap\" has no value; write imap=VALUE\n"
		  "a:2:3: error: \"imap\" has no value; write imap=VALUE\n" },
		{ "* imap=off imap=tls\n",
		  "a:1:12: error: this attribute stands on the line already; "
		  "a line has each attribute once\n" },
		{ "* tls_min=1.4\n",
		  "a:1:11: error: unknown TLS version \"1.4\"; write 1.0, "
		  "1.1, 1.2 or 1.3\n" },
		{ "* mode=dry\n",
		  "a:1:8: error: unknown mode \"dry\"; write enforce or "
		  "trial\n" },
		{ "* imap=off from=2027-01-01T00:00:00Z "
		  "until=2026-12-31T23:00:00-01:00\n",
		  "a:1:38: error: until is not after from; the line would "
		  "never count\n" },
		{ "* message=\"caf\xc3\xa9\"\n",
		  "a:1:12: error: the message is not printable ASCII; mail "
		  "programs show nothing else reliably\n" },
		{ "* message=\"[ALERT] go away\"\n",
		  "a:1:12: error: the message begins with \"[\", which mail "
		  "programs take for a response code; begin with a word\n" },
		{ "* help=ftp://example.com/\n",
		  "a:1:8: error: help is an URL that begins with https:// or "
		  "http://, in printable ASCII\n" },
		{ "* message=\"not closed\nexample.com imap=off\n",
		  "a:1:11: error: this quote is not closed on its line; add a "
		  "\" behind the value\n" },
		{ "* note=a\"b\n",
		  "a:1:8: error: a double quote inside a value; values in "
		  "quotes are quoted as a whole and hold none\n" },
		{ "* note=\"a\"b\n",
		  "a:1:11: error: text right behind a closing quote; put a "
		  "blank between them\n"
		  "a:1:11: error: unknown attribute \"b\"; see "
		  "gatepost-rules(5)\n" },
		{ "* note=a\x01\n",
		  "a:1:9: error: control character; remove it\n" },
		{ "* note=a\xff\n",
		  "a:1:9: error: invalid UTF-8; save the file as UTF-8\n" }
	};

	(void)state;
	CHECK_WRONG(cases);
}

static void test_networks(void **state)
{
	static const struct wrong cases[] = {
		{ "* allow_nets=192.0.2.1/24\n",
		  "a:1:14: error: 192.0.2.1/24 has host bits; write "
		  "192.0.2.0/24 for the network or 192.0.2.1 for the "
		  "address\n" },
		{ "* allow_nets=none\n",
		  "a:1:14: error: allow_nets cannot be none; to refuse "
		  "everybody write all=off\n" },
		{ "* trusted_nets=any\n",
		  "a:1:16: error: only allow_nets can be any; write networks "
		  "or none\n" },
		{ "* allow_nets=192.0.2.1,,192.0.2.2\n",
		  "a:1:24: error: an item of this list is empty; separate "
		  "items by one comma\n" },
		{ "* allow_nets=office,\"x\"\n",
		  "a:1:14: error: a double quote inside a value; values in "
		  "quotes are quoted as a whole and hold none\n" },
		{ "* allow_nets=office\nexample.com "
		  "trusted_nets=192.0.2.1,office\n",
		  "a:1:14: error: there is no net \"office\"; define it with a "
		  "line \"net:office ...\"\n"
		  "a:2:36: error: there is no net \"office\"; define it with a "
		  "line \"net:office ...\"\n" },
		{ "net:a 192.0.2.1\nnet:a 192.0.2.2\n",
		  "a:2:1: error: this net is defined in this file already; a "
		  "net is written once\n" },
		{ "net:a\n",
		  "a:1:1: error: this net is empty; write its networks behind "
		  "its name\n" },
		{ "net:a 192.0.2.1\nnet:b 192.0.2.2,a\n",
		  "a:2:17: error: a net consists of networks and names no "
		  "other net\n" },
		{ "net:any 192.0.2.1\n",
		  "a:1:1: error: a name begins with a letter and has letters, "
		  "digits, \"_\", \"-\" and \".\", at most 63; \"any\" and "
		  "\"none\" are taken\n" }
	};

	(void)state;
	CHECK_WRONG(cases);
}

static void test_lock_profile_same_as(void **state)
{
	static const struct wrong cases[] = {
		{ "a@b imap=off lock\n",
		  "a:1:14: error: nothing is more specific than a mailbox; "
		  "lock at its domain\n" },
		{ "b imap=off lock=pop3\n",
		  "a:1:17: error: lock names \"pop3\", which this line does "
		  "not set\n" },
		{ "b imap=off lock=all\n",
		  "a:1:17: error: lock names \"all\", which this line does "
		  "not set\n" },
		{ "b note=x lock\n",
		  "a:1:10: error: this line sets nothing that could be "
		  "locked\n" },
		{ "b note=x imap=off lock=note\n",
		  "a:1:24: error: \"note\" cannot be locked\n" },
		{ "profile:p imap=off lock\n",
		  "a:1:20: error: a profile has no lock; lock at the "
		  "domain\n" },
		{ "profile:p profile=q\n",
		  "a:1:11: error: only mailboxes and domains take profiles\n" },
		{ "profile:p imap=off\n* profile=p\n",
		  "a:2:3: error: only mailboxes and domains take profiles\n" },
		{ "b profile=p\n",
		  "a:1:11: error: there is no profile \"p\"; define it with a "
		  "line \"profile:p ...\"\n" },
		{ "profile:p imap=off\nb profile=p,p\n",
		  "a:2:13: error: the profile \"p\" stands here twice\n" },
		{ "b same_as=c imap=off\n",
		  "a:1:1: error: beside same_as only a note may stand; the "
		  "rules are those of the other name\n" },
		{ "a@b same_as=c\n",
		  "a:1:13: error: a mailbox can only be the same as a "
		  "mailbox\n" },
		{ "b same_as=a@c\n",
		  "a:1:11: error: a domain can only be the same as a "
		  "domain\n" },
		{ "* same_as=c\n",
		  "a:1:3: error: only mailboxes and domains can be the same "
		  "as another\n" }
	};

	(void)state;
	CHECK_WRONG(cases);
}

/* Everything that is wrong is said at once, in the order of the file. */
static void test_all_at_once(void **state)
{
	static const struct wrong cases[] = {
		{ "* imap=x pop3=y\n# comment\n\nexample.com allow_nets=z "
		  "tls_min=9\n",
		  "a:1:8: error: unknown value \"x\"; write off, trusted, "
		  "implicit, tls, cleartext or inherit\n"
		  "a:1:15: error: unknown value \"y\"; write off, trusted, "
		  "implicit, tls, cleartext or inherit\n"
		  "a:4:24: error: there is no net \"z\"; define it with a "
		  "line \"net:z ...\"\n"
		  "a:4:34: error: unknown TLS version \"9\"; write 1.0, 1.1, "
		  "1.2 or 1.3\n" }
	};

	(void)state;
	CHECK_WRONG(cases);
}

/* The only line of a key, printed; or how many there are. */
static const char *print(const struct compiled *compiled, const char *key_text)
{
	static char storage[2000];
	char key[GP_KEY_MAX];
	struct gp_text text;
	struct gp_lines lines;
	const char *error;
	size_t len, i;

	assert_int_equal(gp_parse_key(key_text, strlen(key_text), key, &len,
				      &error), 0);
	gp_text_init_fixed(&text, storage, sizeof(storage));
	if (compiled->source->find(compiled->source->context, key, len,
				   compiled->arena, &lines, &error) != 1)
		return "not there";
	for (i = 0; i < lines.count; i++) {
		if (i > 0)
			gp_text_add(&text, " / ");
		gp_print_attributes(compiled->source, &lines.line[i], &text);
	}
	return storage;
}

static void test_form(void **state)
{
	static const struct {
		const char *rules, *key, *want;
	} cases[] = {
		{ "b imap=off", "b", "imap=off" },
		{ "\xef\xbb\xbf" "b imap=off\n", "b", "imap=off" },
		{ "B\timap=off\r\n", "b", "imap=off" },
		{ "b imap=off # and a comment\n", "b", "imap=off" },
		{ "b note=a#b\n", "b", "note=\"a#b\"" },
		{ "b imap=off\n# x\n\n   # y\n\tpop3=tls\n", "b",
		  "imap=off pop3=tls" },
		{ "b imap=off message=\"a # b\" pop3=tls\n", "b",
		  "imap=off pop3=tls message=\"a # b\"" },
		{ "b all=tls\n", "b", "all=tls" },
		{ "b imap=off clients=cleartext all=tls\n", "b",
		  "all=cleartext imap=off webmail=tls" },
		{ "b all=off submission=tls\n", "b",
		  "all=off submission=tls" },
		{ "b clients=trusted webmail=tls\n", "b",
		  "clients=trusted webmail=tls" },
		{ "b clients=trusted imap=tls\n", "b",
		  "clients=trusted imap=tls" },
		{ "b all=tls imap=inherit\n", "b",
		  "pop3=tls submission=tls sieve=tls webmail=tls" },
		{ "b all=tls clients=inherit\n", "b", "webmail=tls" },
		{ "b all=inherit\n", "b", "all=inherit" },
		{ "b clients=off lock=clients\n", "b", "clients=off lock" },
		{ "b clients=off tls_min=1.3 lock=clients\n", "b",
		  "clients=off tls_min=1.3 lock=imap,pop3,submission,sieve" },
		{ "b all=tls imap=inherit lock=all\n", "b",
		  "pop3=tls submission=tls sieve=tls webmail=tls lock" },
		{ "net:n 192.0.2.0/25,192.0.2.128/25 2001:db8::1\n"
		  "b allow_nets=192.0.2.7,n,10.0.0.1-10.0.0.4\n", "b",
		  "allow_nets=10.0.0.1-10.0.0.4,192.0.2.7,n" },
		{ "b allow_nets=any trusted_nets=none\n", "b",
		  "allow_nets=any trusted_nets=none" },
		{ "profile:p imap=off\nprofile:q imap=tls\nb profile=q,p\n",
		  "b", "profile=q,p" },
		{ "b same_as=C.example. note=x\n", "b",
		  "same_as=c.example note=\"x\"" },
		{ "a@ same_as=B@c\n", "a@", "same_as=b@c" },
		{ "@ imap=off\n", "@", "imap=off" },
		{ "a@b imap=off from=2027-01-01T01:00:00+01:00 "
		  "until=2028-01-01T00:00:00Z mode=trial\n", "A@B",
		  "imap=off mode=trial from=2027-01-01T00:00:00Z "
		  "until=2028-01-01T00:00:00Z" },
		{ "b imap=off mode=enforce\nb imap=tls mode=trial\n", "b",
		  "imap=off / imap=tls mode=trial" },
		{ "net:m 192.0.2.1\nb trusted_nets=n\nnet:n 192.0.2.2\n", "b",
		  "trusted_nets=n" }
	};
	struct compiled compiled;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		compiled_init(&compiled, cases[i].rules);
		assert_int_equal(compiled.errors, 0);
		assert_string_equal(print(&compiled, cases[i].key),
				    cases[i].want);
		compiled_deinit(&compiled);
	}
}

/* The text may come in pieces of any size. */
static void test_pieces(void **state)
{
	static const char rules[] = "b imap=off\n\tmessage=\"two words\"\n"
				    "a@b pop3=tls\n";
	struct compiled compiled;
	struct gp_parser *parser;
	size_t i;

	(void)state;
	compiled_init(&compiled, "");
	parser = gp_parser_new(gp_image_sink(compiled.image),
			       compiled.diagnostics);
	gp_parser_begin_file(parser, 0);
	for (i = 0; i < sizeof(rules) - 1; i++)
		gp_parser_feed(parser, rules + i, 1);
	gp_parser_end_file(parser);
	gp_parser_finish(parser);
	gp_parser_free(&parser);
	gp_image_finish(compiled.image);
	compiled.source = gp_image_source(compiled.image);
	assert_string_equal(print(&compiled, "b"),
			    "imap=off message=\"two words\"");
	assert_string_equal(print(&compiled, "a@b"), "pop3=tls");
	compiled_deinit(&compiled);
}

/* Between files a key may stand again, and a net is replaced. */
static void test_files(void **state)
{
	static const char *const files[] = {
		"net:n 192.0.2.1\nb imap=off pop3=off\n",
		"net:n 192.0.2.2\nb imap=tls\n"
	};
	struct compiled compiled;
	struct gp_netset set;
	const char *error;

	(void)state;
	compiled_init_files(&compiled, files, 2, "", "");
	assert_int_equal(compiled.errors, 0);
	assert_string_equal(print(&compiled, "b"),
			    "imap=off pop3=off / imap=tls");
	assert_int_equal(compiled.source->net_count, 1);
	assert_int_equal(compiled.source->net(compiled.source->context, 0,
					      &set, &error), 1);
	assert_int_equal(set.count, 1);
	assert_int_equal(set.ranges[0].first[15], 2);
	compiled_deinit(&compiled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_lock_profile_same_as),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_files)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
