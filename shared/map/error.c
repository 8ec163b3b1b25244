/* One buffer: nothing of shared/map/ is for several threads, and a reason is
   logged or printed before the next thing is tried. */

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "shared/map/error.h"

int gp_map_error(const char **error_r, const char *format, ...)
{
	static char buffer[2 * PATH_MAX];
	/* An argument may be the reason before. */
	char text[sizeof(buffer)];
	int saved_errno = errno;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	strcpy(buffer, text);
	*error_r = buffer;
	errno = saved_errno;
	return -1;
}
