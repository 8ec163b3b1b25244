/* A log is mostly about other things, so a line is taken apart only as far as
   it takes to see whose it is; the time is left as it stands until somebody
   wants it. Nothing is copied. What has no time at its beginning is no line:
   the caller counts it. */

#include "shared/tools/log-line.h"

#include <string.h>

/* "Nov  1 09:00:00" */
#define OLD_STAMP 15
/* More is not believed: it would be counted one by one. */
#define REPEATED_MAX 100000

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool log_piece_skip(struct log_piece *piece, const char *text)
{
	size_t len = strlen(text);

	if (piece->len < len || memcmp(piece->data, text, len) != 0)
		return false;
	piece->data += len;
	piece->len -= len;
	return true;
}

/* No name has one: what is left of a file that a crash has torn. */
bool log_piece_has_nul(const struct log_piece *piece)
{
	return piece->len > 0 && memchr(piece->data, '\0', piece->len) != NULL;
}

bool log_piece_is(const struct log_piece *piece, const char *text)
{
	return piece->len == strlen(text) &&
	       memcmp(piece->data, text, piece->len) == 0;
}

const char *log_piece_find(const struct log_piece *piece, const char *text)
{
	if (piece->len == 0)
		return NULL;
	return memmem(piece->data, piece->len, text, strlen(text));
}

const char *log_piece_find_last(const struct log_piece *piece,
				const char *text)
{
	struct log_piece rest = *piece;
	const char *found, *last = NULL;

	while ((found = log_piece_find(&rest, text)) != NULL) {
		last = found;
		rest.len -= (size_t)(found + 1 - rest.data);
		rest.data = found + 1;
	}
	return last;
}

bool log_piece_number(const struct log_piece *piece, uint32_t *number_r)
{
	uint32_t number = 0;
	size_t i;

	for (i = 0; i < piece->len && is_digit(piece->data[i]) && i < 9; i++)
		number = number * 10 + (uint32_t)(piece->data[i] - '0');
	*number_r = number;
	return i > 0;
}

/* Cuts the next word off, and the blank behind it. */
static struct log_piece next_word(struct log_piece *rest)
{
	struct log_piece word = { .data = rest->data };
	const char *blank = rest->len == 0 ? NULL :
			    memchr(rest->data, ' ', rest->len);
	size_t used;

	word.len = blank == NULL ? rest->len : (size_t)(blank - rest->data);
	used = blank == NULL ? word.len : word.len + 1;
	rest->data += used;
	rest->len -= used;
	return word;
}

/* What syslog daemons say in between, in the name of nobody. */
static bool is_daemons_own(struct log_piece rest)
{
	return log_piece_skip(&rest, "last message repeated ") ||
	       log_piece_is(&rest, "-- MARK --");
}

/* "program[pid]: " or "program: " */
static bool take_program(struct log_piece *rest, struct log_line *line)
{
	const char *colon = rest->len == 0 ? NULL :
			    memchr(rest->data, ':', rest->len);
	const char *bracket;
	struct log_piece pid;

	if (colon == NULL) {
		line->text = *rest;
		return is_daemons_own(*rest);
	}
	line->program = (struct log_piece) {
		rest->data, (size_t)(colon - rest->data)
	};
	bracket = line->program.len == 0 ? NULL :
		  memchr(line->program.data, '[', line->program.len);
	if (bracket != NULL) {
		pid.data = bracket + 1;
		pid.len = (size_t)(colon - pid.data);
		log_piece_number(&pid, &line->pid);
		line->program.len = (size_t)(bracket - line->program.data);
	}
	rest->len -= (size_t)(colon + 1 - rest->data);
	rest->data = colon + 1;
	log_piece_skip(rest, " ");
	line->text = *rest;
	return true;
}

/* Where the first word ends in a colon there is no host: it is Dovecot's own
   file, and the line is about the process named there. */
static bool take_host(struct log_piece *rest, struct log_line *line)
{
	struct log_piece whole = *rest, word;

	while (log_piece_skip(rest, " "))
		whole = *rest;
	word = next_word(rest);
	if (word.len == 0)
		return false;
	if (word.data[word.len - 1] == ':') {
		line->text = whole;
		return true;
	}
	line->host = word;
	return take_program(rest, line);
}

static bool ends_in(const struct log_piece *piece, const char *end)
{
	size_t len = strlen(end);

	return piece->len > len &&
	       memcmp(piece->data + piece->len - len, end, len) == 0;
}

bool log_line_has_unit(const struct log_line *line)
{
	return ends_in(&line->program, ".service") ||
	       ends_in(&line->program, ".scope");
}

uint32_t log_line_unrepeat(struct log_line *line)
{
	struct log_piece rest = line->text;
	const char *begin;
	uint32_t times;

	if (!log_piece_skip(&rest, "message repeated ") ||
	    !log_piece_number(&rest, &times) || times > REPEATED_MAX)
		return 1;
	begin = log_piece_find(&rest, " times: [ ");
	if (begin == NULL || rest.data[rest.len - 1] != ']')
		return 1;
	line->text.len = (size_t)(rest.data + rest.len - 1 - begin) -
			 strlen(" times: [ ");
	line->text.data = begin + strlen(" times: [ ");
	return times;
}

/* "[id name=\"value\"][id ...]" ends at the first bracket that has a blank
   behind it and no escape in front. */
static const char *end_of_data(const struct log_piece *rest)
{
	struct log_piece left = *rest;
	const char *end;

	if (!log_piece_skip(&left, "["))
		return NULL;
	while ((end = log_piece_find(&left, "] ")) != NULL) {
		if (end > left.data && end[-1] != '\\')
			break;
		left.len -= (size_t)(end + 1 - left.data);
		left.data = end + 1;
	}
	return end;
}

/* "host app procid msgid [data] text"; what is not told is "-". */
static bool take_rfc5424(struct log_piece *rest, struct log_line *line)
{
	struct log_piece word;
	const char *end;

	line->stamp = next_word(rest);
	line->host = next_word(rest);
	line->program = next_word(rest);
	word = next_word(rest);
	log_piece_number(&word, &line->pid);
	next_word(rest);
	if (!log_piece_skip(rest, "-")) {
		end = end_of_data(rest);
		if (end == NULL)
			return false;
		rest->len -= (size_t)(end + 1 - rest->data);
		rest->data = end + 1;
	}
	log_piece_skip(rest, " ");
	log_piece_skip(rest, "\xef\xbb\xbf");
	line->text = *rest;
	return line->stamp.len > 0 && is_digit(line->stamp.data[0]);
}

/* "<22>"; returns false when it is begun and not ended. */
static bool skip_priority(struct log_piece *rest)
{
	const char *end;

	if (rest->len == 0 || rest->data[0] != '<')
		return true;
	end = memchr(rest->data, '>', rest->len < 6 ? rest->len : 6);
	if (end == NULL)
		return false;
	rest->len -= (size_t)(end + 1 - rest->data);
	rest->data = end + 1;
	return true;
}

static bool take_old_stamp(struct log_piece *rest, struct log_line *line)
{
	size_t len = OLD_STAMP;

	if (rest->len < OLD_STAMP || rest->data[3] != ' ' ||
	    rest->data[6] != ' ' || rest->data[9] != ':')
		return false;
	/* Fractions of a second. */
	while (len < rest->len && rest->data[len] != ' ')
		len++;
	line->stamp = (struct log_piece) { rest->data, len };
	rest->data += len;
	rest->len -= len;
	return true;
}

/* "1795287081.123456", as of journalctl -o short-unix. */
static bool is_unix_stamp(const struct log_piece *word)
{
	size_t digits = 0;

	if (word->len <= 11 || word->data[10] != '.')
		return false;
	while (is_digit(word->data[digits]))
		digits++;
	return digits == 10;
}

/* RFC 3339, or Dovecot's "%Y-%m-%d %H:%M:%S", which has a blank in it. */
static bool take_new_stamp(struct log_piece *rest, struct log_line *line)
{
	struct log_piece before = *rest;
	struct log_piece word = next_word(rest);

	if (is_unix_stamp(&word)) {
		line->stamp = word;
		return true;
	}
	if (word.len < 10 || word.data[4] != '-' || word.data[7] != '-')
		return false;
	if (word.len == 10) {
		word = next_word(rest);
		if (word.len < 8 || word.data[2] != ':')
			return false;
		word.len = (size_t)(word.data + word.len - before.data);
		word.data = before.data;
	}
	line->stamp = word;
	return true;
}

/* "Sat 2026-11-21 08:00:00 CET", as of journalctl -o short-full. */
static bool take_full_stamp(struct log_piece *rest, struct log_line *line)
{
	struct log_piece zone;

	next_word(rest);
	if (rest->len == 0 || !is_digit(rest->data[0]) ||
	    !take_new_stamp(rest, line))
		return false;
	zone = next_word(rest);
	line->stamp.len = (size_t)(zone.data + zone.len - line->stamp.data);
	return zone.len > 0;
}

bool log_line_split(const char *data, size_t len, struct log_line *line_r)
{
	struct log_piece rest = { data, len };
	bool has_priority = len > 0 && data[0] == '<';

	memset(line_r, 0, sizeof(*line_r));
	if (!skip_priority(&rest) || rest.len < 2)
		return false;
	if (rest.data[0] == '1' && rest.data[1] == ' ' && has_priority) {
		log_piece_skip(&rest, "1 ");
		return take_rfc5424(&rest, line_r);
	}
	if (is_letter(rest.data[0])) {
		if (!take_old_stamp(&rest, line_r) &&
		    !take_full_stamp(&rest, line_r))
			return false;
	} else if (!is_digit(rest.data[0]) || !take_new_stamp(&rest, line_r)) {
		return false;
	}
	return take_host(&rest, line_r);
}
