#ifndef GP_RULES_HINTS_H
#define GP_RULES_HINTS_H

#include <stddef.h>

/* What somebody meant who wrote a word that does not exist: words that other
   products use for it, and slips of the finger. Each returns a constant, or NULL. */

const char *gp_hint_attribute(const char *word, size_t len);
const char *gp_hint_value(const char *word, size_t len);

#endif
