#ifndef GP_RULES_UTF8_H
#define GP_RULES_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "shared/base/text.h"

/* Reads one character of UTF-8 (RFC 3629: no surrogates, nothing overlong,
   nothing above U+10FFFF) from len bytes, at least 1. Returns how many bytes
   it takes, or -1. */
int gp_utf8_next(const char *str, size_t len, uint32_t *character_r);

/* Control characters, and those that nobody sees but that change what others
   look like. */
bool gp_utf8_is_invisible(uint32_t character);

/* Adds a text of which parts came from outside so that it can do no harm at a
   terminal: as it is, but bytes that are no UTF-8 or belong to an invisible
   character become \xHH. */
void gp_utf8_add_visible(struct gp_text *text, const char *str, size_t len);

#endif
