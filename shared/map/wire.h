#ifndef GP_MAP_WIRE_H
#define GP_MAP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "shared/base/text.h"

/* The one bounds-checked way into the bytes of a map. Errors stick: after one
   of them everything read is zero, empty or NULL, so that a decoder reads on
   and asks once at its end. */

struct gp_wire {
	const unsigned char *pos;
	const unsigned char *end;
	bool bad;
};

static inline void gp_wire_init(struct gp_wire *wire, const void *data,
				size_t len)
{
	wire->pos = data;
	wire->end = wire->pos + len;
	wire->bad = false;
}

static inline size_t gp_wire_left(const struct gp_wire *wire)
{
	return (size_t)(wire->end - wire->pos);
}

/* Marks the bytes as damaged. */
void gp_wire_fail(struct gp_wire *wire);

uint64_t gp_wire_long_number(struct gp_wire *wire);

/* Seven bits a byte, the lowest first; the top bit says that more follow. */
static inline uint64_t gp_wire_number(struct gp_wire *wire)
{
	if (wire->pos < wire->end && *wire->pos < 0x80)
		return *wire->pos++;
	return gp_wire_long_number(wire);
}

/* A number of at most max; a greater one is damage. */
static inline uint64_t gp_wire_below(struct gp_wire *wire, uint64_t max)
{
	uint64_t number = gp_wire_number(wire);

	if (number <= max)
		return number;
	gp_wire_fail(wire);
	return 0;
}

/* With a sign: 0, -1, 1, -2, ... */
int64_t gp_wire_signed(struct gp_wire *wire);
/* That many bytes in place, NULL when there are fewer. */
const unsigned char *gp_wire_bytes(struct gp_wire *wire, size_t len);
/* A length, the bytes and a NUL that it does not count. In place; without a
   NUL inside. */
const char *gp_wire_string(struct gp_wire *wire);
/* The same for bytes that may hold NULs. */
const char *gp_wire_blob(struct gp_wire *wire, size_t *len_r);

/* The most that a number takes. */
#define GP_WIRE_NUMBER_MAX 10

/* Writes at pos, which has that room, and returns what follows. */
static inline unsigned char *gp_wire_write_number(unsigned char *pos,
						  uint64_t number)
{
	while (number >= 0x80) {
		*pos++ = 0x80 | (number & 0x7f);
		number >>= 7;
	}
	*pos++ = number;
	return pos;
}

static inline uint64_t gp_wire_from_signed(int64_t number)
{
	uint64_t sign = number < 0 ? UINT64_MAX : 0;

	return ((uint64_t)number << 1) ^ sign;
}

void gp_wire_put_byte(struct gp_text *out, unsigned char byte);
void gp_wire_put_number(struct gp_text *out, uint64_t number);
void gp_wire_put_signed(struct gp_text *out, int64_t number);
void gp_wire_put_blob(struct gp_text *out, const char *data, size_t len);
void gp_wire_put_string(struct gp_text *out, const char *str);

#endif
