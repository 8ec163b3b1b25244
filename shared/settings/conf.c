/* Postfix's readllines() in small: physical lines are collected until one
   begins that is not a continuation, for only then is the setting whole. What
   is wrong with one setting does not keep the next from being read. */

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include "shared/base/text.h"
#include "shared/settings/conf.h"

struct reader {
	const struct gp_conf_sink *sink;
	/* What was collected; line is 0 when that is nothing. */
	struct gp_text setting;
	unsigned int line;
};

static bool is_space(char c)
{
	return isspace((unsigned char)c) != 0;
}

static char *trim(char *str)
{
	char *end = str + strlen(str);

	while (end > str && is_space(end[-1]))
		end--;
	*end = '\0';
	while (is_space(*str))
		str++;
	return str;
}

static void finish_setting(struct reader *reader)
{
	const struct gp_conf_sink *sink = reader->sink;
	char *equals = strchr(reader->setting.data, '=');
	unsigned int line = reader->line;

	reader->line = 0;
	if (line == 0)
		return;
	if (strlen(reader->setting.data) != reader->setting.len) {
		sink->error(sink->context, line,
			    "a NUL byte; this is not a text file");
	} else if (equals == NULL) {
		sink->error(sink->context, line,
			    "no \"=\"; write \"name = value\"");
	} else {
		*equals = '\0';
		sink->setting(sink->context, line,
			      trim(reader->setting.data), trim(equals + 1));
	}
	gp_text_clear(&reader->setting);
}

static void read_line(struct reader *reader, unsigned int number,
		      const char *data, size_t len)
{
	size_t start = 0;

	while (start < len && is_space(data[start]))
		start++;
	if (start == len || data[start] == '#')
		return;
	if (start == 0) {
		finish_setting(reader);
		reader->line = number;
	} else if (reader->line == 0) {
		reader->sink->error(reader->sink->context, number,
				    "begins with white space, but there is no "
				    "line that it could continue");
		return;
	}
	gp_text_add_mem(&reader->setting, data, len);
}

void gp_conf_parse(const char *data, size_t len,
		   const struct gp_conf_sink *sink)
{
	struct reader reader = { .sink = sink };
	const char *newline;
	unsigned int number;
	size_t line_len;

	gp_text_init(&reader.setting);
	for (number = 1; len > 0; number++) {
		newline = memchr(data, '\n', len);
		line_len = newline == NULL ? len : (size_t)(newline - data);
		read_line(&reader, number, data, line_len);
		line_len += newline == NULL ? 0 : 1;
		data += line_len;
		len -= line_len;
	}
	finish_setting(&reader);
	gp_text_deinit(&reader.setting);
}
