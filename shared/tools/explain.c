/* gatepost explain. Rules come from the map that the doors use, from another
   map, or from a rules file that is compiled in memory. */

#include "shared/tools/explain.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "shared/map/image.h"
#include "shared/map/reader.h"
#include "shared/tools/compile.h"
#include "shared/tools/configuration.h"
#include "shared/tools/gatepost.h"
#include "shared/tools/program.h"

static const char help[] =
"Usage: gatepost explain [-m MAP | -f RULES] [OPTION]... LOGIN SERVICE\n"
"                        [NAME=VALUE]...\n"
"Says what the doors would answer to LOGIN at SERVICE (imap, pop3,\n"
"submission, sieve, webmail), and why.\n"
"\n"
"  -m, --map MAP       the compiled map [the one of gatepost.conf]\n"
"  -f, --file RULES    a rules file, or a folder of them, compiled in memory\n"
"  -j, --json          one JSON object\n"
"  -c, --config FILE   gatepost.conf, or a folder with one\n"
"      --help          print this\n"
"\n"
"  client=ADDRESS      the client, as the server trusts it [unknown]\n"
"  peer=ADDRESS        the other end of the connection [client]\n"
"  server=ADDRESS      this end [unknown]\n"
"  tls=VERSION         none, 1.0, 1.1, 1.2, 1.3, unknown [none]\n"
"  implicit=yes|no     TLS from the first byte [no]\n"
"  auth=yes|no         with or without a login [yes]\n"
"  sender=ADDRESS      the envelope sender, for auth=no [none]\n"
"  at=TIME             as in 2027-03-01T00:00:00Z [now]\n"
"\n"
"Exit status: 0 allowed, 1 refused, 75 deferred, else as in sysexits.h.\n"
"See gatepost(1).\n";

#define OPTION_HELP 256

static const struct option long_options[] = {
	{ "map", required_argument, NULL, 'm' },
	{ "file", required_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 }
};

struct options {
	const char *map;
	const char *file;
	const char *config;
	bool json;
	struct gp_settings *settings;
};

static int read_options(struct options *options, int argc, char *argv[])
{
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":m:f:jc:", long_options,
				     NULL)) != -1) {
		switch (option) {
		case 'm':
			options->map = optarg;
			break;
		case 'f':
			options->file = optarg;
			break;
		case 'j':
			options->json = true;
			break;
		case 'c':
			options->config = optarg;
			break;
		case OPTION_HELP:
			exit(gp_program_help(help));
		default:
			return gp_program_bad_option(argv, option);
		}
	}
	if (options->map != NULL && options->file != NULL)
		return gp_program_usage("specify only one of -m and -f");
	return 0;
}

static int exit_code(enum gp_verdict_kind kind)
{
	switch (kind) {
	case GP_REFUSE:
		return 1;
	case GP_DEFER:
		return EX_TEMPFAIL;
	default:
		return EX_OK;
	}
}

static int explain(const struct options *options,
		   const struct explain_request *asked,
		   const struct gp_source *source)
{
	struct gp_arena *arena = gp_arena_new();
	struct explanation explanation;
	int status;

	explain_decide(asked, source, options->settings, arena, &explanation);
	if (options->json)
		explain_print_json(&explanation);
	else
		explain_print_text(&explanation);
	status = exit_code(explanation.verdict.kind);
	gp_arena_free(&arena);
	return gp_program_finish(status);
}

static int explain_file(const struct options *options,
			const struct explain_request *asked)
{
	struct gp_progress progress;
	struct gp_compile_options compile_options = {
		.settings = options->settings,
		.progress = &progress,
		.quiet = true,
	};
	struct gp_input *input;
	struct gp_image *image;
	uint8_t sha256[32];
	int status = gp_input_open(options->file, &input);

	if (status != 0)
		return status;
	gp_progress_init(&progress);
	status = gp_compile(input, &compile_options, &image, sha256);
	gp_input_free(&input);
	if (status != 0)
		return status;
	status = explain(options, asked, gp_image_source(image));
	gp_image_free(&image);
	return status;
}

static int explain_map(const struct options *options,
		       const struct explain_request *asked)
{
	const struct gp_settings *settings = options->settings;
	struct gp_map *map = gp_map_new(options->map != NULL ? options->map :
					settings->map,
					settings->map_owner_uid);
	const char *error;
	const struct gp_source *source = gp_map_source(map, &error);
	int status;

	if (source != NULL) {
		status = explain(options, asked, source);
	} else {
		status = gp_program_exit_code(errno);
		gp_program_error("%s", error);
	}
	gp_map_free(&map);
	return status;
}

int gatepost_explain(int argc, char *argv[])
{
	struct options options = { .settings = NULL };
	struct explain_request asked;
	int status = read_options(&options, argc, argv);

	if (status == 0)
		status = explain_request_read(argc - optind, argv + optind,
					      &asked);
	if (status == 0)
		status = gp_configuration_load(options.config,
					       &options.settings);
	if (status != 0)
		return status;
	status = options.file != NULL ? explain_file(&options, &asked) :
		 explain_map(&options, &asked);
	gp_settings_free(&options.settings);
	return status;
}
