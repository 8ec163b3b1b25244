/* What doveconf -n prints, of 2.3 and 2.4, as both have printed it. */

#include <string.h>
#include "tests/unit/arena-fixture.h"
#include "shared/tools/doveconf.h"

static const char of_2_3[] =
	"# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf\n"
	"# Pigeonhole version 0.5.19 (4eae2f79)\n"
	"# OS: Linux 6.1 x86_64 Debian 12.11 \n"
	"# Hostname: mail\n"
	"auth_cache_size = 10 M\n"
	"auth_username_chars = \n"
	"disable_plaintext_auth = no\n"
	"login_plugins = other gatepost_login\n"
	"passdb {\n"
	"  args = /etc/gatepost/gatepost.conf\n"
	"  driver = gatepost\n"
	"}\n"
	"passdb {\n"
	"  driver = pam\n"
	"  master = yes\n"
	"}\n"
	"service auth {\n"
	"  unix_listener /var/spool/postfix/private/auth {\n"
	"    mode = 0660\n"
	"  }\n"
	"  vsz_limit = 512 M\n"
	"}\n"
	"ssl_key = # hidden, use -P to show it\n"
	"local 10.0.0.1 {\n"
	"  protocol imap {\n"
	"    ssl = no\n"
	"  }\n"
	"}\n";

static const char of_2_4[] =
	"# 2.4.1-4 (7d8c0e5759): /etc/dovecot/dovecot.conf\n"
	"dovecot_config_version = 2.4.1\n"
	"login_plugins {\n"
	"  gatepost_login = yes\n"
	"  other = no\n"
	"}\n"
	"protocols = imap pop3\n"
	"passdb gatepost {\n"
	"  passdb_driver = gatepost\n"
	"}\n"
	"passdb passwd-file {\n"
	"  fields {\n"
	"    user = \"%{user | username}\"\n"
	"  }\n"
	"}\n";

static void parse(const char *text, struct gp_doveconf *conf_r)
{
	const char *error;

	assert_int_equal(gp_doveconf_parse(text, strlen(text), arena, conf_r,
					   &error), 0);
}

static void settings_of_2_3(void **state)
{
	struct gp_doveconf conf;

	(void)state;
	parse(of_2_3, &conf);
	assert_string_equal(conf.version, "2.3.19.1");
	assert_string_equal(conf.path, "/etc/dovecot/dovecot.conf");
	assert_false(conf.is_2_4);
	assert_string_equal(gp_dove_value(&conf.root, "auth_cache_size"),
			    "10 M");
	assert_string_equal(gp_dove_value(&conf.root, "auth_username_chars"),
			    "");
	assert_null(gp_dove_value(&conf.root, "driver"));
	assert_string_equal(gp_dove_value(&conf.root, "ssl_key"),
			    "# hidden, use -P to show it");
	assert_true(gp_dove_list_has(&conf.root, "login_plugins",
				     "gatepost_login"));
	assert_false(gp_dove_list_has(&conf.root, "login_plugins",
				      "gatepost"));
}

static void blocks_of_2_3(void **state)
{
	const struct gp_dove_block *block;
	struct gp_doveconf conf;

	(void)state;
	parse(of_2_3, &conf);
	block = gp_dove_block_find(conf.root.blocks, "passdb", NULL);
	assert_string_equal(gp_dove_value(block, "driver"), "gatepost");
	block = gp_dove_block_find(block->next, "passdb", NULL);
	assert_string_equal(gp_dove_value(block, "driver"), "pam");
	assert_null(gp_dove_block_find(block->next, "passdb", NULL));
	block = gp_dove_block_find(conf.root.blocks, "service", "auth");
	assert_string_equal(gp_dove_value(block, "vsz_limit"), "512 M");
	assert_string_equal(block->blocks->name,
			    "/var/spool/postfix/private/auth");
	block = gp_dove_block_find(conf.root.blocks, "local", NULL)->blocks;
	assert_string_equal(block->type, "protocol");
	assert_string_equal(block->parent->name, "10.0.0.1");
	assert_string_equal(gp_dove_value(block, "ssl"), "no");
}

static void all_of_2_4(void **state)
{
	const struct gp_dove_block *block;
	struct gp_doveconf conf;

	(void)state;
	parse(of_2_4, &conf);
	assert_true(conf.is_2_4);
	assert_true(gp_dove_list_has(&conf.root, "login_plugins",
				     "gatepost_login"));
	assert_false(gp_dove_list_has(&conf.root, "login_plugins", "other"));
	assert_true(gp_dove_has_list(&conf.root, "login_plugins"));
	assert_false(gp_dove_has_list(&conf.root, "mail_plugins"));
	assert_true(gp_dove_list_has(&conf.root, "protocols", "pop3"));
	block = gp_dove_block_find(conf.root.blocks, "passdb", "gatepost");
	assert_string_equal(gp_dove_value(block, "driver"), "gatepost");
	block = gp_dove_block_find(conf.root.blocks, "passdb", "passwd-file");
	assert_string_equal(gp_dove_value(block->blocks, "user"),
			    "%{user | username}");
}

static void what_is_no_configuration(void **state)
{
	static const char *const texts[] = {
		"}\n", "a {\n", "a = b\n}\n", "a {\n}\n}\n", "just words\n",
		"a {\na {\na {\na {\na {\na {\na {\na {\na {\na {\na {\na {\n"
		"a {\na {\na {\na {\na {\n",
	};
	struct gp_doveconf conf;
	const char *error;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		error = NULL;
		assert_int_equal(gp_doveconf_parse(texts[i], strlen(texts[i]),
						   arena, &conf, &error), -1);
		assert_non_null(error);
	}
	parse("", &conf);
	parse("#\n\n#:\n# 2", &conf);
	assert_null(conf.root.settings);
}

static void every_part_of_an_output(void **state)
{
	struct gp_doveconf conf;
	const char *error;

	(void)state;
	/* Cut anywhere, it is read or refused, and nothing else. */
	for (size_t len = 0; len < sizeof(of_2_3); len++) {
		char *part = gp_arena_strndup(arena, of_2_3, len);

		(void)gp_doveconf_parse(part, len, arena, &conf, &error);
	}
	parse(of_2_3, &conf);
}

static void sizes(void **state)
{
	static const struct {
		const char *value;
		unsigned long long size;
	} known[] = {
		{ "0", 0 }, { "17", 17 }, { "18 B", 18 },
		{ "512 M", 512 << 20 }, { "64k", 64 << 10 },
		{ "2 G", 2ULL << 30 }, { "1T", 1ULL << 40 },
		{ "18446744073709551615 B", ~0ULL },
		{ "18446744073709551615 G", ~0ULL },
	};
	unsigned long long size;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_true(gp_dove_size(known[i].value, &size));
		assert_true(size == known[i].size);
	}
	assert_false(gp_dove_size("", &size));
	assert_false(gp_dove_size("unlimited", &size));
	assert_false(gp_dove_size("12 x", &size));
}

static void words(void **state)
{
	const char *list = " 10.0.0.0/8, 192.0.2.1\t2001:db8::1 ";

	(void)state;
	assert_string_equal(gp_dove_next_word(&list, arena), "10.0.0.0/8");
	assert_string_equal(gp_dove_next_word(&list, arena), "192.0.2.1");
	assert_string_equal(gp_dove_next_word(&list, arena), "2001:db8::1");
	assert_null(gp_dove_next_word(&list, arena));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_of_2_3),
		cmocka_unit_test(blocks_of_2_3),
		cmocka_unit_test(all_of_2_4),
		cmocka_unit_test(what_is_no_configuration),
		cmocka_unit_test(every_part_of_an_output),
		cmocka_unit_test(sizes),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
