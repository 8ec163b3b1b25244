/* The journal's fields are strings, but for those that are no UTF-8 or hold
   controls: journalctl writes them as a list of bytes. */

#include "shared/tools/log-json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"
#include "shared/base/text.h"

struct log_json {
	json_t *object;
	/* The message, where it came as bytes. */
	struct gp_text bytes;
};

struct log_json *log_json_new(void)
{
	struct log_json *json = gp_alloc(sizeof(*json));

	gp_text_init(&json->bytes);
	return json;
}

void log_json_free(struct log_json **json)
{
	if (*json == NULL)
		return;
	json_decref((*json)->object);
	gp_text_deinit(&(*json)->bytes);
	free(*json);
	*json = NULL;
}

bool log_json_begins(struct log_piece *line)
{
	if (!log_piece_skip(line, "data: "))
		log_piece_skip(line, "\x1e");
	return line->len > 0 && line->data[0] == '{';
}

static struct log_piece string_field(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_string(value) ? (struct log_piece) {
		json_string_value(value), json_string_length(value)
	} : (struct log_piece) { "", 0 };
}

static struct log_piece message(struct log_json *json)
{
	const json_t *value = json_object_get(json->object, "MESSAGE");
	const json_t *byte;
	size_t i;

	if (!json_is_array(value))
		return string_field(json->object, "MESSAGE");
	gp_text_clear(&json->bytes);
	json_array_foreach(value, i, byte)
		gp_text_add_char(&json->bytes, (char)json_integer_value(byte));
	return (struct log_piece) { json->bytes.data, json->bytes.len };
}

/* "1795287081123456": microseconds. */
static bool read_time(const struct log_piece *value, int64_t *time_r)
{
	int64_t time = 0;
	size_t i;

	for (i = 0; i < value->len && i < 18; i++) {
		if (value->data[i] < '0' || value->data[i] > '9')
			return false;
		time = time * 10 + (value->data[i] - '0');
	}
	*time_r = time / 1000000;
	return i > 0 && i == value->len;
}

bool log_json_read(struct log_json *json, const struct log_piece *object,
		   struct log_line *line_r, int64_t *time_r)
{
	struct log_piece pid, time;

	memset(line_r, 0, sizeof(*line_r));
	json_decref(json->object);
	json->object = json_loadb(object->data, object->len, 0, NULL);
	time = string_field(json->object, "__REALTIME_TIMESTAMP");
	if (!read_time(&time, time_r))
		return false;
	line_r->host = string_field(json->object, "_HOSTNAME");
	line_r->program = string_field(json->object, "SYSLOG_IDENTIFIER");
	pid = string_field(json->object, "SYSLOG_PID");
	if (pid.len == 0)
		pid = string_field(json->object, "_PID");
	log_piece_number(&pid, &line_r->pid);
	line_r->text = message(json);
	return true;
}
