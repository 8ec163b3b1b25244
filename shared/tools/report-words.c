/* The words that all forms of a report share. */

#include "shared/tools/report.h"

#include <string.h>
#include <time.h>

const char *report_state_name(const struct report *report,
			      const struct report_row *row)
{
	static const char *const names[] = {
		[SURVEY_READY] = "ready", [SURVEY_REFUSED] = "refused",
		[SURVEY_UNKNOWN] = "unknown", [SURVEY_TRIAL] = "trial",
		[SURVEY_DEFERRED] = "deferred"
	};

	if (report->kind != REPORT_IMPACT && row->state == SURVEY_READY)
		return "accepted";
	return names[row->state];
}

const char *report_missing_name(enum report_missing missing)
{
	static const char *const names[] = {
		[REPORT_NOTHING] = "",
		[REPORT_ENCRYPTION] = "whether it was encrypted",
		[REPORT_PORT] = "whether TLS began with the first byte",
		[REPORT_VERSION] = "the TLS version",
	};

	return names[missing];
}

void report_add_rule(const struct report *report,
		     const struct report_row *row, struct gp_text *text)
{
	const struct survey_finding *finding = &row->finding;

	if (finding->cause == GP_CAUSE_NONE || finding->cause == GP_CAUSE_NAME)
		return;
	if (finding->line == 0) {
		gp_text_add(text, "built-in rule");
		return;
	}
	if (report->anonymise) {
		gp_text_addf(text, "line %u", finding->line);
		return;
	}
	gp_text_addf(text, "%s (%s:%u)", finding->rule, finding->file,
		     finding->line);
}

static void add_local_time(int64_t time, const char *format,
			   struct gp_text *text)
{
	time_t seconds = (time_t)time;
	char shown[32];
	struct tm tm;

	if (localtime_r(&seconds, &tm) != NULL &&
	    strftime(shown, sizeof(shown), format, &tm) > 0)
		gp_text_add(text, shown);
}

void report_add_time(int64_t time, struct gp_text *text)
{
	add_local_time(time, "%Y-%m-%d %H:%M", text);
}

void report_add_day(int64_t time, struct gp_text *text)
{
	add_local_time(time, "%Y-%m-%d", text);
}

static bool misses(const struct report *report, enum report_missing missing)
{
	for (size_t i = 0; i < report->rows; i++) {
		if (report->row[i].missing == missing)
			return true;
	}
	return false;
}

static void add_dovecot_hint(const char *element_23, const char *element_24,
			     struct gp_text *text)
{
	gp_text_addf(text, "    Dovecot 2.3: login_log_format_elements = "
		     "user=<%%u> method=%%m rip=%%r lip=%%l mpid=%%e %%c %s "
		     "session=<%%{session}>\n", element_23);
	gp_text_addf(text, "    Dovecot 2.4: login_log_format_elements = "
		     "user=<%%{user}> method=%%{mechanism} "
		     "rip=%%{remote_ip} lip=%%{local_ip} mpid=%%{mail_pid} "
		     "%%{secured} %s session=<%%{session}>\n", element_24);
}

void report_add_hints(const struct report *report, struct gp_text *text)
{
	bool version = misses(report, REPORT_VERSION);
	bool port = misses(report, REPORT_PORT);
	bool encryption = misses(report, REPORT_ENCRYPTION);

	if (report->kind != REPORT_REFUSED && report->read.dovecot > 0 &&
	    report->read.dovecot_tls == 0)
		gp_text_add(text, "No login line of Dovecot's says TLS. "
			    "Unless nobody uses it, %c (2.3) or %{secured} "
			    "(2.4) is missing in login_log_format_elements, "
			    "and everybody is taken for unencrypted.\n");
	if (!version && !port && !encryption)
		return;
	gp_text_add(text, "The logs do not tell");
	if (encryption)
		gp_text_add(text, " whether all logins were encrypted");
	if (version)
		gp_text_addf(text, "%s the TLS version of all logins",
			     encryption ? ", nor" : "");
	if (port)
		gp_text_addf(text, "%s whether TLS began with the first byte",
			     encryption || version ? ", nor" : "");
	gp_text_add(text, "; those whose answer depends on it are counted as "
		    "unknown. To log it from now on:\n");
	if (version || port)
		add_dovecot_hint(port ? "%k lport=%a" : "%k", port ?
				 "%{ssl_security} lport=%{local_port}" :
				 "%{ssl_security}", text);
	if (version || encryption)
		gp_text_add(text, "    Postfix: smtpd_tls_loglevel = 1\n");
}
