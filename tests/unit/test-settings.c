/* gatepost.conf: defaults, syntax, values, and all errors at once. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/unit/cmocka-all.h"
#include "shared/base/log.h"
#include "shared/settings/settings.h"

static char path[] = "/tmp/test-settings-XXXXXX";
static char logged[1024];

static void keep_line(enum gp_log_level level, const char *line)
{
	assert_int_equal(level, GP_LOG_WARNING);
	snprintf(logged, sizeof(logged), "%s", line);
}

static void write_file(const char *data, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static struct gp_settings *load(const char *conf)
{
	struct gp_settings *settings;
	char *error = NULL;

	write_file(conf, strlen(conf));
	if (gp_settings_load(path, GP_SETTINGS_STOP, &settings, &error) < 0)
		fail_msg("%s%s", conf, error);
	return settings;
}

/* What is wrong, without the path. */
static char *load_wrong(const char *conf, size_t len)
{
	struct gp_settings *settings;
	char *error = NULL, *from, *to;
	size_t path_len = strlen(path);

	write_file(conf, len);
	errno = 0;
	assert_int_equal(gp_settings_load(path, GP_SETTINGS_STOP, &settings,
					  &error), -1);
	assert_int_equal(errno, EINVAL);
	assert_null(settings);
	for (from = to = error; *from != '\0'; ) {
		if (strncmp(from, path, path_len) == 0)
			from += path_len;
		else
			*to++ = *from++;
	}
	*to = '\0';
	return error;
}

static bool networks_have(const struct gp_netset *set, const char *str)
{
	struct gp_address address;

	assert_int_equal(gp_address_parse(str, &address), 0);
	return gp_netset_contains(set, &address);
}

static void check_default_paths(const struct gp_settings *settings)
{
	assert_string_equal(settings->rules, "/etc/gatepost/rules");
	assert_string_equal(settings->map, "/etc/gatepost/rules.lmdb");
	assert_string_equal(settings->map_owner, "");
	assert_true(settings->map_owner_uid == (uid_t)-1);
	assert_string_equal(settings->journal, "");
	assert_string_equal(settings->default_domain, "");
	assert_string_equal(settings->recipient_delimiter, "");
	assert_string_equal(settings->policy_socket,
			    "/var/spool/postfix/gatepost/policy");
}

static void check_default_lists(const struct gp_settings *settings)
{
	assert_int_equal(settings->other_service_count, 0);
	assert_string_equal(settings->submission_contexts[0], "submission");
	assert_string_equal(settings->submission_contexts[1], "submissions");
	assert_null(settings->submission_contexts[2]);
	assert_string_equal(settings->implicit_tls_contexts[0], "submissions");
	assert_null(settings->implicit_tls_contexts[1]);
	assert_int_equal(settings->submission_ports[0], 465);
	assert_int_equal(settings->submission_ports[1], 587);
	assert_int_equal(settings->submission_ports[2], 0);
	assert_int_equal(settings->implicit_tls_ports[0], 465);
	assert_int_equal(settings->implicit_tls_ports[1], 0);
	assert_true(settings->max_clients >= 1000);
	assert_int_equal(settings->workers, 1);
	assert_int_equal(settings->request_timeout, 300);
}

static void check_default_policy(const struct gp_policy *policy)
{
	assert_int_equal(policy->webmail_networks.count, 0);
	assert_int_equal(policy->exempt_networks.count, 0);
	assert_true(policy->local_is_encrypted);
	assert_int_equal(policy->unknown_tls_version, GP_TLS_1_2);
	assert_int_equal(policy->disclose, GP_DISCLOSE_DOMAIN);
	assert_false(policy->builtin_without_map);
}

static void an_empty_file_is_the_defaults(void **state)
{
	struct gp_settings *settings = gp_settings_default();

	(void)state;
	check_default_paths(settings);
	check_default_lists(settings);
	check_default_policy(&settings->policy);
	assert_string_equal(settings->path, GP_SETTINGS_PATH);
	gp_settings_free(&settings);
	assert_null(settings);
	gp_settings_free(&settings);

	settings = load("");
	check_default_paths(settings);
	check_default_lists(settings);
	check_default_policy(&settings->policy);
	assert_string_equal(settings->path, path);
	gp_settings_free(&settings);
}

static void paths_and_names_are_read(void **state)
{
	struct gp_settings *settings = load(
		"rules = /srv/rules\n"
		"map=/srv/my maps/x.lmdb\n"
		"  map_owner = nobody\n"
		"journal = /var/lib/gatepost/journal\r\n"
		"default_domain = Example.COM.\n"
		"recipient_delimiter = +-=$#\n"
		"policy_socket = unix:/run/a, inet:127.0.0.1:10040\n"
		"max_clients = 7\n"
		"workers = 3\n"
		"request_timeout = 20");

	(void)state;
	/* The third line continues the second. */
	assert_string_equal(settings->map,
			    "/srv/my maps/x.lmdb  map_owner = nobody");
	assert_string_equal(settings->rules, "/srv/rules");
	assert_string_equal(settings->journal, "/var/lib/gatepost/journal");
	assert_string_equal(settings->default_domain, "example.com");
	assert_string_equal(settings->recipient_delimiter, "+-=$#");
	assert_string_equal(settings->policy_socket,
			    "unix:/run/a, inet:127.0.0.1:10040");
	assert_int_equal(settings->max_clients, 7);
	assert_int_equal(settings->workers, 3);
	assert_int_equal(settings->request_timeout, 20);
	gp_settings_free(&settings);
}

static void owners_are_users_or_numbers(void **state)
{
	struct gp_settings *settings = load("map_owner = root\n");

	(void)state;
	assert_int_equal(settings->map_owner_uid, 0);
	assert_string_equal(settings->map_owner, "root");
	gp_settings_free(&settings);
	settings = load("map_owner = 4711\n");
	assert_int_equal(settings->map_owner_uid, 4711);
	gp_settings_free(&settings);
	settings = load("map_owner = 4711\nmap_owner =\n");
	assert_true(settings->map_owner_uid == (uid_t)-1);
	gp_settings_free(&settings);
}

static void lines_continue_and_the_last_counts(void **state)
{
	struct gp_settings *settings = load(
		"# webmail_networks = ::/0\n"
		"webmail_networks = 192.0.2.1\n"
		"\n"
		"   # a comment between\n"
		"\t192.0.2.8/29,\n"
		" 2001:db8::/32\n"
		"exempt_networks = 10.0.0.0/8\n"
		"exempt_networks = 192.168.0.0/16\n");
	const struct gp_policy *policy = &settings->policy;

	(void)state;
	assert_int_equal(policy->webmail_networks.count, 3);
	assert_true(networks_have(&policy->webmail_networks, "192.0.2.1"));
	assert_true(networks_have(&policy->webmail_networks, "192.0.2.15"));
	assert_true(networks_have(&policy->webmail_networks, "2001:db8::9"));
	assert_false(networks_have(&policy->exempt_networks, "10.0.0.1"));
	assert_true(networks_have(&policy->exempt_networks, "192.168.0.1"));
	gp_settings_free(&settings);
}

static void policy_is_read(void **state)
{
	static const struct {
		const char *conf;
		enum gp_tls_version version;
	} versions[] = {
		{ "unknown_tls_version = none", GP_TLS_NONE },
		{ "unknown_tls_version = 1.0", GP_TLS_1_0 },
		{ "unknown_tls_version = 1.1", GP_TLS_1_1 },
		{ "unknown_tls_version = 1.3", GP_TLS_1_3 },
	};
	struct gp_settings *settings;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		settings = load(versions[i].conf);
		assert_int_equal(settings->policy.unknown_tls_version,
				 versions[i].version);
		gp_settings_free(&settings);
	}
	settings = load("local_is_encrypted = no\non_missing_map = builtin\n"
			"disclose = none\n");
	assert_false(settings->policy.local_is_encrypted);
	assert_true(settings->policy.builtin_without_map);
	assert_int_equal(settings->policy.disclose, GP_DISCLOSE_NONE);
	gp_settings_free(&settings);
	settings = load("disclose = mailbox\n");
	assert_int_equal(settings->policy.disclose, GP_DISCLOSE_MAILBOX);
	gp_settings_free(&settings);
}

static void services_have_names(void **state)
{
	struct gp_settings *settings = load(
		"other_services = xmpp=imap, sogo=webmail\n"
		"submission_contexts = a,b c\n"
		"implicit_tls_contexts =\n"
		"submission_ports =\n"
		"implicit_tls_ports = 465, 4650\n");

	(void)state;
	assert_int_equal(gp_settings_service(settings, "imap"), GP_IMAP);
	assert_int_equal(gp_settings_service(settings, "pop3"), GP_POP3);
	assert_int_equal(gp_settings_service(settings, "smtp"),
			 GP_SUBMISSION);
	assert_int_equal(gp_settings_service(settings, "submission"),
			 GP_SUBMISSION);
	assert_int_equal(gp_settings_service(settings, "sieve"), GP_SIEVE);
	assert_int_equal(gp_settings_service(settings, "managesieve"),
			 GP_SIEVE);
	assert_int_equal(gp_settings_service(settings, "xmpp"), GP_IMAP);
	assert_int_equal(gp_settings_service(settings, "sogo"), GP_WEBMAIL);
	assert_int_equal(gp_settings_service(settings, "lmtp"), -1);
	assert_int_equal(gp_settings_service(settings, "doveadm"), -1);
	assert_int_equal(gp_settings_service(settings, ""), -1);
	assert_string_equal(settings->submission_contexts[2], "c");
	assert_null(settings->submission_contexts[3]);
	assert_null(settings->implicit_tls_contexts[0]);
	assert_int_equal(settings->submission_ports[0], 0);
	assert_int_equal(settings->implicit_tls_ports[1], 4650);
	gp_settings_free(&settings);
}

struct wrong_case {
	const char *conf;
	/* All of the error. */
	const char *error;
};

static const struct wrong_case wrong[] = {
	{ "map = rules.lmdb", ":1: error: map: \"rules.lmdb\" is not "
	  "an absolute path; write one that begins with /\n" },
	{ "map = $x/y", ":1: error: map: \"$x/y\" is not an absolute "
	  "path; write one that begins with / ($ is not expanded "
	  "here)\n" },
	{ "rules =", ":1: error: rules: \"\" is not an absolute path; "
	  "write one that begins with /\n" },
	{ "map_owner = no-such-user", ":1: error: map_owner: there is "
	  "no user \"no-such-user\"; create it, or name the one who "
	  "owns the maps\n" },
	{ "map_owner = 4294967295", ":1: error: map_owner: there is "
	  "no user \"4294967295\"; create it, or name the one who "
	  "owns the maps\n" },
	{ "webmail_networks = 192.0.2.1 192.0.2.1/24",
	  ":1: error: webmail_networks: 192.0.2.1/24 has host bits; "
	  "write 192.0.2.0/24 for the network or 192.0.2.1 for the "
	  "address\n" },
	{ "local_is_encrypted = maybe", ":1: error: "
	  "local_is_encrypted: \"maybe\" is not known here; write no "
	  "or yes\n" },
	{ "unknown_tls_version = 1.4", ":1: error: "
	  "unknown_tls_version: \"1.4\" is not known here; write "
	  "none, 1.0, 1.1, 1.2 or 1.3\n" },
	{ "on_missing_map = allow", ":1: error: on_missing_map: "
	  "\"allow\" is not known here; write defer or builtin\n" },
	{ "disclose =", ":1: error: disclose: \"\" is not known here; "
	  "write domain, mailbox or none\n" },
	{ "other_services = xmpp", ":1: error: other_services: "
	  "\"xmpp\" is not NAME=SERVICE; write one like xmpp=imap\n" },
	{ "other_services = =imap", ":1: error: other_services: "
	  "\"=imap\" is not NAME=SERVICE; write one like xmpp=imap\n" },
	{ "other_services = xmpp=smtp", ":1: error: other_services: "
	  "\"smtp\" is not a service; write xmpp=imap, pop3, "
	  "submission, sieve or webmail\n" },
	{ "other_services = pop3=imap", ":1: error: other_services: "
	  "pop3 is judged by its own rules; name services that "
	  "Gatepost does not know\n" },
	{ "submission_ports = 0", ":1: error: submission_ports: \"0\" "
	  "is not a port; write a number from 1 to 65535\n" },
	{ "submission_ports = 465 65536", ":1: error: "
	  "submission_ports: \"65536\" is not a port; write a number "
	  "from 1 to 65535\n" },
	{ "implicit_tls_ports = -1", ":1: error: implicit_tls_ports: "
	  "\"-1\" is not a port; write a number from 1 to 65535\n" },
	{ "max_clients = 0", ":1: error: max_clients: \"0\" is not a "
	  "number from 1 to 1000000\n" },
	{ "request_timeout = 3601", ":1: error: request_timeout: "
	  "\"3601\" is not a number from 1 to 3600\n" },
	{ "workers = many", ":1: error: workers: \"many\" is not a "
	  "number from 1 to 256\n" },
	{ "workers = 257", ":1: error: workers: \"257\" is not a "
	  "number from 1 to 256\n" },
	{ "workers = 99999999999999999999999", ":1: error: workers: "
	  "\"99999999999999999999999\" is not a number from 1 to "
	  "256\n" },
	{ "policy_socket = policy", ":1: error: policy_socket: "
	  "\"policy\" is no place to listen at; write an absolute "
	  "path, unix:/PATH or inet:127.0.0.1:10040\n" },
	{ "policy_socket = inet:10040", ":1: error: policy_socket: "
	  "\"inet:10040\" is no place to listen at; write an absolute "
	  "path, unix:/PATH or inet:127.0.0.1:10040\n" },
	{ "policy_socket = inet:localhost:smtp", ":1: error: "
	  "policy_socket: \"smtp\" is not a port; write a number from "
	  "1 to 65535\n" },
	{ "policy_socket =", ":1: error: policy_socket: no place to "
	  "listen at; write an absolute path\n" },
	{ "default_domain = a..b", NULL },
	{ "default_domain = alice@example.com", NULL },
	{ "disclos = none", ":1: error: there is no setting "
	  "\"disclos\"; do you mean \"disclose\"?\n" },
	{ "Rules = /x", ":1: error: there is no setting \"Rules\"; do "
	  "you mean \"rules\"?\n" },
	{ "something_else = 1", ":1: error: there is no setting "
	  "\"something_else\"\n" },
	{ "a\001b = 1", ":1: error: there is no setting "
	  "\"a\\x01b\"\n" },
	{ "rules /x", ":1: error: no \"=\"; write \"name = "
	  "value\"\n" },
	{ " rules = /x", ":1: error: begins with white space, but "
	  "there is no line that it could continue\n" },
};

static void wrong_values_are_explained(void **state)
{
	char *error;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		error = load_wrong(wrong[i].conf, strlen(wrong[i].conf));
		if (wrong[i].error != NULL)
			assert_string_equal(error, wrong[i].error);
		else
			assert_non_null(strstr(error, "is not a domain: "));
		free(error);
	}
}

static void all_errors_are_told_at_once(void **state)
{
	static const char conf[] =
		"# line 1\n"
		"map = x\n"
		"workers =\n"
		"   2\n"
		"workers = 0\n"
		"disclose = domain\n"
		"rules\n"
		"nonsense = 1\n";
	char *error = load_wrong(conf, strlen(conf));

	(void)state;
	assert_string_equal(error,
		":2: error: map: \"x\" is not an absolute path; write one "
		"that begins with /\n"
		":5: error: workers: \"0\" is not a number from 1 to "
		"256\n"
		":7: error: no \"=\"; write \"name = value\"\n"
		":8: error: there is no setting \"nonsense\"\n");
	free(error);
}

static void a_binary_file_is_refused(void **state)
{
	char *error = load_wrong("map = /x\0/y\n", 12);

	(void)state;
	assert_string_equal(error,
			    ":1: error: a NUL byte; this is not a text file\n");
	free(error);
}

static void doors_go_on_with_an_unknown_setting(void **state)
{
	struct gp_settings *settings;
	char *error = NULL;
	static const char conf[] = "dsclose = none\ndisclose = none\n";

	(void)state;
	write_file(conf, strlen(conf));
	gp_log_set_sink(keep_line);
	assert_int_equal(gp_settings_load(path, GP_SETTINGS_GO_ON, &settings,
					  &error), 0);
	gp_log_set_sink(NULL);
	assert_non_null(strstr(logged, ":1: there is no setting \"dsclose\"; "
			       "do you mean \"disclose\"? (ignored)"));
	assert_int_equal(settings->policy.disclose, GP_DISCLOSE_NONE);
	gp_settings_free(&settings);

	/* A wrong value is no unknown setting. */
	write_file("disclose = x\n", 13);
	assert_int_equal(gp_settings_load(path, GP_SETTINGS_GO_ON, &settings,
					  &error), -1);
	free(error);
}

static void a_file_that_cannot_be_read_says_so(void **state)
{
	struct gp_settings *settings;
	char *error = NULL;

	(void)state;
	assert_int_equal(gp_settings_load("/nonexistent/gatepost.conf",
					  GP_SETTINGS_STOP, &settings, &error),
			 -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(error, "/nonexistent/gatepost.conf: error: cannot "
			    "be read: No such file or directory (create it; "
			    "an empty file stands for the defaults)\n");
	free(error);
	assert_int_equal(gp_settings_load("/tmp", GP_SETTINGS_GO_ON, &settings,
					  &error), -1);
	assert_int_equal(errno, EISDIR);
	assert_null(settings);
	free(error);
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_is_the_defaults),
		cmocka_unit_test(paths_and_names_are_read),
		cmocka_unit_test(owners_are_users_or_numbers),
		cmocka_unit_test(lines_continue_and_the_last_counts),
		cmocka_unit_test(policy_is_read),
		cmocka_unit_test(services_have_names),
		cmocka_unit_test(wrong_values_are_explained),
		cmocka_unit_test(all_errors_are_told_at_once),
		cmocka_unit_test(a_binary_file_is_refused),
		cmocka_unit_test(doors_go_on_with_an_unknown_setting),
		cmocka_unit_test(a_file_that_cannot_be_read_says_so),
	};

	return cmocka_run_group_tests_name("settings", tests, make_file,
					   remove_file);
}
