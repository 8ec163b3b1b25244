#ifndef GP_RULES_LEXER_H
#define GP_RULES_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "shared/rules/diagnostics.h"

/* Cuts the text of a rules file into logical lines and those into words: white
   space, comments, continuation lines and quotes end here. */

struct gp_word {
	/* Not terminated. For NAME="VALUE" without the quotes. */
	const char *text;
	size_t len;
	uint32_t line;
	uint32_t column;
	/* The part behind the first "=" stood in quotes. */
	bool quoted;
};

struct gp_words {
	const struct gp_word *word;
	size_t count;
	/* Something was wrong with the line and has been reported. */
	bool bad;
	/* Where the line begins in what was fed, when that was whole lines. */
	const char *start;
};

typedef void gp_lexer_line(void *context, const struct gp_words *words);

struct gp_lexer;

/* each is called for every logical line, with at least one word, which holds
   during the call. */
struct gp_lexer *gp_lexer_new(struct gp_diagnostics *diagnostics,
			      gp_lexer_line *each, void *context);
void gp_lexer_free(struct gp_lexer **lexer);
void gp_lexer_begin_file(struct gp_lexer *lexer, uint32_t file);
/* In the middle of a file: the next line has that number, and a key. */
void gp_lexer_begin_lines(struct gp_lexer *lexer, uint32_t file,
			  uint32_t line);
void gp_lexer_feed(struct gp_lexer *lexer, const char *data, size_t len);
void gp_lexer_end_file(struct gp_lexer *lexer);

#endif
