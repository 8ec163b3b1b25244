/* gatepost history: the journal, the newest change first. */

#include "shared/tools/gatepost.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/tools/configuration.h"
#include "shared/tools/history.h"
#include "shared/tools/options.h"
#include "shared/tools/program.h"

static const char help[] =
"Usage: gatepost history [OPTION]... [KEY]\n"
"Prints what was changed, when and by whom, the newest first.\n"
"\n"
"  -n, --number N      so many changes [20]; 0: all\n"
"      --only DOMAIN   those that touched only DOMAIN and its mailboxes\n"
"  -j, --json          one JSON object a line\n"
"  -c, --config FILE   gatepost.conf, or a folder with one\n"
"      --help          print this\n"
"\n"
"See gatepost(1).\n";

struct options {
	const char *config;
	const char *key;
	struct scope scope;
	unsigned long number;
	bool json;
};

void history_init(struct history *history, struct gp_journal *journal)
{
	history->journal = journal;
	history->state = NULL;
	gp_journal_rewind(journal);
}

json_t *history_previous(struct history *history)
{
	json_t *object;

	while ((object = gp_journal_previous(history->journal)) != NULL) {
		const json_t *id = json_object_get(object, "id");

		if (json_is_string(json_object_get(object, "state"))) {
			json_decref(history->state);
			history->state = object;
			continue;
		}
		if (history->state != NULL &&
		    json_equal(json_object_get(history->state, "id"), id))
			json_object_set(object, "state", json_object_get(
					history->state, "state"));
		else
			json_object_set_new(object, "state",
					    json_string("interrupted"));
		return object;
	}
	json_decref(history->state);
	history->state = NULL;
	return NULL;
}

void history_deinit(struct history *history)
{
	json_decref(history->state);
	history->state = NULL;
}

const char *history_text(const json_t *entry, const char *name)
{
	const char *text = json_string_value(json_object_get(entry, name));

	return text != NULL ? text : "?";
}

bool history_is_within(const json_t *entry, const struct scope *scope)
{
	const json_t *keys = json_object_get(entry, "keys"), *record;
	size_t i;

	if (scope->count == 0)
		return true;
	json_array_foreach(keys, i, record) {
		if (!scope_has(scope, history_text(record, "key")))
			return false;
	}
	return json_array_size(keys) > 0;
}

static void print_lines(const char *sign, const json_t *lines)
{
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line) {
		printf("    %s ", sign);
		gp_journal_print(json_string_value(line) != NULL ?
			   json_string_value(line) : "?");
		putchar('\n');
	}
}

#define KEYS_SHOWN 10

void history_print(const json_t *entry)
{
	static const char *const names[] = { "time", "by", "command" };
	const json_t *keys = json_object_get(entry, "keys"), *record;
	const char *state = history_text(entry, "state");
	size_t i;

	printf("%" JSON_INTEGER_FORMAT, json_integer_value(
	       json_object_get(entry, "id")));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		printf("  ");
		gp_journal_print(history_text(entry, names[i]));
	}
	if (json_object_get(entry, "undoes") != NULL)
		printf(" %" JSON_INTEGER_FORMAT, json_integer_value(
		       json_object_get(entry, "undoes")));
	if (strcmp(state, "void") == 0)
		printf("  (void: nothing of it was done)");
	else if (strcmp(state, "done") != 0) {
		printf("  (");
		gp_journal_print(state);
		putchar(')');
	}
	putchar('\n');
	json_array_foreach(keys, i, record) {
		if (i == KEYS_SHOWN) {
			printf("    and %zu more\n",
			       json_array_size(keys) - i);
			break;
		}
		print_lines("-", json_object_get(record, "before"));
		print_lines("+", json_object_get(record, "after"));
	}
}

/* Whether the change touched the key; compared as keys, not as texts. */
static bool touches(const json_t *entry, const char *key, size_t key_len)
{
	const json_t *record;
	char other[GP_RULETEXT_KEY_MAX];
	const char *error;
	size_t len, i;

	json_array_foreach(json_object_get(entry, "keys"), i, record) {
		const char *written = history_text(record, "key");

		if (gp_ruletext_key(written, strlen(written), other, &len,
				    &error) == 0 &&
		    len == key_len && memcmp(other, key, len) == 0)
			return true;
	}
	return false;
}

static void print_all(const struct options *options,
		      struct gp_journal *journal, const char *key,
		      size_t key_len)
{
	struct history history;
	unsigned long printed = 0;
	json_t *entry;

	history_init(&history, journal);
	while ((options->number == 0 || printed < options->number) &&
	       !ferror(stdout) &&
	       (entry = history_previous(&history)) != NULL) {
		if ((key == NULL || touches(entry, key, key_len)) &&
		    history_is_within(entry, &options->scope)) {
			printed++;
			/* Comments are nobody's, and not for a reseller. */
			if (options->scope.count > 0)
				json_object_del(entry, "texts");
			if (options->json) {
				json_dumpf(entry, stdout, JSON_COMPACT);
				putchar('\n');
			} else {
				history_print(entry);
			}
		}
		json_decref(entry);
	}
	history_deinit(&history);
}

static int set_config(void *context, const char *value)
{
	struct options *options = context;

	if (options->scope.count > 0)
		return gp_program_usage("-c stands in front of --only");
	options->config = value;
	return 0;
}

static int set_number(void *context, const char *value)
{
	struct options *options = context;
	char *end;

	options->number = strtoul(value, &end, 10);
	return *value >= '0' && *value <= '9' && *end == '\0' ? 0 :
	       gp_program_usage("-n %s: this is no number", value);
}

static int set_only(void *context, const char *value)
{
	struct options *options = context;
	const char *error;

	return scope_add(&options->scope, value, &error) == 0 ? 0 :
	       gp_program_usage("--only %s: %s", value, error);
}

static int read_options(struct options *options, int argc, char *argv[])
{
	const struct gp_option known[] = {
		GP_OPTION_VALUE("config", 'c', set_config),
		GP_OPTION_VALUE("number", 'n', set_number),
		GP_OPTION_VALUE("only", 0, set_only),
		GP_OPTION_FLAG("json", 'j', &options->json),
	};
	int status = GP_OPTIONS_READ(known, options, help, argc, argv);

	if (status != 0)
		return status;
	if (argc - optind > 1)
		return gp_program_usage("one KEY at a time, please");
	options->key = argc - optind == 1 ? argv[optind] : NULL;
	return 0;
}

static int open_and_print(const struct options *options,
			  const struct gp_settings *settings)
{
	struct gp_arena *arena = gp_arena_new();
	char key[GP_RULETEXT_KEY_MAX];
	struct gp_journal *journal;
	const char *error;
	size_t len = 0;
	int status;

	if (options->key != NULL &&
	    gp_ruletext_key(options->key, strlen(options->key), key, &len,
			    &error) < 0) {
		gp_program_error("%s: %s", options->key, error);
		status = EX_DATAERR;
	} else {
		status = gp_journal_open(change_journal_path(settings, arena),
					 false, &journal);
	}
	if (status == 0) {
		print_all(options, journal, options->key == NULL ? NULL : key,
			  len);
		gp_journal_close(&journal);
		status = gp_program_finish(EX_OK);
	}
	gp_arena_free(&arena);
	return status;
}

int gatepost_history(int argc, char *argv[])
{
	struct options options = { .number = 20 };
	struct gp_settings *settings = NULL;
	int status = read_options(&options, argc, argv);

	if (status == 0)
		status = gp_configuration_load(options.config, &settings);
	if (status == 0)
		status = open_and_print(&options, settings);
	gp_settings_free(&settings);
	return status;
}
