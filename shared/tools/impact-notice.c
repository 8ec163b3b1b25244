/* For people who do not know what a cipher is. The words depend on the cause
   alone; which rule is behind it is not their business. */

#include "shared/tools/impact.h"

#include <string.h>

static const char *service_words(enum gp_service service)
{
	static const char *const words[] = {
		[GP_IMAP] = "reading mail (IMAP)",
		[GP_POP3] = "reading mail (POP3)",
		[GP_SUBMISSION] = "sending mail (SMTP)",
		[GP_SIEVE] = "mail filters (ManageSieve)",
		[GP_WEBMAIL] = "webmail",
	};

	return words[service];
}

static const char *what_to_change(enum gp_cause cause)
{
	switch (cause) {
	case GP_CAUSE_OFF:
		return "will no longer be possible";
	case GP_CAUSE_NETWORK:
		return "will only be possible from permitted networks";
	case GP_CAUSE_CLEARTEXT:
		return "switch on encryption (SSL/TLS or STARTTLS)";
	case GP_CAUSE_IMPLICIT:
		return "choose SSL/TLS instead of STARTTLS, with its port";
	case GP_CAUSE_TLS_VERSION:
		return "update the program or the device, its encryption is "
		       "too old";
	default:
		return "use the full mail address as the user name";
	}
}

static bool is_new(const struct report_row *row,
		   const struct report_row *before)
{
	return before == NULL || strcmp(row->mailbox, before->mailbox) != 0;
}

static void end_line(const struct report_row *last, struct gp_text *line,
		     FILE *file)
{
	if (last == NULL)
		return;
	fprintf(file, "%s\t%s\n", line->data, last->finding.help);
	gp_text_clear(line);
}

void impact_print_notice(const struct report *report, FILE *file)
{
	const struct report_row *row, *before = NULL;
	struct gp_text line;

	gp_text_init(&line);
	for (size_t i = 0; i < report->rows; i++) {
		row = &report->row[i];
		if (row->state != SURVEY_REFUSED)
			continue;
		if (is_new(row, before)) {
			end_line(before, &line, file);
			gp_text_add_escaped(&line, row->mailbox,
					    strlen(row->mailbox), 512);
			gp_text_add_char(&line, '\t');
		} else {
			gp_text_add(&line, "; ");
		}
		gp_text_addf(&line, "%s: %s", service_words(row->service),
			     what_to_change(row->finding.cause));
		before = row;
	}
	end_line(before, &line, file);
	gp_text_deinit(&line);
}
