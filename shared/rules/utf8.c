/* UTF-8 is decoded strictly: a byte sequence that two programs could read
   differently must not pass for a name. */

#include "shared/rules/utf8.h"

int gp_utf8_next(const char *str, size_t len, uint32_t *character_r)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = str[0];
	uint32_t c;
	int size, i;

	if (first < 0x80) {
		*character_r = first;
		return 1;
	}
	if (first < 0xc2 || first > 0xf4)
		return -1;
	size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if ((size_t)size > len)
		return -1;
	c = first & (0xff >> (size + 1));
	for (i = 1; i < size; i++) {
		if (((unsigned char)str[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | ((unsigned char)str[i] & 0x3f);
	}
	if (c < smallest[size] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return -1;
	*character_r = c;
	return size;
}

bool gp_utf8_is_invisible(uint32_t character)
{
	uint32_t c = character;

	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad ||
	       c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	       c == 0xfeff;
}

static void add_bytes(struct gp_text *text, const char *str, int count)
{
	for (int i = 0; i < count; i++)
		gp_text_addf(text, "\\x%02x", (unsigned char)str[i]);
}

void gp_utf8_add_visible(struct gp_text *text, const char *str, size_t len)
{
	const char *end = str + len;
	uint32_t c;
	int size;

	for (; str < end; str += size) {
		size = gp_utf8_next(str, (size_t)(end - str), &c);
		if (size < 0)
			add_bytes(text, str, size = 1);
		else if (gp_utf8_is_invisible(c))
			add_bytes(text, str, size);
		else
			gp_text_add_mem(text, str, (size_t)size);
	}
}
