/* What postconf prints: parameters, services, overrides, and lists of
   restrictions. */

#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/tools/postconf.h"

static const char main_cf[] =
	"compatibility_level = 3.6\n"
	"gatepost_check = check_policy_service { unix:gatepost/policy, "
	"timeout=10s, { default_action = 451 4.3.0 Not now } }\n"
	"submission_checks = $gatepost_check, permit_mynetworks, "
	"${reject_rest}\n"
	"reject_rest = reject\n"
	"circle = $circle x\n"
	"twice = a $(name) b $missing ${name?yes} $\n"
	"name = n\n"
	"empty =\n"
	"smtpd_sasl_auth_enable = no\n";

static const char master_cf[] =
	"smtp       inet  n       -       y       -       -       smtpd\n"
	"submission inet n - y - - smtpd -o smtpd_sasl_auth_enable=yes "
	"-o {name=with space}\n"
	"192.0.2.1:2525 inet n    -       -       -       -       smtpd\n"
	"policyd    unix  -       n       n       -       0       spawn "
	"user=gatepost argv=/usr/sbin/gatepost-policyd -S\n"
	"a/b unix - n n - 0 pipe\n";

static const char overrides[] =
	"submission/inet/smtpd_sasl_auth_enable = yes\n"
	"submission/inet/name = with space\n"
	"a/b/unix/name = slash\n";

static struct gp_arena *arena;
static struct gp_postconf conf;

static int setup(void **state)
{
	const char *error;

	(void)state;
	arena = gp_arena_new();
	return gp_postconf_parse(main_cf, master_cf, overrides, arena, &conf,
				 &error);
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_free(&arena);
	return 0;
}

static const char *value(const char *service, const char *name)
{
	const struct gp_postconf_service *found = service == NULL ? NULL :
		gp_postconf_service(&conf, "inet", service);

	return gp_postconf_value(&conf, found, name, "(missing)");
}

static void parameters(void **state)
{
	(void)state;
	assert_string_equal(value(NULL, "compatibility_level"), "3.6");
	assert_string_equal(value(NULL, "empty"), "");
	assert_string_equal(value(NULL, "nowhere"), "(missing)");
	assert_string_equal(value("smtp", "smtpd_sasl_auth_enable"), "no");
	assert_string_equal(value("submission", "smtpd_sasl_auth_enable"),
			    "yes");
}

static void expansion(void **state)
{
	(void)state;
	assert_string_equal(value(NULL, "twice"),
			    "a n b $missing ${name?yes} $");
	/* A service's own parameter counts in main.cf's values as well. */
	assert_string_equal(value("submission", "twice"),
			    "a with space b $missing ${name?yes} $");
	/* It ends. */
	assert_non_null(strstr(value(NULL, "circle"), "x x x"));
}

static void services(void **state)
{
	const struct gp_postconf_service *service;

	(void)state;
	service = gp_postconf_service(&conf, "unix", "policyd");
	assert_string_equal(service->command, "spawn");
	assert_string_equal(service->chroot, "n");
	assert_string_equal(service->arguments, "user=gatepost "
			    "argv=/usr/sbin/gatepost-policyd -S");
	assert_null(gp_postconf_service(&conf, "inet", "policyd"));
	service = gp_postconf_service(&conf, "unix", "a/b");
	assert_true(gp_postconf_overrides(service, "name"));
	assert_false(gp_postconf_overrides(service, "nam"));
}

static void restrictions(void **state)
{
	const char *list = value(NULL, "submission_checks");
	const char *policy;

	(void)state;
	assert_string_equal(gp_postconf_next(&list, arena),
			    "check_policy_service");
	policy = gp_postconf_unbrace(gp_postconf_next(&list, arena), arena);
	assert_string_equal(gp_postconf_next(&list, arena),
			    "permit_mynetworks");
	assert_string_equal(gp_postconf_next(&list, arena), "reject");
	assert_null(gp_postconf_next(&list, arena));

	assert_string_equal(gp_postconf_next(&policy, arena),
			    "unix:gatepost/policy");
	assert_string_equal(gp_postconf_named(gp_postconf_next(&policy, arena),
					      "timeout", arena), "10s");
	list = gp_postconf_next(&policy, arena);
	assert_null(gp_postconf_named(list, "timeout", arena));
	assert_string_equal(gp_postconf_named(list, "default_action", arena),
			    "451 4.3.0 Not now");
	assert_null(gp_postconf_next(&policy, arena));
	list = "{ not closed { again }";
	assert_string_equal(gp_postconf_next(&list, arena),
			    "{ not closed { again }");
	assert_null(gp_postconf_next(&list, arena));
}

static void what_is_none_of_its_outputs(void **state)
{
	struct gp_postconf other;
	const char *error = NULL;

	(void)state;
	assert_int_equal(gp_postconf_parse("words\n", "", "", arena, &other,
					   &error), -1);
	assert_non_null(error);
	assert_int_equal(gp_postconf_parse("", "smtp inet n - y\n", "", arena,
					   &other, &error), -1);
	assert_int_equal(gp_postconf_parse("", master_cf, "other/inet/a = b\n",
					   arena, &other, &error), -1);
	assert_int_equal(gp_postconf_parse("", master_cf, "name = b\n", arena,
					   &other, &error), -1);
	assert_int_equal(gp_postconf_parse("", "", "", arena, &other, &error),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters),
		cmocka_unit_test(expansion),
		cmocka_unit_test(services),
		cmocka_unit_test(restrictions),
		cmocka_unit_test(what_is_none_of_its_outputs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
