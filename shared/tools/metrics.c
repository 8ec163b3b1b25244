/* The daemon's counters for node_exporter's textfile collector, which reads
   whatever stands in its folder at any time: the file appears there whole.
   Where the daemon cannot be asked the old file goes, for numbers that stand
   still would look like a quiet night. */

#include "shared/tools/gatepost.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/newfile.h"
#include "shared/tools/configuration.h"
#include "shared/tools/counters.h"
#include "shared/tools/options.h"
#include "shared/tools/program.h"

static const char help[] =
	"Usage: gatepost metrics [-j] [-c CONFIG] [-o FILE]\n"
	"Write what gatepost-policyd has counted, as OpenMetrics text.\n\n"
	"  -j, --json           one JSON object, each number by its name\n"
	"  -c, --config=CONFIG  settings, or the folder of gatepost.conf\n"
	"  -o, --output=FILE    write FILE, in one go; removed when the daemon\n"
	"                       does not answer\n"
	"      --help           show this text\n";

struct options {
	const char *config;
	const char *output;
	bool json;
	struct gp_settings *settings;
};

static int failed(const char *what, const char *path)
{
	int error = errno;

	gp_program_error("cannot %s %s: %s", what, path, strerror(error));
	return gp_program_exit_code(error);
}

static int write_file(const char *path, const struct gp_text *page,
		      struct gp_arena *arena)
{
	struct gp_newfile file;
	ssize_t written;
	int status = EX_OK;

	if (gp_newfile_open(&file, gp_arena_printf(arena, "%s.%ld", path,
						   (long)getpid())) < 0)
		return failed("create", path);
	written = write(file.fd, page->data, page->len);
	if (written >= 0 && (size_t)written < page->len)
		errno = ENOSPC;
	/* It holds no secrets, and node_exporter is not root. */
	if (written < (ssize_t)page->len || fchmod(file.fd, 0644) < 0 ||
	    gp_newfile_place(&file, path) < 0)
		status = failed("write", path);
	gp_newfile_close(&file);
	return status;
}

/* "NAME{LABELS} NUMBER" becomes a member; comments are left out. */
static void add_number(json_t *object, char *line)
{
	char *blank = strrchr(line, ' ');

	if (*line == '#' || blank == NULL)
		return;
	*blank++ = '\0';
	json_object_set_new(object, line, strchr(blank, '.') != NULL ?
			    json_real(strtod(blank, NULL)) :
			    json_integer(strtoll(blank, NULL, 10)));
}

static void make_json(struct gp_text *page, struct gp_arena *arena)
{
	json_t *object = json_object();
	char *rest = gp_arena_strdup(arena, page->data), *line, *text;

	while ((line = strsep(&rest, "\n")) != NULL)
		add_number(object, line);
	text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	gp_text_clear(page);
	gp_text_addf(page, "%s\n", text);
	free(text);
	json_decref(object);
}

static int write_page(const char *output, const struct gp_text *page,
		      struct gp_arena *arena)
{
	if (output != NULL)
		return write_file(output, page, arena);
	(void)fwrite(page->data, page->len, 1, stdout);
	return EX_OK;
}

static int write_metrics(const struct options *options, struct gp_arena *arena)
{
	const char *output = options->output;
	struct gp_text page;
	const char *error;
	int status = EX_OK;

	gp_text_init(&page);
	if (gp_counters_ask(options->settings->policy_socket, &page, arena,
			    &error) < 0) {
		gp_program_error("%s", error);
		status = EX_UNAVAILABLE;
		if (output != NULL && unlink(output) < 0 && errno != ENOENT)
			(void)failed("remove", output);
	} else {
		if (options->json)
			make_json(&page, arena);
		status = write_page(output, &page, arena);
	}
	gp_text_deinit(&page);
	return status;
}

int gatepost_metrics(int argc, char *argv[])
{
	struct options options = { .config = NULL };
	struct gp_arena *arena;
	const struct gp_option known[] = {
		GP_OPTION_TEXT("config", 'c', &options.config),
		GP_OPTION_TEXT("output", 'o', &options.output),
		GP_OPTION_FLAG("json", 'j', &options.json),
	};
	int status = GP_OPTIONS_READ(known, NULL, help, argc, argv);

	if (status != 0)
		return status;
	if (optind < argc)
		return gp_program_usage("what is %s?", argv[optind]);
	status = gp_configuration_load(options.config, &options.settings);
	if (status != EX_OK)
		return status;
	arena = gp_arena_new();
	status = gp_program_finish(write_metrics(&options, arena));
	gp_arena_free(&arena);
	gp_settings_free(&options.settings);
	return status;
}
