#ifndef GP_TOOLS_LOG_LINE_H
#define GP_TOOLS_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of a mail log, taken apart as far as all of them are alike: when,
   on which host, by which program, and what it said. The forms are syslog's
   old one ("Nov  1 09:00:00 host program[1]: text", with or without fractions
   of a second), RFC 3339 in its place, RFC 5424, what journalctl prints, and
   Dovecot's own files, where no host stands. Pure: no file, no clock. Pieces
   point into the line. */

struct log_piece {
	const char *data;
	size_t len;
};

struct log_line {
	/* Where the time stands; log_clock_read() turns it into one. */
	struct log_piece stamp;
	/* Empty in Dovecot's own files, as the program is there: what it
	   logged begins with its name. */
	struct log_piece host;
	struct log_piece program;
	/* 0 where none is told. */
	uint32_t pid;
	struct log_piece text;
};

/* Returns false for what is no line of a log. */
bool log_line_split(const char *data, size_t len, struct log_line *line_r);

/* Whether a unit of systemd stands in the program's place, as with journalctl
   -o with-unit: which of its programs spoke, only the text can say. */
bool log_line_has_unit(const struct log_line *line);

/* Cuts off what rsyslog writes instead of equal lines ("message repeated 3
   times: [ text]"), and returns how often the text was said; 1 for others. */
uint32_t log_line_unrepeat(struct log_line *line);

/* Whether the piece begins with that text; it is then cut off. */
bool log_piece_skip(struct log_piece *piece, const char *text);
bool log_piece_has_nul(const struct log_piece *piece);
bool log_piece_is(const struct log_piece *piece, const char *text);
/* Where the text stands in the piece, or NULL; the first and the last. */
const char *log_piece_find(const struct log_piece *piece, const char *text);
const char *log_piece_find_last(const struct log_piece *piece,
				const char *text);
/* A decimal number at the beginning; what is behind it does not matter. */
bool log_piece_number(const struct log_piece *piece, uint32_t *number_r);

#endif
