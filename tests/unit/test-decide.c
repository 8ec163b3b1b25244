/* Verdicts, row by row. A request is written as in "gatepost explain", the
   verdict as "refuse off example.com:2". */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/base/clock.h"
#include "shared/rules/decide.h"
#include "tests/unit/compiled.h"

#define NOW 1800000000 /* 2027-01-15T08:00:00Z */

static struct gp_policy policy;

static void set_policy(void)
{
	memset(&policy, 0, sizeof(policy));
	policy.local_is_encrypted = true;
	policy.unknown_tls_version = GP_TLS_1_2;
}

static void set_address(const char *value, struct gp_address *address)
{
	assert_int_equal(gp_address_parse(value, address), 0);
}

static void set_fact(struct gp_request *request, const char *name,
		     const char *value)
{
	if (strcmp(name, "client") == 0) {
		set_address(value, &request->client);
		request->client_was_forwarded = true;
	} else if (strcmp(name, "peer") == 0) {
		set_address(value, &request->connection);
	} else if (strcmp(name, "server") == 0) {
		set_address(value, &request->server);
	} else if (strcmp(name, "tls") == 0) {
		request->tls = strcmp(value, "unknown") == 0 ? GP_TLS_UNKNOWN :
			       (enum gp_tls_version)gp_tls_version_from_name(
						value, strlen(value));
	} else if (strcmp(name, "implicit") == 0) {
		request->implicit = *value == 'y' ? GP_YES :
				    *value == 'e' ? GP_ELSEWHERE : GP_NO;
	} else if (strcmp(name, "judged") == 0) {
		request->encryption_was_judged = true;
	} else if (strcmp(name, "elsewhere") == 0) {
		request->tls_version_elsewhere = true;
	} else if (strcmp(name, "webmail") == 0) {
		request->webmail_by_context = true;
	} else if (strcmp(name, "sender") == 0) {
		request->authenticated = false;
		request->sender = value;
		request->sender_len = strlen(value);
	} else {
		fail_msg("no fact \"%s\"", name);
	}
}

/* LOGIN SERVICE [NAME=VALUE...]; the words end up in storage. */
static void read_request(char *storage, struct gp_request *request)
{
	char *word, *value;

	memset(request, 0, sizeof(*request));
	request->authenticated = true;
	request->login = strsep(&storage, " ");
	request->login_len = strlen(request->login);
	word = strsep(&storage, " ");
	request->service = gp_service_from_name(word, strlen(word));
	while ((word = strsep(&storage, " ")) != NULL) {
		value = strchr(word, '=');
		*value++ = '\0';
		set_fact(request, word, value);
	}
	if (!request->connection.known)
		request->connection = request->client;
}

static void judge(const struct compiled *compiled, const char *text,
		  int64_t now, struct gp_verdict *verdict)
{
	struct gp_arena *scratch = gp_arena_new();
	struct gp_request request;
	char storage[1000];

	snprintf(storage, sizeof(storage), "%s", text);
	read_request(storage, &request);
	gp_decide(compiled->source, &policy, &request, now, scratch, verdict);
	gp_arena_free(&scratch);
}

static const char *describe(const struct gp_verdict *verdict)
{
	static char storage[1000];

	if (verdict->finding.cause == GP_CAUSE_NONE)
		snprintf(storage, sizeof(storage), "%s",
			 gp_verdict_name(verdict->kind));
	else if (verdict->finding.line == 0)
		snprintf(storage, sizeof(storage), "%s %s",
			 gp_verdict_name(verdict->kind),
			 gp_cause_name(verdict->finding.cause));
	else
		snprintf(storage, sizeof(storage), "%s %s %s:%u",
			 gp_verdict_name(verdict->kind),
			 gp_cause_name(verdict->finding.cause),
			 verdict->finding.key, verdict->finding.line);
	return storage;
}

struct row {
	const char *request;
	const char *want;
};

static void check_rows(const char *rules, const struct row *rows, size_t count)
{
	struct compiled compiled;
	struct gp_verdict verdict;
	size_t i;

	compiled_init(&compiled, rules);
	if (compiled.errors > 0)
		fail_msg("%s", compiled.messages.data);
	for (i = 0; i < count; i++) {
		judge(&compiled, rows[i].request, NOW, &verdict);
		if (strcmp(describe(&verdict), rows[i].want) != 0)
			fail_msg("%s: %s, want %s", rows[i].request,
				 describe(&verdict), rows[i].want);
	}
	compiled_deinit(&compiled);
}

#define CHECK_ROWS(rules, rows) \
	check_rows(rules, rows, sizeof(rows) / sizeof((rows)[0]))

static void test_builtin(void **state)
{
	static const struct row rows[] = {
		{ "a@b imap", "refuse cleartext" },
		{ "a@b imap tls=1.1", "refuse tls_version" },
		{ "a@b imap tls=1.2", "allow" },
		{ "a@b imap tls=unknown", "allow" },
		{ "a@@b imap tls=1.2", "refuse name" },
		{ "a@b imap client=127.0.0.1 server=127.0.0.1", "allow" },
		{ "a@b imap client=127.0.0.5 server=127.0.0.1",
		  "refuse cleartext" }
	};

	(void)state;
	set_policy();
	CHECK_ROWS("", rows);
}

static void test_values(void **state)
{
	static const char rules[] =
		"net:office 192.0.2.0/24\n"
		"off imap=off\n"
		"trusted imap=trusted trusted_nets=office\n"
		"nowhere imap=trusted\n"
		"implicit imap=implicit\n"
		"tls imap=tls\n"
		"cleartext imap=cleartext\n";
	static const struct row rows[] = {
		{ "a@off imap tls=1.3", "refuse off off:2" },
		{ "a@off pop3 tls=1.3", "allow" },
		{ "a@trusted imap tls=1.3 client=192.0.2.1", "allow" },
		{ "a@trusted imap client=192.0.2.1",
		  "refuse cleartext trusted:3" },
		{ "a@trusted imap tls=1.3 client=192.0.3.1",
		  "refuse network trusted:3" },
		{ "a@trusted imap tls=1.3", "refuse network trusted:3" },
		{ "a@nowhere imap tls=1.3 client=192.0.2.1",
		  "refuse network nowhere:4" },
		{ "a@implicit imap tls=1.3", "refuse implicit implicit:5" },
		{ "a@implicit imap tls=1.3 implicit=yes", "allow" },
		{ "a@implicit imap tls=1.3 implicit=elsewhere", "allow" },
		{ "a@implicit imap tls=1.1 implicit=yes",
		  "refuse tls_version" },
		{ "a@implicit imap", "refuse cleartext implicit:5" },
		{ "a@tls imap", "refuse cleartext tls:6" },
		{ "a@tls imap tls=1.2", "allow" },
		{ "a@cleartext imap", "allow" },
		/* Where cleartext is good enough, old TLS is as well. */
		{ "a@cleartext imap tls=1.0", "allow" }
	};

	(void)state;
	set_policy();
	CHECK_ROWS(rules, rows);
}

static void test_lists(void **state)
{
	static const char rules[] =
		"net:printers 192.0.2.200-192.0.2.210\n"
		"* cleartext_nets=printers\n"
		"a imap=tls\n"
		"b imap=tls cleartext_nets=printers\n"
		"x@b pop3=tls\n"
		"c cleartext_nets=printers lock=cleartext_nets\n"
		"y@c imap=tls\n"
		"d imap=tls lock\n"
		"z@d cleartext_nets=printers\n"
		"e allow_nets=10.0.0.0/8\n"
		"any@e allow_nets=any\n";
	static const struct row rows[] = {
		/* In front of the built-in rule. */
		{ "u@n imap client=192.0.2.200", "allow" },
		{ "u@n imap client=192.0.2.211", "refuse cleartext" },
		/* Behind the domain's own value. */
		{ "u@a imap client=192.0.2.200", "refuse cleartext a:3" },
		{ "u@a pop3 client=192.0.2.200", "allow" },
		{ "u@b imap client=192.0.2.200", "allow" },
		{ "x@b pop3 client=192.0.2.200", "refuse cleartext x@b:5" },
		{ "x@b imap client=192.0.2.200", "allow" },
		/* A domain's list, locked or not, never softens a mailbox's
		   own value. */
		{ "y@c imap client=192.0.2.200", "refuse cleartext y@c:7" },
		{ "u@c imap client=192.0.2.200", "allow" },
		/* A mailbox's list never softens a lock. */
		{ "z@d imap client=192.0.2.200", "refuse cleartext d:8" },
		{ "u@e imap tls=1.3 client=10.9.9.9", "allow" },
		{ "u@e imap tls=1.3 client=11.0.0.0", "refuse network e:10" },
		{ "u@e imap tls=1.3", "refuse network e:10" },
		{ "any@e imap tls=1.3", "allow" },
		/* allow_nets is judged by the client, encryption by the
		   connection. */
		{ "u@e imap tls=1.3 client=10.1.1.1 peer=11.0.0.0", "allow" },
		{ "u@b imap client=192.0.2.200 peer=192.0.2.1",
		  "refuse cleartext b:4" }
	};

	(void)state;
	set_policy();
	CHECK_ROWS(rules, rows);
}

static void test_order(void **state)
{
	static const char rules[] =
		"profile:p pop3=off imap=cleartext\n"
		"profile:q pop3=cleartext sieve=off\n"
		"* imap=off\n"
		".b imap=cleartext\n"
		".c.b imap=tls\n"
		"d.c.b profile=q\n"
		"m@d.c.b profile=p\n"
		"b sieve=off\n"
		"notb sieve=off\n";
	static const struct row rows[] = {
		{ "u@x imap tls=1.2", "refuse off *:3" },
		{ "u@x.b imap", "allow" },
		{ "u@b imap", "refuse off *:3" },
		{ "u@notb imap tls=1.2", "refuse off *:3" },
		{ "u@x.c.b imap", "refuse cleartext .c.b:5" },
		{ "u@d.c.b imap", "refuse cleartext .c.b:5" },
		{ "u@d.c.b pop3", "allow" },
		{ "u@d.c.b sieve tls=1.2", "refuse off profile:q:2" },
		{ "m@d.c.b imap", "allow" },
		{ "m@d.c.b pop3", "refuse off profile:p:1" },
		{ "m@d.c.b sieve tls=1.2", "refuse off profile:q:2" }
	};

	(void)state;
	set_policy();
	CHECK_ROWS(rules, rows);
}

static void test_locks(void **state)
{
	static const struct row rows[] = {
		{ "m@x pop3 tls=1.2", "refuse off *:1" },
		{ "m@a.b pop3 tls=1.2", "refuse off *:1" },
		{ "m@a.b imap", "allow" },
		{ "m@x.a.b imap", "allow" },
		{ "m@a.b sieve tls=1.2", "refuse off a.b:4" }
	};
	static const char *const files[] = {
		"* pop3=off lock\n.b pop3=tls imap=cleartext lock\n"
		".a.b imap=off lock\na.b sieve=off lock=sieve\n"
		"m@a.b imap=tls pop3=tls sieve=tls\n",
		"a.b sieve=tls\n"
	};
	struct compiled compiled;
	struct gp_verdict verdict;
	size_t i;

	(void)state;
	set_policy();
	compiled_init_files(&compiled, files, 2, "", "");
	assert_int_equal(compiled.errors, 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		judge(&compiled, rows[i].request, NOW, &verdict);
		assert_string_equal(describe(&verdict), rows[i].want);
	}
	compiled_deinit(&compiled);
}

static void test_same_as(void **state)
{
	static const char rules[] =
		"* sieve=off lock=sieve\n"
		".old imap=off lock\n"
		"x.old same_as=y\n"
		"y same_as=z\n"
		"z pop3=off\n"
		"m@z pop3=tls submission=off\n"
		"n@q same_as=m@y\n"
		"q webmail=off lock\n";
	static const struct row rows[] = {
		{ "u@x.old pop3 tls=1.2", "refuse off z:5" },
		{ "m@x.old pop3 tls=1.2", "allow" },
		{ "m+t@x.old submission tls=1.2", "refuse off m@z:6" },
		{ "u@x.old imap tls=1.2", "refuse off .old:2" },
		{ "u@y imap tls=1.2", "allow" },
		{ "n@q submission tls=1.2", "refuse off m@z:6" },
		{ "n+t@q submission tls=1.2", "refuse off m@z:6" },
		{ "n@q webmail tls=1.2", "refuse off q:8" },
		{ "o@q submission tls=1.2", "allow" },
		{ "m@y sieve tls=1.2", "refuse off *:1" }
	};

	(void)state;
	set_policy();
	CHECK_ROWS(rules, rows);
}

/* What a client sent may be too long for any key behind same_as. */
static void test_same_as_long(void **state)
{
	static const char rules[] =
		"x same_as=longer.example.com\n"
		"longer.example.com imap=off\n"
		"u@longer.example.com imap=tls\n";
	static const char *const begins[] = { "v+", "", "u+" };
	static const char off[] = "refuse off longer.example.com:2";
	char asked[3][600];
	struct row rows[] = {
		{ asked[0], off }, { asked[1], off }, { asked[2], "allow" }
	};
	size_t i;

	(void)state;
	set_policy();
	for (i = 0; i < 3; i++)
		snprintf(asked[i], sizeof(asked[i]), "%s%0490d@x imap tls=1.2",
			 begins[i], 7);
	CHECK_ROWS(rules, rows);
}

static void test_extension(void **state)
{
	static const char rules[] =
		"bob@b imap=off\n"
		"bob+x@b pop3=off\n"
		"eve@b imap=off\n"
		"eve+x@b pop3=off until=2027-01-15T08:00:00Z\n"
		"eve+y@b pop3=off mode=trial\n";
	static const struct row rows[] = {
		{ "bob@b imap tls=1.2", "refuse off bob@b:1" },
		{ "bob+y@b imap tls=1.2", "refuse off bob@b:1" },
		{ "bob+x@b imap tls=1.2", "allow" },
		{ "bob+x@b pop3 tls=1.2", "refuse off bob+x@b:2" },
		{ "bob+x+y@b imap tls=1.2", "refuse off bob@b:1" },
		/* Lines that do not count do not name the mailbox. */
		{ "eve+x@b imap tls=1.2", "refuse off eve@b:3" },
		{ "eve+x@b pop3 tls=1.2", "allow" },
		{ "eve+y@b imap tls=1.2", "refuse off eve@b:3" },
		{ "eve+y@b pop3 tls=1.2", "trial off eve+y@b:5" }
	};

	(void)state;
	set_policy();
	CHECK_ROWS(rules, rows);
}

static void test_trial(void **state)
{
	static const char rules[] =
		"a imap=cleartext\n"
		"a imap=tls mode=trial\n"
		"b imap=off\n"
		"b imap=tls mode=trial\n"
		"c imap=cleartext\n"
		"c imap=off mode=trial lock\n"
		"m@c imap=cleartext\n"
		"d imap=cleartext\n"
		"d imap=off mode=trial from=2027-01-15T08:00:01Z\n";
	static const struct row rows[] = {
		{ "u@a imap", "trial cleartext a:2" },
		{ "u@a imap tls=1.2", "allow" },
		/* A trial never weakens what is in force. */
		{ "u@b imap tls=1.2", "refuse off b:3" },
		{ "m@c imap", "trial off c:6" },
		{ "u@d imap", "allow" }
	};

	(void)state;
	set_policy();
	CHECK_ROWS(rules, rows);
}

static void test_time(void **state)
{
	static const int64_t from = 1796108400; /* 2026-12-01T07:00:00Z */
	struct compiled compiled;
	struct gp_verdict verdict;

	(void)state;
	set_policy();
	compiled_init(&compiled, "a imap=off from=2026-12-01T08:00:00+01:00 "
				 "until=2026-12-01T08:00:01+01:00\n");
	assert_int_equal(compiled.errors, 0);
	judge(&compiled, "u@a imap tls=1.2", from - 1, &verdict);
	assert_string_equal(describe(&verdict), "allow");
	judge(&compiled, "u@a imap tls=1.2", from, &verdict);
	assert_string_equal(describe(&verdict), "refuse off a:1");
	judge(&compiled, "u@a imap tls=1.2", from + 1, &verdict);
	assert_string_equal(describe(&verdict), "allow");
	compiled_deinit(&compiled);
}

static void test_unauthenticated(void **state)
{
	static const char rules[] =
		"a unauthenticated_nets=192.0.2.0/24\n"
		"b unauthenticated_nets=192.0.2.0/24 submission=off\n";
	static const struct row rows[] = {
		{ "x submission tls=1.2 sender=u@a client=192.0.2.1",
		  "allow" },
		{ "x submission sender=u@a client=192.0.2.1",
		  "refuse cleartext" },
		{ "x submission tls=1.2 sender=u@a client=192.0.3.1",
		  "refuse unauthenticated a:1" },
		{ "x submission tls=1.2 sender=u@n client=192.0.2.1",
		  "refuse unauthenticated" },
		{ "x submission tls=1.2 sender= client=192.0.2.1",
		  "refuse unauthenticated" },
		{ "x submission tls=1.2 sender=a@@a client=192.0.2.1",
		  "refuse unauthenticated" },
		{ "x submission tls=1.2 sender=u@b client=192.0.2.1",
		  "refuse off b:2" }
	};

	(void)state;
	set_policy();
	CHECK_ROWS(rules, rows);
}

static void test_door_facts(void **state)
{
	static const char rules[] =
		"a all=implicit tls_min=1.3\n"
		"b all=off\n"
		"c allow_nets=192.0.2.0/24\n";
	static const struct row rows[] = {
		{ "u@a submission tls=unknown elsewhere=1 implicit=elsewhere",
		  "allow" },
		{ "u@a submission judged=1", "allow" },
		{ "u@b submission judged=1", "refuse off b:2" },
		{ "u@c submission judged=1 client=192.0.3.1",
		  "refuse network c:3" },
		{ "u@a imap tls=1.2 implicit=yes", "refuse tls_version a:1" },
		{ "u@a imap tls=unknown implicit=yes",
		  "refuse tls_version a:1" }
	};

	(void)state;
	set_policy();
	CHECK_ROWS(rules, rows);
}

static void test_webmail_and_exempt(void **state)
{
	static const struct gp_range webmail = {
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1 },
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1 }
	};
	static const struct gp_range exempt = {
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 2 },
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 2 }
	};
	static const char rules[] =
		"a imap=off webmail=tls\n"
		"b webmail=off\n"
		"c allow_nets=192.0.2.0/24\n"
		"d webmail=trusted trusted_nets=192.0.2.0/24\n";
	static const struct row rows[] = {
		{ "u@a imap tls=1.2 peer=10.0.0.1", "allow" },
		{ "u@a imap tls=1.2 peer=10.0.0.3", "refuse off a:1" },
		/* Who claims to be the webmail is not. */
		{ "u@a imap tls=1.2 client=10.0.0.1 peer=10.0.0.3",
		  "refuse off a:1" },
		{ "u@b imap tls=1.2 peer=10.0.0.1", "refuse off b:2" },
		{ "u@b submission tls=1.2 webmail=1", "refuse off b:2" },
		{ "u@c imap tls=1.2 peer=10.0.0.1", "allow" },
		{ "u@c imap tls=1.2 client=192.0.3.1 peer=10.0.0.1",
		  "refuse network c:3" },
		{ "u@d imap tls=1.2 client=192.0.2.1 peer=10.0.0.1", "allow" },
		{ "u@d imap tls=1.2 peer=10.0.0.1", "refuse network d:4" },
		{ "x submission sender=u@n tls=1.2 peer=10.0.0.1",
		  "refuse unauthenticated" },
		{ "u@b imap peer=10.0.0.2", "allow" },
		{ "u@@b imap peer=10.0.0.2", "allow" }
	};

	(void)state;
	set_policy();
	policy.webmail_networks.ranges = &webmail;
	policy.webmail_networks.count = 1;
	policy.exempt_networks.ranges = &exempt;
	policy.exempt_networks.count = 1;
	CHECK_ROWS(rules, rows);
}

static void test_policy(void **state)
{
	struct compiled compiled;
	struct gp_verdict verdict;

	(void)state;
	set_policy();
	compiled_init(&compiled, "");
	policy.local_is_encrypted = false;
	judge(&compiled, "a@b imap client=::1 server=::1", NOW, &verdict);
	assert_string_equal(describe(&verdict), "refuse cleartext");
	policy.unknown_tls_version = GP_TLS_1_1;
	judge(&compiled, "a@b imap tls=unknown", NOW, &verdict);
	assert_string_equal(describe(&verdict), "refuse tls_version");
	compiled_deinit(&compiled);
}

/* What is told must be what a mailbox without rules would be told. */
static void test_disclosure(void **state)
{
	static const char rules[] =
		"a imap=off\n"
		"m@a imap=off pop3=off\n"
		"n@a imap=tls message=\"use TLS\" tls_min=1.3\n"
		"o@b same_as=m@a\n";
	struct compiled compiled;
	struct gp_verdict verdict;

	(void)state;
	set_policy();
	compiled_init(&compiled, rules);
	judge(&compiled, "m@a imap tls=1.2", NOW, &verdict);
	assert_true(verdict.disclosed);
	assert_string_equal(verdict.told.key, "a");
	judge(&compiled, "m@a pop3 tls=1.2", NOW, &verdict);
	assert_string_equal(describe(&verdict), "refuse off m@a:2");
	assert_false(verdict.disclosed);
	/* The domain's cause, not the mailbox's. */
	judge(&compiled, "n@a imap", NOW, &verdict);
	assert_string_equal(describe(&verdict), "refuse cleartext n@a:3");
	assert_true(verdict.disclosed);
	assert_int_equal(verdict.told.cause, GP_CAUSE_OFF);
	assert_string_equal(verdict.told.message, "");
	judge(&compiled, "o@b pop3 tls=1.2", NOW, &verdict);
	assert_false(verdict.disclosed);
	policy.disclose = GP_DISCLOSE_MAILBOX;
	judge(&compiled, "n@a imap", NOW, &verdict);
	assert_true(verdict.disclosed);
	assert_string_equal(verdict.told.message, "use TLS");
	judge(&compiled, "a@@a imap", NOW, &verdict);
	assert_false(verdict.disclosed);
	policy.disclose = GP_DISCLOSE_NONE;
	judge(&compiled, "m@a imap tls=1.2", NOW, &verdict);
	assert_false(verdict.disclosed);
	assert_int_equal(verdict.kind, GP_REFUSE);
	compiled_deinit(&compiled);
}

static void test_without_rules(void **state)
{
	struct gp_arena *scratch = gp_arena_new();
	struct gp_request request;
	struct gp_verdict verdict;
	char storage[] = "a@b imap";

	(void)state;
	set_policy();
	read_request(storage, &request);
	gp_decide_without_rules(&policy, &request, "no map", scratch,
				&verdict);
	assert_int_equal(verdict.kind, GP_DEFER);
	assert_string_equal(verdict.error, "no map");
	policy.builtin_without_map = true;
	gp_decide_without_rules(&policy, &request, "no map", scratch,
				&verdict);
	assert_string_equal(describe(&verdict), "refuse cleartext");
	gp_arena_free(&scratch);
}

static int damaged_find(void *context, const char *key, size_t key_len,
			struct gp_arena *scratch, struct gp_lines *lines_r,
			const char **error_r)
{
	(void)context;
	(void)key;
	(void)scratch;
	(void)lines_r;
	if (key_len == GP_KEY_EVERY_LEN)
		return 0;
	*error_r = "damaged";
	return -1;
}

/* Damage is never an allow, and never a refusal that stays. */
static void test_damage(void **state)
{
	static const struct gp_source source = {
		.find = damaged_find, .default_domain = "",
		.recipient_delimiter = ""
	};
	struct compiled compiled = { .source = &source };
	struct gp_verdict verdict;

	(void)state;
	set_policy();
	judge(&compiled, "a@b imap tls=1.3", NOW, &verdict);
	assert_int_equal(verdict.kind, GP_DEFER);
	assert_string_equal(verdict.error, "damaged");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_same_as),
		cmocka_unit_test(test_same_as_long),
		cmocka_unit_test(test_extension),
		cmocka_unit_test(test_trial),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_unauthenticated),
		cmocka_unit_test(test_door_facts),
		cmocka_unit_test(test_webmail_and_exempt),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_disclosure),
		cmocka_unit_test(test_without_rules),
		cmocka_unit_test(test_damage)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
