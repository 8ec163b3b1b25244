/* journalctl prints the same entries in a dozen forms. Whoever chose one that
   is not read shall hear its name, not only that no line could be read. */

#include "shared/tools/log-form.h"

#include <string.h>

#include "shared/tools/log-dovecot.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool begins(struct log_piece line, const char *text)
{
	return log_piece_skip(&line, text);
}

/* The cursor, which stands where others have a host. */
static bool is_verbose(const struct log_piece *line)
{
	return log_piece_find(line, " [s=") != NULL &&
	       log_piece_find(line, ";i=") != NULL;
}

/* "Dez 03 08:00:00 ", "d\xc3\xa9c. 03 08:00:00 ": syslog's old time, but for
   the month's name. */
static bool has_other_month(const struct log_piece *line)
{
	const char *blank = line->len == 0 ? NULL :
			    memchr(line->data, ' ', line->len);
	size_t len = blank == NULL ? 0 : (size_t)(blank - line->data);
	static const char months[] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct "
				     "Nov Dec";

	if (len < 2 || len > 16 || line->len - len < 13 ||
	    is_digit(line->data[0]))
		return false;
	if (!is_digit(blank[2]) || blank[3] != ' ' || !is_digit(blank[4]) ||
	    blank[6] != ':' || blank[9] != ':' || blank[12] != ' ')
		return false;
	return len != 3 || memmem(months, sizeof(months) - 1, line->data,
				  len) == NULL;
}

/* What Dovecot and Postfix say, and nothing in front of it. */
static bool has_no_time(const struct log_piece *line)
{
	struct log_login login;

	return begins(*line, "connect from ") ||
	       begins(*line, "disconnect from ") ||
	       log_dovecot_login(line, &login) != LOG_OTHER;
}

/* "[    1.003112] mail dovecot[81]: ": since the host was booted. */
static bool is_since_boot(const struct log_piece *line)
{
	size_t i = 1;

	if (!begins(*line, "["))
		return false;
	while (i < line->len && line->data[i] == ' ')
		i++;
	if (i == line->len || !is_digit(line->data[i]))
		return false;
	while (i < line->len && is_digit(line->data[i]))
		i++;
	return i < line->len && line->data[i] == '.';
}

const char *log_form_hint(const struct log_piece *line)
{
	if (begins(*line, "__CURSOR=") ||
	    begins(*line, "__REALTIME_TIMESTAMP="))
		return "this is \"journalctl -o export\"; print it with "
		       "-o json";
	if (log_piece_is(line, "{"))
		return "this is \"journalctl -o json-pretty\"; print it with "
		       "-o json";
	if (is_verbose(line))
		return "this is \"journalctl -o verbose\"; print it with "
		       "-o json";
	if (has_other_month(line))
		return "months are not in English; run journalctl with "
		       "LC_ALL=C, or with -o short-iso";
	if (is_since_boot(line))
		return "this is \"journalctl -o short-monotonic\", which has no "
		       "date; print it with -o short-iso";
	if (has_no_time(line))
		return "lines have no time; print them with journalctl "
		       "-o short-iso, not with -o cat";
	return NULL;
}
