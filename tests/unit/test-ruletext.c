/* Edits of a rules file's text: what is touched, and that nothing else is. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "tests/unit/cmocka-all.h"
#include "shared/tools/ruletext.h"

static struct gp_ruletext *open_text(const char *data)
{
	struct gp_ruletext *text;

	assert_int_equal(gp_ruletext_new(data, strlen(data), &text), 0);
	return text;
}

static size_t find(const struct gp_ruletext *text, const char *written)
{
	char key[GP_RULETEXT_KEY_MAX];
	const char *error;
	size_t len;

	assert_int_equal(gp_ruletext_key(written, strlen(written), key, &len,
					 &error), 0);
	return gp_ruletext_first(text, key, len);
}

static void expect(struct gp_ruletext *text, const char *expected)
{
	struct gp_text out;

	gp_text_init(&out);
	gp_ruletext_render(text, &out);
	assert_string_equal(out.data, expected);
	gp_text_deinit(&out);
	gp_ruletext_free(&text);
}

/* value NULL: the attribute is dropped. */
static const struct edit {
	const char *before;
	const char *key;
	const char *name;
	const char *value;
	const char *after;
} edits[] = {
	{ "a.b imap=off\n", "a.b", "imap", "tls", "a.b imap=tls\n" },
	{ "a.b imap=off\n", "a.b", "pop3", "tls", "a.b imap=off pop3=tls\n" },
	{ "a.b imap=off", "a.b", "pop3", "tls", "a.b imap=off pop3=tls" },
	{ "a.b  imap=off \t\n", "A.B.", "pop3", "tls",
	  "a.b  imap=off pop3=tls \t\n" },
	{ "a.b imap=off # why\n", "a.b", "pop3", "tls",
	  "a.b imap=off pop3=tls # why\n" },
	{ "a.b imap=off # why\n", "a.b", "imap", NULL, "a.b # why\n" },
	{ "a.b imap=off pop3=off\r\nc.d imap=off\r\n", "a.b", "imap", NULL,
	  "a.b pop3=off\r\nc.d imap=off\r\n" },
	{ "a.b\n\timap=off\n# c\n\n pop3=off  # d\nc.d imap=off\n", "a.b",
	  "pop3", "tls",
	  "a.b\n\timap=off\n# c\n\n pop3=tls  # d\nc.d imap=off\n" },
	/* A physical line that has nothing left goes, with its newline. */
	{ "a.b\n\timap=off\n\tpop3=off\nc.d imap=off\n", "a.b", "imap", NULL,
	  "a.b\n\tpop3=off\nc.d imap=off\n" },
	{ "a.b pop3=off\n\timap=off", "a.b", "imap", NULL,
	  "a.b pop3=off\n" },
	/* One that has a comment keeps it. */
	{ "a.b pop3=off\n\timap=off # why\n", "a.b", "imap", NULL,
	  "a.b pop3=off\n\t # why\n" },
	{ "a.b pop3=off\n\timap=off sieve=off\n", "a.b", "imap", NULL,
	  "a.b pop3=off\n\t sieve=off\n" },
	/* Quotes. */
	{ "a.b note=\"x y\" imap=off\n", "a.b", "note", "z",
	  "a.b note=z imap=off\n" },
	{ "a.b note=z\n", "a.b", "note", "x  y", "a.b note=\"x  y\"\n" },
	{ "a.b note=z\n", "a.b", "note", "", "a.b note=\"\"\n" },
	{ "a.b note=z\n", "a.b", "note", "x\"y", "a.b note=x\"y\n" },
	{ "a.b note=\"imap=off # no\" imap=tls\n", "a.b", "imap", "off",
	  "a.b note=\"imap=off # no\" imap=off\n" },
	/* The names of other attributes that begin alike. */
	{ "a.b tls_min=1.2 imap=tls\n", "a.b", "imap", "off",
	  "a.b tls_min=1.2 imap=off\n" },
	/* A byte order mark, and comments in any encoding. */
	{ "\xef\xbb\xbf" "a.b imap=off\n", "a.b", "imap", "tls",
	  "\xef\xbb\xbf" "a.b imap=tls\n" },
	{ "# caf\xe9\na.b imap=off # \xe9\n", "a.b", "imap", "tls",
	  "# caf\xe9\na.b imap=tls # \xe9\n" },
};

static void one_attribute(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		const struct edit *edit = &edits[i];
		struct gp_ruletext *text = open_text(edit->before);
		size_t line = find(text, edit->key);

		assert_int_not_equal(line, GP_RULETEXT_NONE);
		if (edit->value != NULL)
			gp_ruletext_put(text, line, edit->name, edit->value);
		else
			assert_true(gp_ruletext_drop(text, line, edit->name));
		expect(text, edit->after);
	}
}

static void nothing_touched_is_nothing_changed(void **state)
{
	static const char data[] = "\xef\xbb\xbf# x\r\n\r\n a.b\n"
		"*  all=tls\t\r\n\r\n\t# c\r\n  tls_min=1.2\nnet:a 192.0.2.1\n"
		"a@ imap=off\n@ imap=off\n# end";
	struct gp_ruletext *text;

	(void)state;
	/* A continuation of nothing is no rules file. */
	assert_int_equal(gp_ruletext_new(data, strlen(data), &text), -1);
	assert_null(text);
	text = open_text(data + 14);
	expect(text, data + 14);
}

static void a_line_goes_with_its_continuation(void **state)
{
	struct gp_ruletext *text = open_text(
		"# of a\na.b imap=off\n# in\n\tpop3=off\n# of c\nc.d imap=off");

	(void)state;
	gp_ruletext_remove(text, find(text, "a.b"));
	assert_int_equal(find(text, "a.b"), GP_RULETEXT_NONE);
	expect(text, "# of a\n# of c\nc.d imap=off");
}

static void new_lines_go_where_they_are_put(void **state)
{
	struct gp_ruletext *text = open_text("a.b imap=off\nc.d imap=off");
	size_t first = find(text, "a.b"), line;

	(void)state;
	line = gp_ruletext_add(text, first, "A.b");
	gp_ruletext_put(text, line, "pop3", "off");
	gp_ruletext_put(text, line, "lock", NULL);
	assert_int_equal(gp_ruletext_next(text, first), line);
	line = gp_ruletext_add(text, line, "x@a.b");
	gp_ruletext_put(text, line, "imap", "tls");
	line = gp_ruletext_add(text, GP_RULETEXT_NONE, "new");
	gp_ruletext_put(text, line, "note", "a b");
	assert_int_equal(find(text, "NEW"), line);
	expect(text, "a.b imap=off\nA.b pop3=off lock\nx@a.b imap=tls\n"
	       "c.d imap=off\nnew note=\"a b\"\n");
}

static void lines_are_found_by_key(void **state)
{
	struct gp_ruletext *text = open_text(
		"b.test imap=off\nprofile:b imap=off\nB.TEST mode=trial "
		"imap=off\nx@b.test imap=off\n.b.test imap=off\n"
		"net:b 10.1.1.1\n");
	size_t line = find(text, "b.test");

	(void)state;
	assert_int_equal(gp_ruletext_number(text, line), 1);
	line = gp_ruletext_next(text, line);
	assert_int_equal(gp_ruletext_number(text, line), 3);
	assert_string_equal(gp_ruletext_get(text, line, "mode"), "trial");
	assert_null(gp_ruletext_get(text, line, "pop3"));
	assert_int_equal(gp_ruletext_next(text, line), GP_RULETEXT_NONE);
	assert_int_equal(gp_ruletext_number(text, find(text, "net:b")), 6);
	assert_int_equal(gp_ruletext_number(text, find(text, "profile:b")), 2);
	assert_int_equal(find(text, "profile:c"), GP_RULETEXT_NONE);
	gp_ruletext_free(&text);
}

/* So many new keys that the table grows. */
static void many_new_lines(void **state)
{
	struct gp_ruletext *text = open_text("a.b imap=off\na.b mode=trial\n");
	char key[32];

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		snprintf(key, sizeof(key), "u%u@a.b", i);
		gp_ruletext_put(text, gp_ruletext_add(text, GP_RULETEXT_NONE,
						      key), "imap", "tls");
	}
	for (unsigned i = 0; i < 500; i++) {
		snprintf(key, sizeof(key), "u%u@a.b", i);
		assert_int_equal(find(text, key), i + 2);
	}
	assert_int_equal(gp_ruletext_next(text, find(text, "a.b")), 1);
	gp_ruletext_free(&text);
}

/* As from "gatepost impact --set": each costs as much as the first did, or the
   alarm goes off. */
static void very_many_new_lines(void **state)
{
	enum { MANY = 400000 };
	struct gp_ruletext *text = open_text("a.b imap=off\n");
	struct gp_text out;
	char key[32];

	(void)state;
	alarm(60);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "u%u@a.b", i);
		gp_ruletext_put(text, gp_ruletext_add(text, GP_RULETEXT_NONE,
						      key), "imap", "tls");
	}
	gp_text_init(&out);
	gp_ruletext_render(text, &out);
	assert_memory_equal(out.data, "a.b imap=off\nu0@a.b imap=tls\nu1@a.b ",
			    36);
	assert_string_equal(out.data + out.len - 21, "u399999@a.b imap=tls\n");
	gp_text_deinit(&out);
	gp_ruletext_free(&text);
	alarm(0);
}

/* Where lines of lower numbers end. */
static void lines_before(void **state)
{
	struct gp_ruletext *text = open_text("a.b imap=off\n\n# c\n"
					     "c.d imap=off\n\tpop3=off\n"
					     "e.f imap=off\n");
	static const size_t expected[] = {
		GP_RULETEXT_NONE, GP_RULETEXT_NONE, 0, 0, 0, 1, 1, 2, 2
	};

	(void)state;
	gp_ruletext_add(text, GP_RULETEXT_NONE, "g.h");
	for (uint32_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
		assert_true(gp_ruletext_before(text, i) == expected[i]);
	gp_ruletext_free(&text);
	text = open_text("# nothing\n");
	assert_true(gp_ruletext_before(text, 9) == GP_RULETEXT_NONE);
	gp_ruletext_free(&text);
}

static void lines_are_put_back(void **state)
{
	static const char raw[] = "a.b imap=off\n# in\n\tpop3=off # x";
	struct gp_ruletext *text = open_text("a.b imap=off\n# in\n"
					     "\tpop3=off # x\nc.d imap=off\n");
	struct gp_text got;
	size_t line = find(text, "a.b");

	(void)state;
	gp_text_init(&got);
	gp_ruletext_raw(text, line, &got);
	assert_string_equal(got.data, raw);
	gp_text_deinit(&got);
	gp_ruletext_put(text, line, "imap", "tls");
	assert_int_equal(gp_ruletext_set_raw(text, line, raw, strlen(raw)),
			 0);
	/* Another key, two lines, none at all, a broken one. */
	assert_int_equal(gp_ruletext_set_raw(text, line, "c.d x=y", 7), -1);
	assert_int_equal(gp_ruletext_set_raw(text, line, "a.b x=y\na.b x=y",
					     15), -1);
	assert_int_equal(gp_ruletext_set_raw(text, line, "# x", 3), -1);
	assert_int_equal(gp_ruletext_set_raw(text, line, "a.b x=\"y", 8), -1);
	expect(text, "a.b imap=off\n# in\n\tpop3=off # x\nc.d imap=off\n");
}

struct seen {
	struct gp_text before;
	struct gp_text now;
};

static void see(void *context, bool is_now, const struct gp_text *raw)
{
	struct seen *seen = context;

	gp_text_addf(is_now ? &seen->now : &seen->before, "%s|", raw->data);
}

static void what_was_done_is_known(void **state)
{
	struct gp_ruletext *text = open_text(
		"a.b imap=off\nc.d imap=off\na.b mode=trial\ne.f imap=off\n");
	size_t line = find(text, "a.b");
	struct seen seen;

	(void)state;
	gp_text_init(&seen.before);
	gp_text_init(&seen.now);
	assert_int_equal(gp_ruletext_next_changed(text, 0), GP_RULETEXT_NONE);
	gp_ruletext_put(text, line, "imap", "off");
	assert_int_equal(gp_ruletext_next_changed(text, 0), GP_RULETEXT_NONE);
	gp_ruletext_put(text, line, "imap", "tls");
	gp_ruletext_remove(text, gp_ruletext_next(text, line));
	gp_ruletext_remove(text, find(text, "e.f"));
	assert_int_equal(gp_ruletext_next_changed(text, 0), 0);
	assert_int_equal(gp_ruletext_next_changed(text, 1), 3);
	assert_int_equal(gp_ruletext_next_changed(text, 4), GP_RULETEXT_NONE);
	gp_ruletext_each(text, 0, see, &seen);
	assert_string_equal(seen.before.data, "a.b imap=off|a.b mode=trial|");
	assert_string_equal(seen.now.data, "a.b imap=tls|");
	gp_text_deinit(&seen.before);
	gp_text_deinit(&seen.now);
	gp_ruletext_free(&text);
}

static void values_that_cannot_be_written(void **state)
{
	static const char *const bad[] = {
		"a\nb", "a\tb", "a\x7f", "\"a", "a \"b\"", "a\rb", "\""
	};
	static const char *const good[] = {
		"", "a", "a b", "a\"b", "#a", "a=b", "k\xc3\xa4se"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(gp_ruletext_is_value(bad[i]));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(gp_ruletext_is_value(good[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_attribute),
		cmocka_unit_test(nothing_touched_is_nothing_changed),
		cmocka_unit_test(a_line_goes_with_its_continuation),
		cmocka_unit_test(new_lines_go_where_they_are_put),
		cmocka_unit_test(lines_are_found_by_key),
		cmocka_unit_test(many_new_lines),
		cmocka_unit_test(very_many_new_lines),
		cmocka_unit_test(lines_before),
		cmocka_unit_test(lines_are_put_back),
		cmocka_unit_test(what_was_done_is_known),
		cmocka_unit_test(values_that_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
