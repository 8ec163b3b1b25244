/* Only sessions that are refused, or went with one that is, are shown. Names
   come from clients and are escaped. */

#include "shared/tools/kick-report.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "shared/tools/json-text.h"

void kick_row_fill(const struct kick *kick, struct kick_row *row,
		   const struct gp_finding *finding)
{
	row->cause = gp_cause_name(finding->cause);
	if (finding->key[0] == '\0')
		return;
	row->key = gp_arena_strdup(kick->arena, finding->key);
	row->file = gp_arena_strdup(kick->arena, finding->file);
	row->line = finding->line;
}

static const char *what_was_done(const struct kick *kick,
				 const struct kick_row *row)
{
	if (row->failure != NULL)
		return "not ended";
	if (row->ended)
		return row->answer == KICK_ALLOWED ? "ended with it" : "ended";
	if (row->chosen && kick->dry_run)
		return "to be ended";
	return "left open";
}

static bool is_shown(const struct kick_row *row)
{
	return row->answer != KICK_ALLOWED || row->tried;
}

static void print_why(const struct kick_row *row)
{
	if (row->answer == KICK_ALLOWED)
		return;
	printf(row->answer == KICK_REFUSED ? "; refused: %s" :
	       "; perhaps refused: %s", row->cause);
	if (row->key != NULL)
		printf(" by %s (%s:%u)", row->key, row->file,
		       (unsigned)row->line);
}

static void print_row(const struct kick *kick, const struct kick_row *row)
{
	const struct gp_session *session = row->session;
	struct gp_text user;

	gp_text_init(&user);
	gp_text_add_escaped(&user, session->user, strlen(session->user), 128);
	printf("%s %s %s pid %s: %s", user.data, session->service,
	       *session->ip != '\0' ? session->ip : "unknown", session->pid,
	       what_was_done(kick, row));
	gp_text_deinit(&user);
	if (row->failure != NULL)
		printf(" (%s)", row->failure);
	print_why(row);
	putchar('\n');
}

static void print_text(const struct kick *kick)
{
	size_t perhaps = 0;

	for (size_t i = 0; i < kick->count; i++) {
		const struct kick_row *row = &kick->rows[i];

		if (!is_shown(row))
			continue;
		print_row(kick, row);
		if (row->answer == KICK_PERHAPS && !row->tried &&
		    !row->chosen)
			perhaps++;
	}
	if (perhaps > 0)
		printf("%zu left open: whether they are encrypted, or came in "
		       "through a proxy, is not known any more; --unsure ends "
		       "them, too\n", perhaps);
}

static json_t *row_object(const struct kick_row *row)
{
	json_t *object = json_object();

	json_object_set_new(object, "user", gp_json_text(row->session->user));
	json_object_set_new(object, "service",
			    gp_json_text(row->session->service));
	json_object_set_new(object, "client", gp_json_text(row->session->ip));
	json_object_set_new(object, "pid", gp_json_text(row->session->pid));
	json_object_set_new(object, "cause", gp_json_text(row->cause));
	json_object_set_new(object, "key", gp_json_text(row->key));
	json_object_set_new(object, "line", row->key != NULL ?
			    json_integer(row->line) : json_null());
	json_object_set_new(object, "certain",
			    json_boolean(row->answer == KICK_REFUSED));
	json_object_set_new(object, "ended", json_boolean(row->ended));
	json_object_set_new(object, "failure", gp_json_text(row->failure));
	return object;
}

static void print_json(const struct kick *kick)
{
	json_t *object = json_object();
	json_t *sessions = json_array();

	for (size_t i = 0; i < kick->count; i++) {
		if (is_shown(&kick->rows[i]))
			json_array_append_new(sessions,
					      row_object(&kick->rows[i]));
	}
	json_object_set_new(object, "sessions", sessions);
	json_dumpf(object, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(object);
}

void kick_print(const struct kick *kick)
{
	if (kick->json)
		print_json(kick);
	else
		print_text(kick);
}
