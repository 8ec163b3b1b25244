/* A text is either the caller's storage or the heap's, behind one interface:
   replies and log lines need a firm limit, compilers and printers none. What is
   added after a fixed text was cut is dropped too, so that no later piece
   appears to follow an earlier one that it did not follow. */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shared/base/memory.h"
#include "shared/base/text.h"

void gp_text_init_fixed(struct gp_text *text, char *storage, size_t size)
{
	memset(text, 0, sizeof(*text));
	text->data = storage;
	text->size = size;
	storage[0] = '\0';
}

void gp_text_init(struct gp_text *text)
{
	memset(text, 0, sizeof(*text));
	text->growing = true;
	text->size = 64;
	text->data = gp_alloc(text->size);
}

void gp_text_deinit(struct gp_text *text)
{
	if (text->growing)
		free(text->data);
	memset(text, 0, sizeof(*text));
}

void gp_text_clear(struct gp_text *text)
{
	text->len = 0;
	text->cut = false;
	text->data[0] = '\0';
}

/* Makes room for len more bytes and says how many of them there are. */
static size_t text_reserve(struct gp_text *text, size_t len)
{
	size_t room = text->size - text->len - 1;

	if (text->cut)
		return 0;
	if (len <= room)
		return len;
	if (!text->growing) {
		text->cut = true;
		return room;
	}
	if (len > SIZE_MAX / 2 - text->len)
		gp_out_of_memory(len);
	text->size = gp_grow(text->size, text->len + len + 1);
	text->data = gp_realloc(text->data, text->size, 1);
	return len;
}

void gp_text_add_mem(struct gp_text *text, const void *data, size_t len)
{
	len = text_reserve(text, len);
	if (len > 0)
		memcpy(text->data + text->len, data, len);
	text->len += len;
	text->data[text->len] = '\0';
}

char *gp_text_room(struct gp_text *text, size_t len)
{
	text_reserve(text, len);
	return text->data + text->len;
}

void gp_text_grew(struct gp_text *text, size_t len)
{
	text->len += len;
	text->data[text->len] = '\0';
}

void gp_text_add(struct gp_text *text, const char *str)
{
	gp_text_add_mem(text, str, strlen(str));
}

void gp_text_add_char(struct gp_text *text, char c)
{
	gp_text_add_mem(text, &c, 1);
}

void gp_text_addf(struct gp_text *text, const char *format, ...)
{
	size_t room = text->size - text->len;
	va_list args;
	int len;

	if (text->cut)
		return;
	va_start(args, format);
	len = vsnprintf(text->data + text->len, room, format, args);
	va_end(args);
	if (len < 0)
		gp_out_of_memory(INT32_MAX);
	if ((size_t)len >= room && text->growing) {
		text_reserve(text, (size_t)len);
		va_start(args, format);
		vsnprintf(text->data + text->len, (size_t)len + 1, format,
			  args);
		va_end(args);
	}
	text->len += text_reserve(text, (size_t)len);
}

static bool is_harmless(unsigned char c)
{
	return c > ' ' && c < 0x7f && strchr("\"\\<>,", c) == NULL;
}

void gp_text_add_escaped(struct gp_text *text, const void *data, size_t len,
			 size_t max)
{
	const unsigned char *bytes = data;
	size_t i, shown = len < max ? len : max;

	for (i = 0; i < shown; i++) {
		if (is_harmless(bytes[i]))
			gp_text_add_char(text, (char)bytes[i]);
		else
			gp_text_addf(text, "\\x%02x", bytes[i]);
	}
	if (shown < len)
		gp_text_add(text, "...");
}
