/* One page that needs nothing from anywhere. Its policy forbids every script
   and style but its own, by their digests, so that even a mistake in the
   escaping below could not run anything; and no style or handler stands in an
   attribute. */

#include "shared/tools/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/rules/utf8.h"
#include "shared/tools/program.h"
#include "shared/tools/report-page.h"

#define BAR 1000
#define DAY_WIDTH 12
#define DAYS_HEIGHT 100
#define DAYS_MAX 366
/* More than a browser sorts at ease. */
#define ROWS_MAX 20000
/* At least, so that few days are not drawn large. */
#define DAYS_WIDTH 360
#define DAY 86400

/* Text from outside. What is no UTF-8 is shown byte by byte. */
static void put(const char *str, FILE *file)
{
	size_t len = strlen(str);
	uint32_t c;
	int used;

	for (; len > 0; str += used, len -= (size_t)used) {
		used = gp_utf8_next(str, len, &c);
		if (used <= 0) {
			used = 1;
			fprintf(file, "\\x%02x", (unsigned char)*str);
		} else if (gp_utf8_is_invisible(c)) {
			fprintf(file, "\\u{%x}", c);
		} else if (used == 1 && strchr("<>&\"'", *str) != NULL) {
			fprintf(file, "&#%d;", *str);
		} else {
			fwrite(str, 1, (size_t)used, file);
		}
	}
}

static void put_digest(const char *str, FILE *file)
{
	unsigned char digest[EVP_MAX_MD_SIZE], base64[2 * EVP_MAX_MD_SIZE];
	unsigned len;

	EVP_Digest(str, strlen(str), digest, &len, EVP_sha256(), NULL);
	EVP_EncodeBlock(base64, digest, (int)len);
	fprintf(file, "'sha256-%s'", (const char *)base64);
}

static const char *title(const struct report *report)
{
	static const char *const titles[] = {
		[REPORT_IMPACT] = "Who would be refused",
		[REPORT_REFUSED] = "Who was refused",
		[REPORT_EXPOSED] = "Passwords sent in cleartext",
	};

	return titles[report->kind];
}

static void put_head(const struct report *report, FILE *file)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	      "<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\""
	      "default-src 'none'; base-uri 'none'; form-action 'none'; "
	      "style-src ", file);
	put_digest(report_page_style, file);
	fputs("; script-src ", file);
	put_digest(report_page_script, file);
	fputs("\">\n<meta name=\"viewport\" "
	      "content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"referrer\" content=\"no-referrer\">\n"
	      "<meta name=\"robots\" content=\"noindex\">\n", file);
	fprintf(file, "<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n",
		title(report), report_page_style);
}

static void put_time(int64_t time, FILE *file)
{
	struct gp_text text;

	gp_text_init(&text);
	report_add_time(time, &text);
	put(text.data, file);
	gp_text_deinit(&text);
}

static void put_intro(const struct report *report, FILE *file)
{
	fprintf(file, "<h1>%s</h1>\n<p class=\"dim\">", title(report));
	if (report->rules != NULL) {
		fputs("By ", file);
		put(report->rules, file);
		fputs(", lines on trial counted as in force. ", file);
	}
	fprintf(file, "%" PRIu64 " logins", report->logins);
	if (report->last >= report->first) {
		fputs(", ", file);
		put_time(report->first, file);
		fputs(" to ", file);
		put_time(report->last, file);
	}
	fputs("</p>\n", file);
}

/* What the counted states are called, and how they look, best first. */
struct shade {
	enum survey_state state;
	const char *class;
	const char *name;
};

static const struct shade shades_of[][3] = {
	[REPORT_IMPACT] = {
		{ SURVEY_READY, "good", "ready" },
		{ SURVEY_UNKNOWN, "maybe", "unknown" },
		{ SURVEY_REFUSED, "bad", "refused" },
	},
	[REPORT_REFUSED] = {
		{ SURVEY_READY, "good", "fine" },
		{ SURVEY_TRIAL, "maybe", "on trial" },
		{ SURVEY_REFUSED, "bad", "refused" },
	},
	[REPORT_EXPOSED] = {
		{ SURVEY_READY, "good", "others" },
		{ SURVEY_UNKNOWN, "maybe", "unknown" },
		{ SURVEY_REFUSED, "bad", "exposed" },
	},
};

static void put_tile(uint64_t count, const char *class, const char *name,
		     FILE *file)
{
	fprintf(file, "<div class=\"tile\"><b class=\"%s\">%" PRIu64
		"</b>%s</div>\n", class, count, name);
}

static void put_tiles(const struct report *report, FILE *file)
{
	const struct shade *shades = shades_of[report->kind];

	fputs("<div class=\"tiles\">\n", file);
	put_tile(report->total.seen, "", "mailboxes", file);
	for (int i = 2; i >= 0; i--)
		put_tile(report->total.mailboxes[shades[i].state],
			 shades[i].class, shades[i].name, file);
	fputs("</div>\n", file);
}

static void put_bar(const struct report *report,
		    const struct report_domain *domain, FILE *file)
{
	const struct shade *shades = shades_of[report->kind];
	uint64_t x = 0, width;

	fprintf(file, "<td><svg class=\"bar\" viewBox=\"0 0 %d 10\" "
		"preserveAspectRatio=\"none\" role=\"img\" "
		"aria-label=\"%" PRIu64 " of %" PRIu64 " %s\">", BAR,
		domain->mailboxes[shades[0].state], domain->seen,
		shades[0].name);
	for (int i = 0; i < 3 && domain->seen > 0; i++) {
		width = domain->mailboxes[shades[i].state] * BAR /
			domain->seen;
		if (width > 0)
			fprintf(file, "<rect class=\"%s\" x=\"%" PRIu64
				"\" width=\"%" PRIu64 "\" height=\"10\"/>",
				shades[i].class, x, width);
		x += width;
	}
	fputs("</svg></td>", file);
}

static void put_domains(const struct report *report, FILE *file)
{
	const struct shade *shades = shades_of[report->kind];
	const struct report_domain *domain;

	fputs("<h2>Domains</h2>\n<div class=\"wide\"><table id=\"domains\">"
	      "<thead><tr><th>Domain</th><th class=\"n\">Mailboxes</th>"
	      "<th></th>", file);
	for (int i = 2; i >= 0; i--)
		fprintf(file, "<th class=\"n\">%s</th>", shades[i].name);
	fputs("</tr></thead><tbody>\n", file);
	for (size_t i = 0; i < report->domains; i++) {
		domain = &report->domain[i];
		fputs("<tr><td class=\"name\">", file);
		put(domain->name[0] != '\0' ? domain->name : "(no domain)",
		    file);
		fprintf(file, "</td><td class=\"n\">%" PRIu64 "</td>",
			domain->seen);
		put_bar(report, domain, file);
		for (int j = 2; j >= 0; j--)
			fprintf(file, "<td class=\"n\">%" PRIu64 "</td>",
				domain->mailboxes[shades[j].state]);
		fputs("</tr>\n", file);
	}
	fputs("</tbody></table></div>\n", file);
}

static uint64_t day_total(const struct survey_day *day)
{
	uint64_t total = 0;

	for (int i = 0; i < SURVEY_STATES; i++)
		total += day->count[i];
	return total;
}

static void put_day(const struct report *report, const struct survey_day *day,
		    int64_t x, uint64_t most, FILE *file)
{
	const struct shade *shades = shades_of[report->kind];
	uint64_t y = DAYS_HEIGHT, height, count;
	struct gp_text name;

	gp_text_init(&name);
	report_add_day(day->day * DAY + DAY / 2, &name);
	fprintf(file, "<g><title>%s: %" PRIu64 " logins", name.data,
		day_total(day));
	for (int i = 1; i < 3; i++)
		fprintf(file, ", %" PRIu64 " %s", day->count[shades[i].state],
			shades[i].name);
	fputs("</title>", file);
	for (int i = 2; i >= 0; i--) {
		count = day->count[shades[i].state];
		height = count * DAYS_HEIGHT / most;
		/* One of a million is still one. */
		if (height == 0 && count > 0)
			height = 1;
		if (height > y)
			height = y;
		y -= height;
		fprintf(file, "<rect class=\"%s\" x=\"%" PRId64 "\" y=\"%"
			PRIu64 "\" width=\"%d\" height=\"%" PRIu64 "\"/>",
			shades[i].class, x, y, DAY_WIDTH - 2, height);
	}
	fputs("</g>\n", file);
	gp_text_deinit(&name);
}

static void put_day_name(int64_t day, int64_t x, const char *anchor,
			 FILE *file)
{
	struct gp_text name;

	gp_text_init(&name);
	report_add_day(day * DAY + DAY / 2, &name);
	fprintf(file, "<text x=\"%" PRId64 "\" y=\"%d\" "
		"text-anchor=\"%s\">%s</text>\n", x, DAYS_HEIGHT + 12,
		anchor, name.data);
	gp_text_deinit(&name);
}

static void put_days(const struct report *report, FILE *file)
{
	const struct survey_day *day;
	size_t count = survey_days(report->survey, &day), first = 0;
	int64_t begins, width;
	uint64_t most = 1;

	/* What is exposed is not counted by day. */
	if (count == 0 || report->kind == REPORT_EXPOSED)
		return;
	while (day[count - 1].day - day[first].day >= DAYS_MAX)
		first++;
	begins = day[first].day;
	width = (day[count - 1].day - begins + 1) * DAY_WIDTH;
	for (size_t i = first; i < count; i++) {
		if (day_total(&day[i]) > most)
			most = day_total(&day[i]);
	}
	fprintf(file, "<h2>Logins by day</h2>\n<svg class=\"days\" "
		"viewBox=\"0 0 %" PRId64 " %d\" preserveAspectRatio=\"xMinYMid "
		"meet\" role=\"img\" aria-label=\"logins by day\">\n",
		width < DAYS_WIDTH ? DAYS_WIDTH : width, DAYS_HEIGHT + 14);
	for (size_t i = first; i < count; i++)
		put_day(report, &day[i], (day[i].day - begins) * DAY_WIDTH,
			most, file);
	put_day_name(begins, 0, "start", file);
	if (width > 12 * DAY_WIDTH)
		put_day_name(day[count - 1].day, width, "end", file);
	fputs("</svg>\n", file);
}

#define CAUSES (GP_CAUSE_TLS_VERSION + 1)

/* How many mailboxes have which trouble with which service. */
struct causes {
	uint64_t count[GP_SERVICES][CAUSES];
	uint64_t of_service[GP_SERVICES];
	uint64_t of_cause[CAUSES];
};

static void put_service(const struct causes *causes, unsigned service,
			FILE *file)
{
	if (causes->of_service[service] == 0)
		return;
	fprintf(file, "<tr><td>%s</td>", gp_service_name(service));
	for (int cause = 0; cause < CAUSES; cause++) {
		if (causes->of_cause[cause] > 0)
			fprintf(file, "<td class=\"n\">%" PRIu64 "</td>",
				causes->count[service][cause]);
	}
	fputs("</tr>\n", file);
}

static void put_causes(const struct report *report, FILE *file)
{
	struct causes causes = { .of_cause = { 0 } };
	bool any = false;

	if (report->kind == REPORT_EXPOSED)
		return;
	for (size_t i = 0; i < report->rows; i++) {
		const struct report_row *row = &report->row[i];

		if (row->state == SURVEY_READY)
			continue;
		any = true;
		causes.count[row->service][row->finding.cause]++;
		causes.of_service[row->service]++;
		causes.of_cause[row->finding.cause]++;
	}
	if (!any)
		return;
	fputs("<h2>Causes by protocol</h2>\n<div class=\"wide\"><table "
	      "id=\"causes\"><thead><tr><th>Mailboxes</th>", file);
	for (int cause = 0; cause < CAUSES; cause++) {
		if (causes.of_cause[cause] > 0)
			fprintf(file, "<th class=\"n\">%s</th>",
				gp_cause_name((enum gp_cause)cause));
	}
	fputs("</tr></thead><tbody>\n", file);
	for (unsigned service = 0; service < GP_SERVICES; service++)
		put_service(&causes, service, file);
	fputs("</tbody></table></div>\n", file);
}

static void put_list(const struct report *report, const struct report_row *row,
		     report_lister *lister, size_t max, FILE *file)
{
	struct gp_text text;

	gp_text_init(&text);
	report_list(report, row, lister, ", ", max, &text);
	put(text.data, file);
	gp_text_deinit(&text);
}

static void put_moment(const char *head, int64_t time, FILE *file)
{
	struct gp_text day;

	gp_text_init(&day);
	report_add_day(time, &day);
	fprintf(file, "<td class=\"time\" data-h=\"%s\" data-v=\"%" PRId64
		"\" title=\"", head, time);
	put_time(time, file);
	fprintf(file, "\">%s</td>", day.data);
	gp_text_deinit(&day);
}

/* A mark stands where something is to be done. */
static const char *state_class(const struct report *report,
			       const struct report_row *row)
{
	switch (row->state) {
	case SURVEY_READY:
		return report->kind == REPORT_EXPOSED ? "mark bad" : "good";
	case SURVEY_REFUSED:
		return "mark bad";
	default:
		return "mark maybe";
	}
}

static void put_state(const struct report *report,
		      const struct report_row *row, FILE *file)
{
	fprintf(file, "<td data-h=\"State\"><span class=\"%s\">%s</span></td>"
		"<td data-h=\"Cause\"", state_class(report, row),
		report_state_name(report, row));
	if (row->missing != REPORT_NOTHING)
		fprintf(file, " title=\"not logged: %s\"",
			report_missing_name(row->missing));
	fputc('>', file);
	if (report->kind == REPORT_EXPOSED)
		fputs(row->proven ? "password was right" :
		      "password not verified", file);
	else if (row->state != SURVEY_READY)
		fputs(gp_cause_name(row->finding.cause), file);
	fputs(row->missing != REPORT_NOTHING ? "?</td>" : "</td>", file);
}

/* Where it stands would take too much room. */
static void put_rule(const struct report *report, const struct report_row *row,
		     FILE *file)
{
	struct gp_text rule;

	gp_text_init(&rule);
	report_add_rule(report, row, &rule);
	fputs("<td class=\"more\" data-h=\"Rule\" title=\"", file);
	put(rule.data, file);
	fputs("\">", file);
	if (row->finding.line > 0 && !report->anonymise) {
		put(row->finding.rule, file);
		fprintf(file, ", line %u", row->finding.line);
	} else {
		put(rule.data, file);
	}
	fputs("</td>", file);
	gp_text_deinit(&rule);
}

static void put_row(const struct report *report, const struct report_row *row,
		    FILE *file)
{
	fputs("<tr><td class=\"name\">", file);
	put(row->mailbox, file);
	fprintf(file, "</td><td data-h=\"Service\">%s</td>",
		gp_service_name(row->service));
	put_state(report, row, file);
	fprintf(file, "<td class=\"n\" data-h=\"Count\" data-v=\"%" PRIu64
		"\">%" PRIu64 "</td>", row->count, row->count);
	put_moment("First", row->first, file);
	put_moment("Last", row->last, file);
	fputs("<td data-h=\"TLS\">", file);
	put_list(report, row, report_tls, SIZE_MAX, file);
	fputs("</td><td class=\"more from\" data-h=\"From\">", file);
	put_list(report, row, report_addresses, 20, file);
	fputs("</td><td class=\"more\" data-h=\"Client\">", file);
	put_list(report, row, report_clients, 20, file);
	fputs("</td>", file);
	put_rule(report, row, file);
	fputs("</tr>\n", file);
}

/* Those with whom all is well come behind the others. */
static void put_all_rows(const struct report *report, FILE *file)
{
	size_t shown = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < report->rows && shown < ROWS_MAX; i++) {
			bool ready = report->row[i].state == SURVEY_READY &&
				     report->kind != REPORT_EXPOSED;

			if (ready != (pass == 1))
				continue;
			put_row(report, &report->row[i], file);
			shown++;
		}
	}
}

static void put_rows(const struct report *report, FILE *file)
{
	fputs("<h2>Mailboxes</h2>\n", file);
	if (report->rows == 0) {
		fputs("<p>None.</p>\n", file);
		return;
	}
	fputs("<p><input id=\"search\" type=\"search\" placeholder=\"Search: "
	      "mailbox, service, cause, address\" aria-label=\"Search\" "
	      "hidden> <span id=\"found\" class=\"dim\"></span></p>\n"
	      "<div class=\"wide\"><table id=\"rows\"><thead><tr>"
	      "<th>Mailbox</th><th>Service</th><th>State</th><th>Cause</th>"
	      "<th class=\"n\">Count</th><th>First</th><th>Last</th>"
	      "<th>TLS</th><th>From</th><th>Client</th><th>Rule</th></tr>"
	      "</thead><tbody>\n", file);
	put_all_rows(report, file);
	fputs("</tbody></table></div>\n", file);
	if (report->rows > ROWS_MAX)
		fprintf(file, "<p id=\"cut\">These are the first %d of %zu "
			"rows, in the order of the domains, those who are "
			"ready last; --csv and --json have all that are not, "
			"--domain those of one domain.</p>\n",
			ROWS_MAX, report->rows);
}

static void put_end(const struct report *report, FILE *file)
{
	struct gp_text hints;

	gp_text_init(&hints);
	report_add_hints(report, &hints);
	if (hints.len > 0) {
		fputs("<h2>What is not known</h2>\n<pre>", file);
		put(hints.data, file);
		fputs("</pre>\n", file);
	}
	gp_text_deinit(&hints);
	if (report->read.unreadable > 0)
		fprintf(file, "<p class=\"dim\">%" PRIu64 " of %" PRIu64
			" lines of the logs could not be read.</p>\n",
			report->read.unreadable, report->read.lines);
	fprintf(file, "<script>%s</script>\n</body>\n</html>\n",
		report_page_script);
}

static void put_page(const struct report *report, FILE *file)
{
	put_head(report, file);
	put_intro(report, file);
	put_tiles(report, file);
	put_domains(report, file);
	put_days(report, file);
	put_causes(report, file);
	put_rows(report, file);
	put_end(report, file);
}

/* A pattern that the shell took apart ("--html mail.log*") must not cost the
   first log: only a page is written over. */
static bool may_write_over(int fd)
{
	static const char begin[] = "<!DOCTYPE html>";
	char found[sizeof(begin) - 1];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return true;
	n = pread(fd, found, sizeof(found), 0);
	return n == (ssize_t)sizeof(found) &&
	       memcmp(found, begin, sizeof(found)) == 0;
}

int report_check_html(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool fine = fd < 0 || may_write_over(fd);

	if (fd >= 0)
		close(fd);
	if (fine)
		return 0;
	gp_program_error("%s stands already and is no page of HTML; it is "
			 "left as it is. Name another file, or remove it",
			 path);
	return EX_CANTCREAT;
}

/* Half a page looks whole in a browser. */
static void remove_half(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    ftruncate(fd, 0) == 0)
		(void)unlink(path);
}

/* Not for everybody on this host: it names mailboxes and addresses. */
int report_write_html(const struct report *report, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	bool failed;
	int status;

	if (file == NULL) {
		status = gp_program_exit_code(errno);
		gp_program_error("%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return status;
	}
	put_page(report, file);
	failed = fflush(file) != 0 || ferror(file) != 0;
	if (failed)
		remove_half(fd, path);
	if (fclose(file) != 0 || failed) {
		gp_program_error("%s: not everything could be written", path);
		return EX_IOERR;
	}
	return 0;
}
