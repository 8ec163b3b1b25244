#ifndef GP_BASE_TEXT_H
#define GP_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A text that is put together piece by piece. It is always terminated by a
   NUL that len does not count. It may hold any bytes.

   A fixed text lives in the caller's storage; what does not fit is left out
   and cut is set. A growing text lives on the heap until gp_text_deinit(). */

struct gp_text {
	char *data;
	size_t len;
	/* Room in data, the NUL included. */
	size_t size;
	/* Something did not fit. Growing texts never set it. */
	bool cut;
	bool growing;
};

/* size is at least 1. */
void gp_text_init_fixed(struct gp_text *text, char *storage, size_t size);
void gp_text_init(struct gp_text *text);
void gp_text_deinit(struct gp_text *text);
/* Empties the text and keeps its room. */
void gp_text_clear(struct gp_text *text);

void gp_text_add(struct gp_text *text, const char *str);
void gp_text_add_mem(struct gp_text *text, const void *data, size_t len);
void gp_text_add_char(struct gp_text *text, char c);
/* Room for len more bytes at the end of a growing text; gp_text_grew() says how
   many of them were written. */
char *gp_text_room(struct gp_text *text, size_t len);
void gp_text_grew(struct gp_text *text, size_t len);
void gp_text_addf(struct gp_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds bytes that came from outside so that they can do no harm in a log
   line: printable ASCII as it is, except white space and the characters
   " \ < > , which like every other byte become \xHH. At most max bytes of the
   input are shown; "..." stands for the rest. */
void gp_text_add_escaped(struct gp_text *text, const void *data, size_t len,
			 size_t max);

#endif
