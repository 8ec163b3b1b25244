#ifndef GP_TOOLS_RULETEXT_H
#define GP_TOOLS_RULETEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "shared/base/text.h"

/* The text of one rules file, and changes to some of its lines. Lines here are
   logical ones, with their continuations and what stands between those;
   they are numbered from 0 in the order of the file, new ones behind them. Of
   everything that is not touched each byte stays: order, comments, spacing,
   ends of lines. */

struct gp_ruletext;

#define GP_RULETEXT_NONE SIZE_MAX

/* data must stay. Returns 0, or -1 when the text cannot be cut into words; a
   compile says why. */
int gp_ruletext_new(const char *data, size_t len, struct gp_ruletext **text_r);
void gp_ruletext_free(struct gp_ruletext **text);

/* Keys as they are compared: for names the key of the map (source.h), else as
   written ("net:office", "profile:sales"). key has room for
   GP_RULETEXT_KEY_MAX bytes. Returns 0, or -1 with the reason. */
#define GP_RULETEXT_KEY_MAX 512
int gp_ruletext_key(const char *written, size_t len, char *key,
		    size_t *key_len_r, const char **error_r);

/* "net:" and "profile:" */
static inline bool gp_ruletext_is_other(const char *key, size_t len)
{
	return (len > 4 && memcmp(key, "net:", 4) == 0) ||
	       (len > 8 && memcmp(key, "profile:", 8) == 0);
}

/* The lines of a key, in their order, those that were removed left out;
   GP_RULETEXT_NONE behind the last. */
size_t gp_ruletext_first(const struct gp_ruletext *text, const char *key,
			 size_t key_len);
size_t gp_ruletext_next(const struct gp_ruletext *text, size_t line);
bool gp_ruletext_is_removed(const struct gp_ruletext *text, size_t line);
/* The key of a line. */
const char *gp_ruletext_key_of(const struct gp_ruletext *text, size_t line,
			       size_t *key_len_r);
/* How many lines there are, the removed ones too. */
size_t gp_ruletext_count(const struct gp_ruletext *text);

/* The words behind the key. What is handed out holds until the line is
   changed; NULL behind the last. */
const char *gp_ruletext_word(struct gp_ruletext *text, size_t line, size_t n,
			     size_t *len_r);
/* The value of an attribute, without quotes; "" for a bare word; NULL when it
   does not stand on the line. */
const char *gp_ruletext_get(struct gp_ruletext *text, size_t line,
			    const char *name);
/* Sets an attribute, where it stands or at the end. value NULL: a bare word.
   gp_ruletext_is_value() has looked at the value. */
void gp_ruletext_put(struct gp_ruletext *text, size_t line, const char *name,
		     const char *value);
/* Returns false when it did not stand there. */
bool gp_ruletext_drop(struct gp_ruletext *text, size_t line,
		      const char *name);
/* Takes the line out, with the comments between its continuation lines. */
void gp_ruletext_remove(struct gp_ruletext *text, size_t line);
/* A new line with that key alone, behind another or (GP_RULETEXT_NONE) at the
   end. */
size_t gp_ruletext_add(struct gp_ruletext *text, size_t behind,
		       const char *written);
/* The line as a whole, as gp_ruletext_raw() gave it. Returns -1 when that is
   not one line of this key. */
int gp_ruletext_set_raw(struct gp_ruletext *text, size_t line,
			const char *raw, size_t len);
/* The line that the line of that number would follow, to put one back. */
size_t gp_ruletext_before(const struct gp_ruletext *text, uint32_t number);

/* Adds the line as it stands now, without the newline at its end. */
void gp_ruletext_raw(struct gp_ruletext *text, size_t line,
		     struct gp_text *raw);
/* Where the line stood; after gp_ruletext_render() where it stands in what was
   rendered. Counted from 1. */
uint32_t gp_ruletext_number(const struct gp_ruletext *text, size_t line);

/* What was done. The first changed line of each key whose lines are changed,
   at or after from; GP_RULETEXT_NONE behind the last. */
size_t gp_ruletext_next_changed(const struct gp_ruletext *text, size_t from);
/* Calls each for every line of that line's key: as it stood, and as it stands
   now. */
typedef void gp_ruletext_raw_line(void *context, bool is_now,
				  const struct gp_text *raw);
void gp_ruletext_each(struct gp_ruletext *text, size_t line,
		      gp_ruletext_raw_line *each, void *context);

/* Adds the whole text with all changes. */
void gp_ruletext_render(struct gp_ruletext *text, struct gp_text *out);

/* Whether a value can be written at all: no control characters, and not both
   a quote and white space. */
bool gp_ruletext_is_value(const char *value);

#endif
