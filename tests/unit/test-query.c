/* Which SQL queries give the user another name than was typed. */

#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/tools/query.h"

/* The column that is not compared with the login, or NULL. */
static const struct {
	const char *query;
	const char *column;
} queries[] = {
	{ "SELECT username, domain, password FROM users "
	  "WHERE username = '%n' AND domain = '%d'", NULL },
	{ "SELECT userid AS user, password FROM users WHERE userid = '%u'",
	  NULL },
	{ "select email as user, password from virtual_users "
	  "where email='%u';", NULL },
	{ "SELECT u.`email` AS `user`, u.password FROM users u "
	  "WHERE u.email = '%Lu' AND u.active = 1", NULL },
	{ "SELECT CONCAT(username, '@', domain) AS user, password FROM users "
	  "WHERE username = '%n' AND domain = '%d'", NULL },
	{ "SELECT '%u' AS user, password FROM users WHERE id = 3", NULL },
	{ "SELECT email AS user FROM users WHERE LOWER(email) = "
	  "'%{user | lower}'", NULL },
	{ "SELECT password FROM users WHERE alias = '%u'", NULL },
	{ "SELECT password, 'x' AS userdb_home FROM users WHERE a = '%u'",
	  NULL },
	{ "SELECT * FROM users WHERE alias = '%u'", NULL },
	{ "CALL login('%u')", NULL },
	{ "", NULL },
	{ "SELECT", NULL },
	{ "SELECT a AS", NULL },
	{ "SELECT ,, FROM (", NULL },
	{ "SELECT user", "user" },
	{ "SELECT 'user FROM", NULL },
	{ "SELECT mailbox AS user, password FROM a WHERE alias = '%u'",
	  "mailbox" },
	{ "SELECT mailbox user FROM a WHERE alias = '%u'", "mailbox" },
	{ "SELECT password, m.user FROM m WHERE alias = '%u'", "user" },
	{ "SELECT mailbox AS 'user' FROM a WHERE alias = '%u'", "mailbox" },
	{ "SELECT email AS user FROM users "
	  "WHERE email = '%u' OR alias = '%u'", "email" },
	{ "SELECT email AS user FROM users WHERE email = alias "
	  "AND alias = '%u'", "email" },
	{ "SELECT email AS user FROM users WHERE email LIKE '%u'", "email" },
	{ "SELECT username, main AS domain FROM users "
	  "WHERE username = '%n' AND domain = '%d'", "main" },
	{ "SELECT CONCAT(box, '@', domain) AS user FROM users "
	  "WHERE name = '%n' AND domain = '%d'", "box" },
	{ "SELECT (SELECT b FROM x WHERE y = '%u') AS user FROM users",
	  "SELECT" },
};

static const char *const names[] = { "user", "username", "domain", NULL };

static void test_renames(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct gp_arena *arena = gp_arena_new();
		const char *column = gp_query_renames(queries[i].query, names,
						      arena);

		if (queries[i].column == NULL && column != NULL)
			fail_msg("%s: %s", queries[i].query, column);
		if (queries[i].column != NULL && (column == NULL ||
		    strcmp(column, queries[i].column) != 0))
			fail_msg("%s: %s", queries[i].query,
				 column != NULL ? column : "(none)");
		gp_arena_free(&arena);
	}
}

static void test_other_names(void **state)
{
	static const char query[] = "SELECT password, mailbox AS userdb_user, "
		"host, backend AS destuser FROM a WHERE alias = '%u'";
	static const char *const userdb[] = { "no", "userdb_user", NULL };
	static const char *const proxy[] = { "destuser", NULL };
	struct gp_arena *arena = gp_arena_new();

	(void)state;
	assert_null(gp_query_renames(query, names, arena));
	assert_string_equal(gp_query_renames(query, userdb, arena), "mailbox");
	assert_string_equal(gp_query_renames(query, proxy, arena), "backend");
	gp_arena_free(&arena);
}

/* Words behind the last that is looked at are no ground to stand on. */
static void test_a_query_without_end(void **state)
{
	struct gp_arena *arena = gp_arena_new();
	char *query = gp_arena_alloc(arena, 100001);

	(void)state;
	memset(query, ',', 100000);
	memcpy(query, "SELECT a AS user", 16);
	assert_string_equal(gp_query_renames(query, names, arena), "a");
	memset(query, '(', 100000);
	assert_null(gp_query_renames(query, names, arena));
	gp_arena_free(&arena);
}

static void test_setting(void **state)
{
	static const char file[] =
		"# password_query = no\n"
		"password_query_x = no\r\n"
		"  password_query\t= SELECT a \\\n  FROM b\n"
		"user_query = \"quoted\"\n"
		"empty =\n"
		"last = end";
	struct gp_arena *arena = gp_arena_new();

	(void)state;
	assert_string_equal(gp_query_setting(file, "password_query", arena),
			    "SELECT a     FROM b");
	assert_string_equal(gp_query_setting(file, "user_query", arena),
			    "quoted");
	assert_string_equal(gp_query_setting(file, "empty", arena), "");
	assert_string_equal(gp_query_setting(file, "last", arena), "end");
	assert_null(gp_query_setting(file, "none", arena));
	assert_null(gp_query_setting("", "none", arena));
	gp_arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_renames),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_a_query_without_end),
		cmocka_unit_test(test_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
