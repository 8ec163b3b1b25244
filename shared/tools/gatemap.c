/* gatemap: rules in, a map out, with postmap(1)'s manners. Here is the command
   line alone; each work has a file of its own. */

#include "shared/tools/gatemap.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/arena.h"
#include "shared/tools/configuration.h"
#include "shared/tools/program.h"

static const char help[] =
"Usage: gatemap [OPTION]... FILE\n"
"Compiles the rules in FILE (a file, or a folder of files) to FILE.lmdb\n"
"and FILE.summary. Says nothing when all is well.\n"
"\n"
"  -q, --query KEY        print the lines of KEY (-: from standard input)\n"
"  -s, --list             print all rules, as source that compiles again\n"
"  -i, --incremental      add rules from standard input to the map\n"
"  -r, --replace          with -i: replace the lines of keys that stand\n"
"  -w, --keep             with -i: keep the lines of keys that stand\n"
"  -d, --delete KEY       take KEY out of the map (-: from standard input)\n"
"      --check            compile, and write nothing\n"
"      --force            compile over a map that was changed by -i or -d\n"
"  -c, --config FILE      gatepost.conf, or a folder with one\n"
"  -j, --json             with -q and -s: one JSON object a line\n"
"  -o, --keep-root        keep root's rights for somebody else's file\n"
"  -p, --default-access   owner and mode of a new map, not of the old one\n"
"      --quiet            no warnings\n"
"  -v, --verbose          say what is done\n"
"  -V, --version          print the version\n"
"      --help             print this\n"
"\n"
"Exit status: 0, 1 when a key was not found, or as in sysexits.h.\n"
"See gatemap(1) and gatepost-rules(5).\n";

enum {
	OPTION_CHECK = 256,
	OPTION_FORCE,
	OPTION_QUIET,
	OPTION_HELP
};

static const struct option long_options[] = {
	{ "query", required_argument, NULL, 'q' },
	{ "list", no_argument, NULL, 's' },
	{ "incremental", no_argument, NULL, 'i' },
	{ "replace", no_argument, NULL, 'r' },
	{ "keep", no_argument, NULL, 'w' },
	{ "delete", required_argument, NULL, 'd' },
	{ "check", no_argument, NULL, OPTION_CHECK },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "config", required_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "keep-root", no_argument, NULL, 'o' },
	{ "default-access", no_argument, NULL, 'p' },
	{ "quiet", no_argument, NULL, OPTION_QUIET },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 }
};

/* The work that an option names. Returns 0, or an exit code. */
static int set_work(struct gatemap_options *options, enum gatemap_work work)
{
	if (options->work != GATEMAP_COMPILE)
		return gp_program_usage("specify only one of -d, -i, -q "
					"and -s");
	options->work = work;
	options->key = optarg;
	return 0;
}

static int set_standing(struct gatemap_options *options,
			enum gatemap_standing standing)
{
	if (options->standing != GATEMAP_STANDING_ERROR &&
	    options->standing != standing)
		return gp_program_usage("specify only one of -r and -w");
	options->standing = standing;
	return 0;
}

static int set_switch(struct gatemap_options *options, int option)
{
	switch (option) {
	case 'o':
		options->keep_root = true;
		break;
	case 'p':
		options->default_access = true;
		break;
	case 'j':
		options->json = true;
		break;
	case 'c':
		options->config = optarg;
		break;
	case 'v':
		gp_program_be_verbose();
		break;
	case OPTION_CHECK:
		options->check_only = true;
		break;
	case OPTION_FORCE:
		options->force = true;
		break;
	case OPTION_QUIET:
		options->quiet = true;
		gp_program_quiet();
		break;
	default:
		return -1;
	}
	return 0;
}

static int set_option(struct gatemap_options *options, char *const argv[],
		      int option)
{
	switch (option) {
	case 'q':
		return set_work(options, GATEMAP_QUERY);
	case 's':
		return set_work(options, GATEMAP_LIST);
	case 'i':
		return set_work(options, GATEMAP_UPDATE);
	case 'd':
		return set_work(options, GATEMAP_DELETE);
	case 'r':
		return set_standing(options, GATEMAP_STANDING_REPLACE);
	case 'w':
		return set_standing(options, GATEMAP_STANDING_KEEP);
	case '?':
	case ':':
		return gp_program_bad_option(argv, option);
	default:
		return set_switch(options, option);
	}
}

static int check_together(const struct gatemap_options *options)
{
	if (options->standing != GATEMAP_STANDING_ERROR &&
	    options->work != GATEMAP_UPDATE)
		return gp_program_usage("-r and -w belong to -i");
	if (options->json && options->work != GATEMAP_QUERY &&
	    options->work != GATEMAP_LIST)
		return gp_program_usage("--json belongs to -q and -s");
	if (options->check_only && (options->work == GATEMAP_QUERY ||
				    options->work == GATEMAP_LIST))
		return gp_program_usage("--check does not go with -q and -s");
	if (options->force && options->work != GATEMAP_COMPILE)
		return gp_program_usage("--force is for compiling only");
	return 0;
}

/* postmap's "lmdb:FILE" is taken too. */
static int set_file(struct gatemap_options *options, struct gp_arena *arena,
		    const char *file)
{
	static const char *const others[] = {
		"btree:", "cdb:", "dbm:", "hash:", "sdbm:", "texthash:"
	};
	size_t len;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strncmp(file, others[i], strlen(others[i])) == 0)
			return gp_program_usage("%s: gatemap knows lmdb: "
						"only", file);
	}
	if (strncmp(file, "lmdb:", 5) == 0)
		file += 5;
	len = strlen(file);
	while (len > 1 && file[len - 1] == '/')
		len--;
	if (len > 5 && strncmp(file + len - 5, ".lmdb", 5) == 0)
		return gp_program_usage("%.*s is the name of a map: name the "
					"rules, %.*s", (int)len, file,
					(int)len - 5, file);
	if (len == 0 || strcmp(file, "-") == 0)
		return gp_program_usage("FILE must be the name of a file or "
					"folder: the map goes beside it");
	options->file = gp_arena_strndup(arena, file, len);
	options->map = gp_arena_printf(arena, "%s.lmdb", options->file);
	return 0;
}

static int read_arguments(struct gatemap_options *options,
			  struct gp_arena *arena, int argc, char *argv[])
{
	int option;
	int status = 0;

	opterr = 0;
	while (status == 0 &&
	       (option = getopt_long(argc, argv, ":q:sirwd:c:jopvV",
				     long_options, NULL)) != -1) {
		if (option == OPTION_HELP)
			exit(gp_program_help(help));
		if (option == 'V')
			exit(gp_program_version());
		status = set_option(options, argv, option);
	}
	if (status == 0)
		status = check_together(options);
	if (status != 0)
		return status;
	if (optind == argc)
		return gp_program_usage("FILE is missing");
	if (optind + 1 < argc)
		return gp_program_usage("one FILE at a time, please: %s",
					argv[optind + 1]);
	return set_file(options, arena, argv[optind]);
}

static int run(const struct gatemap_options *options)
{
	if (options->work == GATEMAP_QUERY || options->work == GATEMAP_LIST)
		gp_program_end_with_pipe();
	switch (options->work) {
	case GATEMAP_UPDATE:
		return gatemap_update(options);
	case GATEMAP_DELETE:
		return gatemap_delete(options);
	case GATEMAP_QUERY:
		return gatemap_query(options);
	case GATEMAP_LIST:
		return gatemap_list(options);
	default:
		return gatemap_compile(options);
	}
}

int main(int argc, char *argv[])
{
	struct gatemap_options options = { .work = GATEMAP_COMPILE };
	struct gp_arena *arena = gp_arena_new();
	struct gp_progress progress;
	int status;

	gp_program_init("gatemap");
	gp_progress_init(&progress);
	options.progress = &progress;
	status = read_arguments(&options, arena, argc, argv);
	if (status == 0)
		status = gp_configuration_load(options.config,
					       &options.settings);
	if (status == 0)
		status = run(&options);
	gp_settings_free(&options.settings);
	gp_arena_free(&arena);
	return status;
}
