/* The ABI's string is "2.3.ABIv19(2.3.19.1)" with a NUL behind it, among many
   bytes that are no text; "ABIv" with numbers around it is found nowhere
   else. */

#include "shared/tools/abi.h"

#include <ctype.h>
#include <string.h>

static const char mark[] = ".ABIv";
#define MARK_LEN (sizeof(mark) - 1)

static const char beside[] = "gatepost-built-beside:";
#define BESIDE_LEN (sizeof(beside) - 1)

static int is_version(char c)
{
	return isdigit((unsigned char)c) || c == '.';
}

int gp_abi_find(const void *data, size_t len, char *abi_r, size_t size)
{
	const char *start = data, *end = start + len, *from = start, *at;

	while ((at = memmem(from, (size_t)(end - from), mark,
			    MARK_LEN)) != NULL) {
		const char *first = at, *last = at + MARK_LEN;

		while (first > start && is_version(first[-1]))
			first--;
		while (last < end && isdigit((unsigned char)*last))
			last++;
		if (first < at && last > at + MARK_LEN &&
		    (size_t)(last - first) < size) {
			memcpy(abi_r, first, (size_t)(last - first));
			abi_r[last - first] = '\0';
			return 1;
		}
		from = at + MARK_LEN;
	}
	return 0;
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit = c == '\0' ? NULL : strchr(digits, c);

	return digit == NULL ? -1 : (int)(digit - digits);
}

static int read_id(const char *hex, struct gp_abi_build *build)
{
	size_t len = strlen(hex), i;

	if (len == 0 || len % 2 != 0 || len / 2 > sizeof(build->id))
		return 0;
	for (i = 0; i < len; i += 2) {
		int high = hex_value(hex[i]), low = hex_value(hex[i + 1]);

		if (high < 0 || low < 0)
			return 0;
		build->id[i / 2] = (unsigned char)(high << 4 | low);
	}
	build->id_len = len / 2;
	return 1;
}

int gp_abi_find_build(const void *data, size_t len,
		      struct gp_abi_build *build_r)
{
	const char *end = (const char *)data + len, *colon;
	const char *at = memmem(data, len, beside, BESIDE_LEN);

	if (at == NULL)
		return 0;
	at += BESIDE_LEN;
	if (memchr(at, '\0', (size_t)(end - at)) == NULL)
		return 0;
	colon = strrchr(at, ':');
	if (colon == NULL || (size_t)(colon - at) >= sizeof(build_r->path))
		return 0;
	memcpy(build_r->path, at, (size_t)(colon - at));
	build_r->path[colon - at] = '\0';
	return read_id(colon + 1, build_r);
}
