#ifndef GP_RULES_HINTS_H
#define GP_RULES_HINTS_H

#include <stddef.h>

/* What somebody meant who wrote a word that does not exist: words that other
   products use for it, and slips of the finger. Each returns a constant, or NULL. */

const char *gp_hint_attribute(const char *word, size_t len);
const char *gp_hint_value(const char *word, size_t len);

/* The name that differs from the word by a slip or two, or NULL. names ends in
   NULL; none is longer than 31 bytes. */
const char *gp_hint_nearest(const char *const *names, const char *word,
			    size_t len);

#endif
