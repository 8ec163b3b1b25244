/* doveadm who of 2.3 and of 2.4, and the ABI string in a module. */

#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/tools/abi.h"
#include "shared/tools/who.h"

static int parse(const char *text, struct gp_arena *arena,
		 struct gp_session **sessions_r, size_t *count_r)
{
	const char *error;

	return gp_who_parse(text, strlen(text), arena, sessions_r, count_r,
			    &error);
}

static void sessions(void **state)
{
	static const char *const texts[] = {
		"username\tproto\tpid\tip\n"
		"alice@example.com\timap\t17\t192.0.2.1\n"
		"bob\tpop3\t18\t\n",
		"username\tservice\tpid\tip\tdest_ip\tuser_alt\n"
		"alice@example.com\timap\t17\t192.0.2.1\t192.0.2.25\t\n"
		"bob\tpop3\t18\t\t\t\n",
	};
	struct gp_arena *arena = gp_arena_new();
	struct gp_session *found;
	size_t count;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(parse(texts[i], arena, &found, &count), 0);
		assert_int_equal(count, 2);
		assert_string_equal(found[0].user, "alice@example.com");
		assert_string_equal(found[0].service, "imap");
		assert_string_equal(found[0].pid, "17");
		assert_string_equal(found[0].ip, "192.0.2.1");
		assert_string_equal(found[1].user, "bob");
		assert_string_equal(found[1].ip, "");
	}
	gp_arena_free(&arena);
}

static void nobody_and_nonsense(void **state)
{
	struct gp_arena *arena = gp_arena_new();
	struct gp_session *found;
	size_t count;

	(void)state;
	assert_int_equal(parse("", arena, &found, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(parse("username\tproto\tpid\tip", arena, &found,
			       &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(parse("user\tproto\tpid\tip\n", arena, &found,
			       &count), -1);
	assert_int_equal(parse("username\tproto\tpid\tip\nalice\timap\n",
			       arena, &found, &count), -1);
	gp_arena_free(&arena);
}

static void abi(void **state)
{
	static const char module[] = "\0ELF.ABIv\0 different ABI version\0"
		"x.ABIv7\0002.3.ABIv19(2.3.19.1)\0002.4.ABIv1";
	char found[GP_ABI_SIZE], small[5];

	(void)state;
	assert_int_equal(gp_abi_find(module, sizeof(module), found,
				     sizeof(found)), 1);
	assert_string_equal(found, "2.3.ABIv19");
	assert_int_equal(gp_abi_find(module, sizeof(module), small,
				     sizeof(small)), 0);
	assert_int_equal(gp_abi_find(module, 20, found, sizeof(found)), 0);
	assert_int_equal(gp_abi_find("2.4.ABIv5", 9, found, sizeof(found)), 1);
	assert_string_equal(found, "2.4.ABIv5");
	assert_int_equal(gp_abi_find("", 0, found, sizeof(found)), 0);
}

static void build(void **state)
{
#define BESIDE "\0ELF\0gatepost-built-beside:"
	static const char module[] = BESIDE "/lib/a:b.so:00ff7b\0more:00";
	static const char *const bad[] = {
		"", "/lib/b.so", "/lib/b.so:", "/lib/b.so:0", "/lib/b.so:0g",
		"/lib/b.so:0A",
		/* 65 bytes. */
		"/lib/b.so:"
		"00000000000000000000000000000000000000000000000000000000000000"
		"00000000000000000000000000000000000000000000000000000000000000"
		"000000"
	};
	struct gp_abi_build found;
	char wrong[256];
	size_t i, begun = sizeof(BESIDE) - 1;

	(void)state;
	assert_int_equal(gp_abi_find_build(module, sizeof(module), &found), 1);
	assert_string_equal(found.path, "/lib/a:b.so");
	assert_int_equal(found.id_len, 3);
	assert_memory_equal(found.id, "\0\xff{", 3);
	/* Cut off anywhere before the NUL. */
	for (i = 0; i < begun + strlen("/lib/a:b.so:00ff7b"); i++)
		assert_int_equal(gp_abi_find_build(module, i, &found), 0);
	memcpy(wrong, BESIDE, begun);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		strcpy(wrong + begun, bad[i]);
		assert_int_equal(gp_abi_find_build(
			wrong, begun + strlen(bad[i]) + 1, &found), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(build),
		cmocka_unit_test(sessions),
		cmocka_unit_test(nobody_and_nonsense),
		cmocka_unit_test(abi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
