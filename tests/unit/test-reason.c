/* What may reach a client of what stands in a map. */

#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "dovecot-plugin/reason.h"

struct reason_case {
	const char *reason;
	bool has_code;
	const char *harmless;
};

static const struct reason_case reasons[] = {
	{ "", false, "" },
	{ "Use SSL/TLS; see https://help.example.com", false,
	  "Use SSL/TLS; see https://help.example.com" },
	{ "[PRIVACYREQUIRED] Use SSL/TLS", true,
	  "[PRIVACYREQUIRED] Use SSL/TLS" },
	{ "[ALERT] Use SSL/TLS", false, "(ALERT] Use SSL/TLS" },
	{ "one\r\na OK two", false, "one??a OK two" },
	{ "\r\n", false, "??" },
	{ "\t\1\33[31m\177", false, "???[31m?" },
	{ "caf\303\251", false, "caf??" },
	{ "~ \377", true, "~ ?" }
};

static void test_harmless(void **state)
{
	char buffer[128];

	(void)state;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		strcpy(buffer, reasons[i].reason);
		gp_reason_make_harmless(buffer, reasons[i].has_code);
		assert_string_equal(buffer, reasons[i].harmless);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_harmless)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
