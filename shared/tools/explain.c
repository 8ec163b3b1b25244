/* gatepost explain. Rules come from the map that the doors use, from another
   map, or from a rules file that is compiled in memory. */

#include "shared/tools/explain.h"

#include <getopt.h>

#include "shared/tools/configuration.h"
#include "shared/tools/gatepost.h"
#include "shared/tools/options.h"
#include "shared/tools/program.h"
#include "shared/tools/rulebook.h"

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

struct options {
	const char *map;
	const char *file;
	const char *config;
	bool json;
	struct gp_settings *settings;
};

static int read_options(struct options *options, int argc, char *argv[])
{
	const struct gp_option known[] = {
		RULEBOOK_OPTIONS(options),
		GP_OPTION_FLAG("json", 'j', &options->json),
		GP_OPTION_TEXT("config", 'c', &options->config),
	};
	int status = GP_OPTIONS_READ(known, options, help, argc, argv);

	return status != 0 ? status :
	       rulebook_check_options(options->map, options->file);
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

int gatepost_explain(int argc, char *argv[])
{
	struct options options = { .settings = NULL };
	struct rulebook book;
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
	status = rulebook_open_named(&book, options.map, options.file,
				     options.settings);
	if (status == 0)
		status = explain(&options, &asked, book.source);
	rulebook_close(&book);
	gp_settings_free(&options.settings);
	return status;
}
