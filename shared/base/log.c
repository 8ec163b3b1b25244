/* Messages pass through one pointer, because the same code runs inside Dovecot,
   in a daemon and in commands, and none of them may write into another's log.
   A line that does not fit the buffer is cut: logging needs no memory. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "shared/base/log.h"

static const char *const level_names[] = {
	[GP_LOG_DEBUG] = "debug",
	[GP_LOG_INFO] = "info",
	[GP_LOG_WARNING] = "warning",
	[GP_LOG_ERROR] = "error",
};

static void log_to_stderr(enum gp_log_level level, const char *line)
{
	fprintf(stderr, "%s: %s\n", level_names[level], line);
}

static gp_log_sink *log_sink = log_to_stderr;

void gp_log_set_sink(gp_log_sink *sink)
{
	log_sink = sink == NULL ? log_to_stderr : sink;
}

void gp_log(enum gp_log_level level, const char *format, ...)
{
	char line[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log_sink(level, line);
}

void gp_log_lines(enum gp_log_level level, const char *text)
{
	size_t len;

	for (; *text != '\0'; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		if (len > 0)
			gp_log(level, "%.*s", (int)len, text);
	}
}
