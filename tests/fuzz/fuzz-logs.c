/* Every parser of logs, on lines of any bytes. Each line is handed over in a
   copy of exactly its length; what a parser points at must lie in it. */

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "shared/base/text.h"
#include "shared/tools/log-clock.h"
#include "shared/tools/log-door.h"
#include "shared/tools/log-dovecot.h"
#include "shared/tools/log-form.h"
#include "shared/tools/log-json.h"
#include "shared/tools/log-line.h"
#include "shared/tools/log-postfix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) \
	do { if (!(condition)) abort(); } while (0)

struct bounds {
	const char *begin;
	const char *end;
};

static void check(const struct bounds *bounds, const struct log_piece *piece)
{
	REQUIRE(piece->len == 0 ||
		(piece->data >= bounds->begin &&
		 piece->data + piece->len <= bounds->end));
}

static void check_login(const struct bounds *bounds,
			const struct log_login *login)
{
	struct gp_text text;

	check(bounds, &login->user);
	check(bounds, &login->protocol);
	check(bounds, &login->session);
	check(bounds, &login->client_name);
	check(bounds, &login->door.rule);
	check(bounds, &login->door.file);
	REQUIRE(login->tls < LOG_TLS_KINDS && login->kind < LOG_KINDS);
	REQUIRE(!login->local || login->connection.known ||
		login->kind != LOG_LOGIN);
	if (login->user.len == 0)
		return;
	gp_text_init(&text);
	log_door_unescape(&login->user, &text);
	REQUIRE(text.len <= login->user.len);
	log_door_unescape(&login->door.rule, &text);
	log_door_unescape(&login->door.file, &text);
	gp_text_deinit(&text);
}

static void postfix_done(void *context, const struct log_login *login,
			 int64_t time)
{
	(void)context;
	REQUIRE(time >= 0 && login->kind == LOG_LOGIN);
	REQUIRE(login->user.len > 0 && login->client.known);
	REQUIRE(login->tls < LOG_TLS_KINDS);
}

static void take_split(struct log_postfix *postfix,
		       const struct log_line *line, int64_t time,
		       const struct bounds *bounds)
{
	struct log_piece session, name;
	struct log_login login;

	if (log_dovecot_login(&line->text, &login) == LOG_TAKEN) {
		REQUIRE(login.client.known);
		check_login(bounds, &login);
	}
	if (log_door_dovecot(&line->text, &login) == LOG_TAKEN)
		check_login(bounds, &login);
	if (log_door_policyd(&line->text, &login) == LOG_TAKEN)
		check_login(bounds, &login);
	if (log_door_left_out(&line->text, &login) == LOG_TAKEN) {
		REQUIRE(login.user.len > 0 || login.user.data != NULL);
		check_login(bounds, &login);
	}
	if (log_dovecot_id(&line->text, &session, &name)) {
		check(bounds, &session);
		check(bounds, &name);
	}
	if (log_postfix_wants(line))
		log_postfix_take(postfix, line, time);
}

/* An entry of the journal is unpacked, so its pieces lie elsewhere. */
static void take_json(struct log_postfix *postfix,
		      const struct log_piece *object)
{
	struct log_json *json = log_json_new();
	struct bounds bounds;
	struct log_line line;
	int64_t time = 0;

	if (log_json_read(json, object, &line, &time)) {
		REQUIRE(time >= 0);
		bounds.begin = line.text.data;
		bounds.end = line.text.data + line.text.len;
		take_split(postfix, &line, time, &bounds);
	}
	log_json_free(&json);
}

static void take_line(struct log_postfix *postfix, struct log_clock *clock,
		      const char *data, size_t len)
{
	const struct bounds bounds = { data, data + len };
	struct log_piece text = { data, len };
	struct log_line line;
	int64_t time = 0;

	log_form_hint(&text);
	if (log_json_begins(&text))
		take_json(postfix, &text);
	if (!log_line_split(data, len, &line))
		return;
	check(&bounds, &line.stamp);
	check(&bounds, &line.host);
	check(&bounds, &line.program);
	check(&bounds, &line.text);
	if (log_clock_read(clock, &line.stamp, &time) < 0 || time < 0)
		time = 0;
	log_line_unrepeat(&line);
	check(&bounds, &line.text);
	take_split(postfix, &line, time, &bounds);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *data = (const char *)bytes, *end = data + size;
	struct log_postfix *postfix = log_postfix_new(postfix_done, NULL);
	struct log_clock clock;

	log_clock_init(&clock, 1795287081);
	while (data < end) {
		const char *newline = memchr(data, '\n',
					     (size_t)(end - data));
		size_t len = (size_t)((newline != NULL ? newline : end) -
				      data);
		char *copy = malloc(len > 0 ? len : 1);

		REQUIRE(copy != NULL);
		memcpy(copy, data, len);
		take_line(postfix, &clock, copy, len);
		free(copy);
		data += len + (newline != NULL);
	}
	log_postfix_finish(postfix);
	log_postfix_free(&postfix);
	return 0;
}
