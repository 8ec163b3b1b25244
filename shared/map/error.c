/* One buffer a thread: a reason is logged, printed or copied before the next
   thing is tried, and before the thread ends. */

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "shared/map/error.h"

int gp_map_error(const char **error_r, const char *format, ...)
{
	static _Thread_local char buffer[2 * PATH_MAX];
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
