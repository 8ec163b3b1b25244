#ifndef GP_RULES_PARSE_H
#define GP_RULES_PARSE_H

#include <stddef.h>
#include <stdint.h>
#include "shared/net/netset.h"
#include "shared/rules/diagnostics.h"
#include "shared/rules/line.h"

/* The parser of rules files: text in, lines out, one at a time, so that a file
   of ten million rules needs no second copy in memory. What can be seen on one
   line is checked here; what takes more than one line is check.h's. */

/* Who takes what was read. Everything handed over holds during the call only.
   A line with an error is not handed over. */
struct gp_parse_sink {
	void *context;
	void (*line)(void *context, const char *key, size_t key_len,
		     const struct gp_line *line);
	void (*profile_line)(void *context, uint32_t number,
			     const struct gp_line *line);
	/* A net may be handed over again by a later file and is replaced
	   then. */
	void (*net)(void *context, uint32_t number,
		    const struct gp_netset *set);
	/* Numbers are given in the order in which names are first mentioned,
	   before anything that uses them is handed over. */
	void (*net_name)(void *context, uint32_t number, const char *name);
	void (*profile_name)(void *context, uint32_t number,
			     const char *name);
	/* Set where pieces of a file are read apart from each other
	   (gp_parser_feed_lines()) and the others are not: a line that
	   defines or names a net or profile is left to who knows their
	   numbers. start is where it begins in what was fed. */
	void (*apart)(void *context, const char *start, uint32_t line);
};

struct gp_parser;

struct gp_parser *gp_parser_new(const struct gp_parse_sink *sink,
				struct gp_diagnostics *diagnostics);
void gp_parser_free(struct gp_parser **parser);

/* Names that already have numbers (an update of a map), in the order of their
   numbers, before the first file. */
void gp_parser_know_net(struct gp_parser *parser, const char *name);
void gp_parser_know_profile(struct gp_parser *parser, const char *name);

/* Starts a file. Its number is in all lines that follow. */
void gp_parser_begin_file(struct gp_parser *parser, uint32_t file);
/* The file's text, in pieces of any size. */
void gp_parser_feed(struct gp_parser *parser, const char *data, size_t len);
/* The file ends; the last line needs no newline. */
void gp_parser_end_file(struct gp_parser *parser);
/* Lines from the middle of a file, the first of which begins with a key and has
   that number, as a whole. */
void gp_parser_feed_lines(struct gp_parser *parser, uint32_t file,
			  uint32_t line, const char *data, size_t len);
/* After the last file: names that were used and never defined are errors. */
void gp_parser_finish(struct gp_parser *parser);

/* Reads a key as it stands in a rules file or on a command line: "*",
   "example.com", ".example.com", "alice@example.com", "alice@", "@". (Not
   "net:" and "profile:".) key must have room for GP_KEY_MAX bytes. Returns 0,
   or -1 with the reason, a constant. */
int gp_parse_key(const char *str, size_t len, char *key, size_t *key_len_r,
		 const char **error_r);

#endif
