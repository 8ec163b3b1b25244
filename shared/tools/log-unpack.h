#ifndef GP_TOOLS_LOG_UNPACK_H
#define GP_TOOLS_LOG_UNPACK_H

#include <stdbool.h>
#include <stddef.h>

/* A compressed stream, piece by piece, through the library of its format. */

struct log_unpack {
	void *state;
	const unsigned char *in;
	size_t in_len;
	unsigned char *out;
	size_t out_len;
	/* The end of what was begun: of a member or a frame. */
	bool at_end;
};

/* One per format. run takes from in and fills out as far as both go; last
   says that no more input will come. It returns 0, or -1 for bytes that are
   not of the format. */
struct log_format {
	const char *name;
	/* NULL for what is known to be no text, and not read. */
	const char *library;
	const unsigned char *magic;
	size_t magic_len;
	/* NULL in all where the library was not there at build time. */
	int (*begin)(struct log_unpack *unpack);
	int (*run)(struct log_unpack *unpack, bool last);
	void (*end)(struct log_unpack *unpack);
};

/* The format that begins so, or NULL. */
const struct log_format *log_format_find(const unsigned char *data,
					 size_t len);

#define LOG_MAGIC_MAX 6

#endif
