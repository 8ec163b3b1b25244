#ifndef GP_RULES_UTF8_H
#define GP_RULES_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Reads one character of UTF-8 (RFC 3629: no surrogates, nothing overlong,
   nothing above U+10FFFF) from len bytes, at least 1. Returns how many bytes
   it takes, or -1. */
int gp_utf8_next(const char *str, size_t len, uint32_t *character_r);

#endif
