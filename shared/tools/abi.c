/* The string is "2.3.ABIv19(2.3.19.1)" with a NUL behind it, among many bytes
   that are no text; "ABIv" with numbers around it is found nowhere else. */

#include "shared/tools/abi.h"

#include <ctype.h>
#include <string.h>

static const char mark[] = ".ABIv";
#define MARK_LEN (sizeof(mark) - 1)

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
