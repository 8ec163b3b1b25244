/* gatepost back: at three in the morning, with a rules file that nobody
   understands. It reads no rules and, with -m, no settings; it takes the
   writers' lock, exchanges two files, and says what is to be done by day. */

#include "shared/tools/gatepost.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/map/writer.h"
#include "shared/tools/change.h"
#include "shared/tools/configuration.h"
#include "shared/tools/gatemap.h"
#include "shared/tools/interrupt.h"
#include "shared/tools/options.h"
#include "shared/tools/privileges.h"
#include "shared/tools/program.h"

static const char help[] =
"Usage: gatepost back [OPTION]...\n"
"Puts the map before this one (MAP.prev) in force, at once, whatever the\n"
"rules file says. Once more, and they change places again.\n"
"\n"
"  -m, --map MAP       this map; gatepost.conf is not read then\n"
"      --by NAME       who asks, for the journal\n"
"  -q, --quiet         errors only\n"
"  -j, --json          say what was done as one JSON object\n"
"  -c, --config FILE   gatepost.conf, or a folder with one\n"
"      --help          print this\n"
"\n"
"See gatepost(1).\n";

struct options {
	const char *config;
	const char *map;
	const char *by;
	bool quiet;
	bool json;
	struct gp_settings *settings;
	struct gp_arena *arena;
};

static int set_by(void *context, const char *value)
{
	struct options *options = context;

	return change_take_by(&options->by, value);
}

static int read_options(struct options *options, int argc, char *argv[])
{
	const struct gp_option known[] = {
		GP_OPTION_TEXT("config", 'c', &options->config),
		GP_OPTION_TEXT("map", 'm', &options->map),
		GP_OPTION_VALUE("by", 0, set_by),
		GP_OPTION_FLAG("quiet", 'q', &options->quiet),
		GP_OPTION_FLAG("json", 'j', &options->json),
	};
	int status = GP_OPTIONS_READ(known, options, help, argc, argv);

	if (status != 0 || optind == argc)
		return status;
	return gp_program_usage("back takes no operands");
}

static int load_settings(struct options *options)
{
	int status = 0;

	if (options->map != NULL) {
		options->settings = gp_settings_default();
		return 0;
	}
	status = gp_configuration_load(options->config, &options->settings);
	if (status == 0)
		options->map = options->settings->map;
	return status;
}

/* The map that is to come, whose owner decides as whom this is done. */
static int drop_privileges(const struct options *options, const char *previous)
{
	struct stat st;

	if (stat(previous, &st) < 0) {
		int error = errno;

		if (error == ENOENT)
			gp_program_error("%s: there is no map before this one",
					 previous);
		else
			gp_program_error("%s: %s", previous, strerror(error));
		return gp_program_exit_code(error);
	}
	return gp_privileges_drop(previous, &st, options->settings);
}

static json_t *make_entry(const struct options *options,
			  struct gp_journal *journal)
{
	json_t *entry = json_object();

	json_object_set_new(entry, "id",
			    json_integer(change_next_id(journal)));
	json_object_set_new(entry, "time", change_time_now());
	json_object_set_new(entry, "by", json_string(change_who(options->by,
							options->arena)));
	json_object_set_new(entry, "uid", json_integer(getuid()));
	json_object_set_new(entry, "command", json_string("back"));
	json_object_set_new(entry, "map", json_string(options->map));
	json_object_set_new(entry, "keys", json_array());
	return entry;
}

/* It is done already: a journal that cannot be written is no reason to leave
   the wrong map in force. One line and its end, for nothing can interrupt it
   any more. */
static void tell_journal(const struct options *options)
{
	struct gp_journal *journal;
	const char *error;
	json_t *entry, *end;

	if (gp_journal_open(change_journal_path(options->settings,
						options->arena), true,
			    &journal) != 0)
		return;
	entry = make_entry(options, journal);
	end = json_pack("{s:O,s:s,s:O}", "id", json_object_get(entry, "id"),
			"state", "done", "time",
			json_object_get(entry, "time"));
	if (gp_journal_add(journal, entry, &error) < 0)
		gp_program_warning("%s", error);
	else if (gp_journal_add(journal, end, &error) < 0)
		gp_program_warning("%s", error);
	gp_journal_close(&journal);
}

static void print_done(const struct options *options, const char *compiled)
{
	const char *rules = options->settings->rules;

	if (options->json) {
		json_t *object = json_pack("{s:s,s:s}", "map", options->map,
					   "compiled", compiled);

		json_dumpf(object, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(object);
		return;
	}
	printf("%s of %s is in force\n"
	       "The rules file still says what you came from, and set and "
	       "unset refuse to\nbring that back (gatemap does not). What to "
	       "do next:\n"
	       "  gatepost diff %s %s   what it would change again\n"
	       "  gatepost history          who changed what\n"
	       "  gatepost undo N, or gatepost edit   repair the rules; that "
	       "puts them in force\n"
	       "  gatepost back             return to where you came from\n",
	       options->map, compiled, options->map, rules);
}

static int report(const struct options *options)
{
	struct gp_map *map = gp_map_new(options->map, geteuid() == 0 ?
					options->settings->map_owner_uid :
					geteuid());
	const char *error;
	struct gp_text compiled;
	int status = EX_OK;

	gp_text_init(&compiled);
	if (gp_map_source(map, &error) == NULL) {
		gp_program_error("%s", error);
		status = EX_CONFIG;
	} else {
		gp_time_print(gp_map_meta(map)->compiled, &compiled);
		if (!options->quiet)
			print_done(options, compiled.data);
	}
	gp_text_deinit(&compiled);
	gp_map_free(&map);
	return gp_program_finish(status);
}

static int go_back(struct options *options)
{
	struct gatemap_options lock_options = {
		.map = options->map, .settings = options->settings
	};
	const char *error;
	int lock, status;

	gp_interrupt_init();
	lock = gatemap_lock(&lock_options, &status);
	if (lock < 0)
		return status;
	status = gp_map_go_back(options->map, geteuid() == 0 ?
				options->settings->map_owner_uid : geteuid(),
				&error) < 0 ? gp_program_exit_code(errno) : 0;
	if (status != 0)
		gp_program_error("%s; the map is as it was", error);
	else if (options->map == options->settings->map)
		tell_journal(options);
	gp_map_unlock(&lock);
	return status != 0 ? status : report(options);
}

int gatepost_back(int argc, char *argv[])
{
	struct options options = { .arena = gp_arena_new() };
	int status = read_options(&options, argc, argv);

	if (status == 0)
		status = load_settings(&options);
	if (status == 0)
		status = drop_privileges(&options, gp_arena_printf(
			options.arena, "%s.prev", options.map));
	if (status == 0)
		status = go_back(&options);
	gp_settings_free(&options.settings);
	gp_arena_free(&options.arena);
	return status;
}
