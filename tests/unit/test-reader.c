/* What a door sees of a map while files come and go. The clock and the moment
   at which LMDB opens the file are the test's own. */

#include <errno.h>
#include "tests/unit/map-fixture.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"

#define OFF "* all=off\n"
#define TLS "* all=tls\n"

int64_t __wrap_gp_time_now(void);
int __real_mdb_env_open(void *env, const char *path, unsigned flags,
			mode_t mode);
int __wrap_mdb_env_open(void *env, const char *path, unsigned flags,
			mode_t mode);
int __real_gp_mapfile_check_bytes(int fd, const char *path,
				  const struct stat *stat,
				  const char **error_r);
int __wrap_gp_mapfile_check_bytes(int fd, const char *path,
				  const struct stat *stat,
				  const char **error_r);

static int64_t now;
static unsigned lines_logged;
static char last_line[512];
/* How often another file takes the place of the one that was checked. */
static unsigned replacements;
static unsigned opened;
static int open_error;
static unsigned checked;

int64_t __wrap_gp_time_now(void)
{
	return now;
}

int __wrap_gp_mapfile_check_bytes(int fd, const char *path,
				  const struct stat *stat,
				  const char **error_r)
{
	checked++;
	return __real_gp_mapfile_check_bytes(fd, path, stat, error_r);
}

static void copy_file(const char *from, const char *to)
{
	unsigned char *data;
	size_t len = fixture_read(from, &data);
	char temp[128];

	snprintf(temp, sizeof(temp), "%s.copy", to);
	fixture_overwrite(temp, data, len);
	assert_int_equal(rename(temp, to), 0);
	free(data);
}

int __wrap_mdb_env_open(void *env, const char *path, unsigned flags,
			mode_t mode)
{
	opened++;
	if (open_error != 0)
		return open_error;
	if (replacements > 0) {
		replacements--;
		copy_file(fixture_path("other"), path);
	}
	return __real_mdb_env_open(env, path, flags, mode);
}

static void sink(enum gp_log_level level, const char *line)
{
	(void)level;
	lines_logged++;
	snprintf(last_line, sizeof(last_line), "%s", line);
}

static int setup(void **state)
{
	gp_log_set_sink(sink);
	now = 1800000000;
	lines_logged = 0;
	replacements = 0;
	return fixture_setup(state);
}

static struct gp_map *open_map(void)
{
	return gp_map_new(fixture_path("map"), geteuid());
}

static int imap_value(struct gp_map *map)
{
	struct gp_arena *arena = gp_arena_new();
	struct gp_lines lines;
	int value;

	assert_int_equal(fixture_lines(fixture_source(map), "*", arena,
				       &lines), 1);
	value = lines.line[0].service[GP_IMAP];
	gp_arena_free(&arena);
	return value;
}

static void assert_none(struct gp_map *map, int error_number,
			const char *words)
{
	const char *error = NULL;

	assert_null(gp_map_source(map, &error));
	assert_int_equal(errno, error_number);
	assert_non_null(error);
	/* It names the file and says what to do. */
	if (strstr(error, fixture_path("map")) == NULL ||
	    strstr(error, words) == NULL)
		fail_msg("%s", error);
}

static void test_missing_then_there(void **state)
{
	struct gp_map *map = open_map();

	(void)state;
	assert_none(map, ENOENT, "gatemap");
	fixture_compile(fixture_path("map"), OFF);
	assert_int_equal(imap_value(map), GP_OFF);
	assert_int_equal(lines_logged, 0);
	gp_map_free(&map);
	assert_null(map);
}

static void test_replaced(void **state)
{
	struct gp_map *map = open_map();
	unsigned before;

	(void)state;
	fixture_compile(fixture_path("map"), OFF);
	assert_int_equal(imap_value(map), GP_OFF);
	fixture_compile(fixture_path("map"), TLS);
	assert_int_equal(imap_value(map), GP_TLS);
	/* Unchanged: nothing is opened. */
	before = opened;
	assert_int_equal(imap_value(map), GP_TLS);
	assert_int_equal(opened, before);
	gp_map_free(&map);
}

static void test_one_process_opens_once(void **state)
{
	struct gp_map *one, *two, *three;
	unsigned before;

	(void)state;
	fixture_compile(fixture_path("map"), OFF);
	one = open_map();
	two = open_map();
	before = opened;
	assert_int_equal(imap_value(one), GP_OFF);
	assert_int_equal(imap_value(two), GP_OFF);
	assert_int_equal(opened, before + 1);
	/* Another owner is another question. */
	three = gp_map_new(fixture_path("map"), geteuid() + 1);
	assert_ptr_not_equal(three, one);
	gp_map_free(&three);
	gp_map_free(&one);
	assert_int_equal(imap_value(two), GP_OFF);
	assert_int_equal(opened, before + 1);
	gp_map_free(&two);
}

static void test_meta(void **state)
{
	struct gp_map *map = open_map();
	const struct gp_map_meta *meta;

	(void)state;
	fixture_compile(fixture_path("map"), OFF "example.com pop3=off\n"
			"example.com imap=off mode=trial\n");
	(void)fixture_source(map);
	meta = gp_map_meta(map);
	assert_int_equal(meta->format, 1);
	assert_true(meta->compiled == FIXTURE_COMPILED);
	assert_int_equal(meta->source_sha256[31], 0xab);
	assert_int_equal(meta->lines, 3);
	assert_int_equal(meta->keys, 2);
	assert_false(meta->changed);
	gp_map_free(&map);
}

static void replace_with(const void *data, size_t len)
{
	fixture_overwrite(fixture_path("new"), data, len);
	assert_int_equal(rename(fixture_path("new"), fixture_path("map")), 0);
}

/* The last good rules stay, and the log says so every minute. */
static void test_a_bad_new_file(void **state)
{
	struct gp_map *map = open_map();
	unsigned i;

	(void)state;
	fixture_compile(fixture_path("map"), OFF);
	assert_int_equal(imap_value(map), GP_OFF);
	replace_with("no map at all", 13);
	for (i = 0; i < 3; i++)
		assert_int_equal(imap_value(map), GP_OFF);
	assert_int_equal(lines_logged, 1);
	assert_non_null(strstr(last_line, fixture_path("map")));
	assert_non_null(strstr(last_line, "stay in force"));
	now += 59;
	assert_int_equal(imap_value(map), GP_OFF);
	assert_int_equal(lines_logged, 1);
	now++;
	assert_int_equal(imap_value(map), GP_OFF);
	assert_int_equal(lines_logged, 2);
	fixture_compile(fixture_path("map"), TLS);
	assert_int_equal(imap_value(map), GP_TLS);
	now += 60;
	assert_int_equal(imap_value(map), GP_TLS);
	assert_int_equal(lines_logged, 2);
	gp_map_free(&map);
}

static void test_a_file_that_goes(void **state)
{
	struct gp_map *map = open_map();

	(void)state;
	fixture_compile(fixture_path("map"), OFF);
	assert_int_equal(imap_value(map), GP_OFF);
	assert_int_equal(rename(fixture_path("map"), fixture_path("away")), 0);
	assert_int_equal(imap_value(map), GP_OFF);
	assert_int_equal(lines_logged, 1);
	assert_non_null(strstr(last_line, "does not exist"));
	assert_int_equal(rename(fixture_path("away"), fixture_path("map")), 0);
	assert_int_equal(imap_value(map), GP_OFF);
	now += 60;
	assert_int_equal(imap_value(map), GP_OFF);
	assert_int_equal(lines_logged, 1);
	gp_map_free(&map);
}

/* Somebody writes into the very file that is open. */
static void test_an_open_file_that_is_overwritten(void **state)
{
	struct gp_map *map = open_map();
	unsigned char *data;
	size_t len;

	(void)state;
	fixture_compile(fixture_path("map"), OFF);
	assert_int_equal(imap_value(map), GP_OFF);
	len = fixture_read(fixture_path("map"), &data);
	data[len / 2] ^= 1;
	fixture_overwrite(fixture_path("map"), data, len);
	assert_none(map, EINVAL, "damaged");
	fixture_overwrite(fixture_path("map"), data, len / 2);
	assert_none(map, EINVAL, "damaged");
	free(data);
	fixture_compile(fixture_path("map"), TLS);
	assert_int_equal(imap_value(map), GP_TLS);
	gp_map_free(&map);
}

/* What is open is still what was checked. */
static void test_an_open_file_of_another_mode(void **state)
{
	struct gp_map *map = open_map();

	(void)state;
	fixture_compile(fixture_path("map"), OFF);
	assert_int_equal(imap_value(map), GP_OFF);
	assert_int_equal(chmod(fixture_path("map"), 0666), 0);
	assert_int_equal(imap_value(map), GP_OFF);
	assert_int_equal(lines_logged, 1);
	assert_non_null(strstr(last_line, "writable by others"));
	assert_int_equal(chmod(fixture_path("map"), 0600), 0);
	assert_int_equal(imap_value(map), GP_OFF);
	gp_map_free(&map);
}

static void test_modes_that_are_refused(void **state)
{
	static const mode_t modes[] = { 0660, 0620, 0642, 0666 };
	struct gp_map *map;
	size_t i;

	(void)state;
	fixture_compile(fixture_path("map"), OFF);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(fixture_path("map"), modes[i]), 0);
		map = open_map();
		assert_none(map, EINVAL, "chmod");
		/* It is noticed when that is put right. */
		assert_int_equal(chmod(fixture_path("map"), 0444), 0);
		assert_int_equal(imap_value(map), GP_OFF);
		gp_map_free(&map);
	}
}

static void test_owners(void **state)
{
	struct gp_map *map;

	(void)state;
	if (geteuid() != 0)
		skip();
	fixture_compile(fixture_path("map"), OFF);
	assert_int_equal(chown(fixture_path("map"), 12345, 0), 0);
	map = gp_map_new(fixture_path("map"), 54321);
	assert_none(map, EINVAL, "map_owner");
	gp_map_free(&map);
	map = gp_map_new(fixture_path("map"), -1);
	assert_none(map, EINVAL, "map_owner");
	gp_map_free(&map);
	map = gp_map_new(fixture_path("map"), 12345);
	assert_int_equal(imap_value(map), GP_OFF);
	assert_int_equal(chown(fixture_path("map"), 0, 0), 0);
	assert_int_equal(imap_value(map), GP_OFF);
	gp_map_free(&map);
}

static void test_no_regular_file(void **state)
{
	struct gp_map *map = open_map();

	(void)state;
	assert_int_equal(mkfifo(fixture_path("map"), 0600), 0);
	assert_none(map, EINVAL, "not a regular file");
	unlink(fixture_path("map"));
	assert_int_equal(mkdir(fixture_path("map"), 0700), 0);
	assert_none(map, EINVAL, "not a regular file");
	rmdir(fixture_path("map"));
	assert_int_equal(symlink("/dev/zero", fixture_path("map")), 0);
	assert_none(map, EINVAL, "not a regular file");
	unlink(fixture_path("map"));
	fixture_compile(fixture_path("real"), OFF);
	assert_int_equal(symlink("real", fixture_path("map")), 0);
	assert_int_equal(imap_value(map), GP_OFF);
	gp_map_free(&map);
}

static void test_another_format(void **state)
{
	struct gp_map *map = open_map();
	unsigned char *data;
	size_t len;

	(void)state;
	fixture_compile(fixture_path("map"), OFF);
	len = fixture_read(fixture_path("map"), &data);
	data[len - 4096 + 16] = 2;
	replace_with(data, len);
	assert_none(map, EINVAL, "has format 2");
	/* Format 0 never existed. */
	data[len - 4096 + 16] = 0;
	replace_with(data, len);
	assert_none(map, EINVAL, "has format 0");
	free(data);
	gp_map_free(&map);
}

/* A refused file is read once a minute, not at each decision. */
static void test_a_refused_file_is_left_alone(void **state)
{
	struct gp_map *map = open_map();

	(void)state;
	fixture_overwrite(fixture_path("map"), "no map", 6);
	checked = 0;
	assert_none(map, EINVAL, "damaged");
	assert_none(map, EINVAL, "damaged");
	assert_int_equal(checked, 1);
	now += 60;
	assert_none(map, EINVAL, "damaged");
	assert_int_equal(checked, 2);
	/* A clock that is set back is no reason to wait. */
	now -= 1000;
	assert_none(map, EINVAL, "damaged");
	assert_int_equal(checked, 3);
	fixture_overwrite(fixture_path("map"), "no map!", 7);
	assert_none(map, EINVAL, "damaged");
	assert_int_equal(checked, 4);
	gp_map_free(&map);
}

static void test_replaced_while_it_is_opened(void **state)
{
	struct gp_map *map = open_map();

	(void)state;
	fixture_compile(fixture_path("other"), TLS);
	fixture_compile(fixture_path("map"), OFF);
	replacements = 2;
	assert_int_equal(imap_value(map), GP_TLS);
	assert_int_equal(replacements, 0);
	gp_map_free(&map);
	fixture_compile(fixture_path("map"), OFF);
	map = open_map();
	replacements = 100;
	assert_none(map, EAGAIN, "faster");
	replacements = 0;
	assert_int_equal(imap_value(map), GP_TLS);
	gp_map_free(&map);
}

/* As under a vsz_limit that holds one map and not two. */
static void test_no_room_for_another(void **state)
{
	struct gp_map *map = open_map();

	(void)state;
	fixture_compile(fixture_path("map"), OFF);
	assert_int_equal(imap_value(map), GP_OFF);
	fixture_compile(fixture_path("map"), TLS);
	open_error = ENOMEM;
	assert_int_equal(imap_value(map), GP_OFF);
	assert_int_equal(lines_logged, 1);
	assert_non_null(strstr(last_line, "vsz_limit"));
	open_error = 0;
	assert_int_equal(imap_value(map), GP_OFF);
	now += 60;
	assert_int_equal(imap_value(map), GP_TLS);
	/* Too many open files may be over the next moment. */
	fixture_compile(fixture_path("map"), OFF);
	open_error = EMFILE;
	assert_int_equal(imap_value(map), GP_TLS);
	open_error = 0;
	assert_int_equal(imap_value(map), GP_OFF);
	gp_map_free(&map);
}

static void test_look_ups(void **state)
{
	static const char rules[] =
		"net:office 192.0.2.0/24\n"
		"profile:sales pop3=off\n"
		"profile:rest webmail=inherit imap=off\n"
		"a@example.com profile=sales trusted_nets=office\n"
		"* all=tls\n@ imap=off\nalice@ imap=off\n"
		".example.com tls_min=1.3\n";
	struct gp_arena *arena = gp_arena_new();
	const struct gp_source *source;
	struct gp_map *map = open_map();
	struct gp_lines lines;
	struct gp_netset set;
	const char *error;
	void *context;

	(void)state;
	fixture_compile(fixture_path("map"), rules);
	source = fixture_source(map);
	context = source->context;
	assert_int_equal(fixture_lines(source, "a@example.com", arena,
				       &lines), 1);
	assert_int_equal(lines.line[0].profiles[0], 0);
	assert_int_equal(fixture_lines(source, "b@example.com", arena,
				       &lines), 0);
	assert_int_equal(fixture_lines(source, "@", arena, &lines), 1);
	assert_int_equal(fixture_lines(source, "alice@", arena, &lines), 1);
	assert_int_equal(source->find(context, "", 0, arena, &lines, &error),
			 0);
	assert_int_equal(source->net_count, 1);
	/* The first time it is checked, the second it is remembered. */
	assert_int_equal(source->net(context, 0, &set, &error), 1);
	assert_int_equal(source->net(context, 0, &set, &error), 1);
	assert_int_equal(set.count, 1);
	assert_int_equal(source->net(context, 1, &set, &error), 0);
	assert_string_equal(source->net_name(context, 0), "office");
	assert_null(source->net_name(context, 1));
	assert_int_equal(source->profile(context, 0, arena, &lines, &error),
			 1);
	assert_int_equal(source->profile(context, 2, arena, &lines, &error),
			 0);
	assert_string_equal(source->profile_name(context, 1), "rest");
	assert_null(source->profile_name(context, 2));
	assert_string_equal(source->file_name(context, 0), "rules");
	assert_null(source->file_name(context, 1));
	assert_int_equal(source->parent_depths, 1 << 2);
	assert_string_equal(source->default_domain, "example.com");
	assert_string_equal(source->recipient_delimiter, "+");
	assert_int_equal(gp_map_verify(map, &error), 0);
	gp_map_free(&map);
	gp_arena_free(&arena);
}

static enum gp_verdict_kind judge(struct gp_map *map, bool builtin)
{
	struct gp_policy policy = { .builtin_without_map = builtin };
	struct gp_request request = {
		.login = "a@example.com", .login_len = 13,
		.tls = GP_TLS_1_3,
		.authenticated = true
	};
	struct gp_arena *scratch = gp_arena_new();
	struct gp_verdict verdict;

	gp_map_judge(map, &policy, &request, scratch, &verdict);
	if (verdict.kind == GP_DEFER)
		assert_non_null(verdict.error);
	gp_arena_free(&scratch);
	return verdict.kind;
}

static void test_judging(void **state)
{
	struct gp_map *map = open_map();

	(void)state;
	assert_int_equal(judge(map, false), GP_DEFER);
	assert_int_equal(judge(map, true), GP_ALLOW);
	fixture_compile(fixture_path("map"), OFF);
	assert_int_equal(judge(map, false), GP_REFUSE);
	fixture_compile(fixture_path("map"), TLS);
	assert_int_equal(judge(map, false), GP_ALLOW);
	gp_map_free(&map);
}

/* In 1970 the first line would count; the map is from 2023. */
/* Rules for every second of many mailboxes; a login as it may be written. */
static char *many_mailboxes(unsigned count)
{
	char *rules = malloc(count * 40 + 40);
	char *end = rules + sprintf(rules, "* clients=tls\n");
	unsigned i;

	for (i = 0; i < count; i += 2)
		end += sprintf(end, "u%u@d%u.example submission=off\n", i,
			       i / 10);
	return rules;
}

static enum gp_verdict_kind judge_login(struct gp_map *map, const char *login)
{
	static const struct gp_policy policy;
	struct gp_arena *scratch = gp_arena_new();
	struct gp_request request = {
		.service = GP_SUBMISSION, .authenticated = true,
		.login = login, .login_len = strlen(login),
		.tls = GP_TLS_1_3
	};
	struct gp_verdict verdict;

	gp_map_judge(map, &policy, &request, scratch, &verdict);
	gp_arena_free(&scratch);
	return verdict.kind;
}

/* Expected or not, known from before or not, before and after the file was
   replaced. */
static void test_expected_logins_are_judged_alike(void **state)
{
	struct gp_map *map = open_map();
	char *rules = many_mailboxes(1000), login[64];
	unsigned round, i;

	(void)state;
	fixture_compile(fixture_path("map"), rules);
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 1000; i++) {
			snprintf(login, sizeof(login), "%c%u@D%u.Example",
				 i % 3 == 0 ? 'U' : 'u', i, i / 10);
			if (i % 5 > 0)
				gp_map_expect(map, login, strlen(login));
			gp_map_expect(map, "nobody", 6);
			assert_int_equal(judge_login(map, login),
					 round == 3 ? GP_ALLOW :
					 i % 2 == 0 ? GP_REFUSE : GP_ALLOW);
		}
		if (round == 1)
			fixture_compile(fixture_path("map"), rules);
		if (round == 2)
			fixture_compile(fixture_path("map"),
					"* clients=tls\n");
	}
	free(rules);
	gp_map_free(&map);
}

static void test_a_clock_before_the_map(void **state)
{
	struct gp_map *map = open_map();

	(void)state;
	fixture_compile(fixture_path("map"),
			"* all=off until=2001-01-01T00:00:00Z\n");
	now = 0;
	assert_int_equal(judge(map, false), GP_ALLOW);
	fixture_compile(fixture_path("map"),
			"* all=off from=2001-01-01T00:00:00Z\n");
	assert_int_equal(judge(map, false), GP_REFUSE);
	gp_map_free(&map);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, \
						   fixture_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_missing_then_there),
		TEST(test_replaced),
		TEST(test_one_process_opens_once),
		TEST(test_meta),
		TEST(test_a_bad_new_file),
		TEST(test_a_file_that_goes),
		TEST(test_an_open_file_that_is_overwritten),
		TEST(test_an_open_file_of_another_mode),
		TEST(test_modes_that_are_refused),
		TEST(test_owners),
		TEST(test_no_regular_file),
		TEST(test_another_format),
		TEST(test_a_refused_file_is_left_alone),
		TEST(test_replaced_while_it_is_opened),
		TEST(test_no_room_for_another),
		TEST(test_look_ups),
		TEST(test_judging),
		TEST(test_expected_logins_are_judged_alike),
		TEST(test_a_clock_before_the_map),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
