/* Numbers and strings as they stand in a map. Small, since ten million rules
   are made of them, and read without alignment, for LMDB gives none. Whatever
   does not fit into the bytes given is damage, never a read behind them. */

#include <string.h>
#include "shared/map/wire.h"

void gp_wire_fail(struct gp_wire *wire)
{
	wire->bad = true;
	wire->pos = wire->end;
}

uint64_t gp_wire_long_number(struct gp_wire *wire)
{
	uint64_t number = 0;
	unsigned shift;

	for (shift = 0; shift < 64; shift += 7) {
		unsigned char byte;

		if (wire->pos == wire->end)
			break;
		byte = *wire->pos++;
		if (shift == 63 && byte > 1)
			break;
		number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return number;
	}
	gp_wire_fail(wire);
	return 0;
}

int64_t gp_wire_signed(struct gp_wire *wire)
{
	uint64_t number = gp_wire_number(wire);

	return (int64_t)((number >> 1) ^ -(number & 1));
}

const unsigned char *gp_wire_bytes(struct gp_wire *wire, size_t len)
{
	const unsigned char *bytes = wire->pos;

	if (len > gp_wire_left(wire)) {
		gp_wire_fail(wire);
		return NULL;
	}
	wire->pos += len;
	return bytes;
}

const char *gp_wire_blob(struct gp_wire *wire, size_t *len_r)
{
	/* One less than what is left, for the NUL. */
	uint64_t len = gp_wire_number(wire);

	*len_r = 0;
	if (wire->bad || len >= gp_wire_left(wire) || wire->pos[len] != 0) {
		gp_wire_fail(wire);
		return NULL;
	}
	*len_r = len;
	return (const char *)gp_wire_bytes(wire, len + 1);
}

const char *gp_wire_string(struct gp_wire *wire)
{
	size_t len;
	const char *str = gp_wire_blob(wire, &len);

	if (str == NULL || memchr(str, 0, len) == NULL)
		return str;
	gp_wire_fail(wire);
	return NULL;
}

void gp_wire_put_byte(struct gp_text *out, unsigned char byte)
{
	gp_text_add_mem(out, &byte, 1);
}

void gp_wire_put_number(struct gp_text *out, uint64_t number)
{
	unsigned char bytes[GP_WIRE_NUMBER_MAX];

	gp_text_add_mem(out, bytes,
			gp_wire_write_number(bytes, number) - bytes);
}

void gp_wire_put_signed(struct gp_text *out, int64_t number)
{
	gp_wire_put_number(out, gp_wire_from_signed(number));
}

void gp_wire_put_blob(struct gp_text *out, const char *data, size_t len)
{
	gp_wire_put_number(out, len);
	gp_text_add_mem(out, data, len);
	gp_wire_put_byte(out, 0);
}

void gp_wire_put_string(struct gp_text *out, const char *str)
{
	gp_wire_put_blob(out, str, strlen(str));
}
