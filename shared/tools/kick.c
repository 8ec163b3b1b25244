/* gatepost kick. Rules judge logins; a session that is open goes on until it is
   ended here. doveadm ends sessions by name and address, so that another
   session of the same user at the same address, by another service, ends with
   it; its client simply connects again. */

#include "shared/tools/kick.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/map/reader.h"
#include "shared/tools/configuration.h"
#include "shared/tools/doveconf.h"
#include "shared/tools/gatepost.h"
#include "shared/tools/kick-report.h"
#include "shared/tools/options.h"
#include "shared/tools/program.h"
#include "shared/tools/run.h"

/* A large server has many sessions, and doveadm waits for its anvil. */
#define RUN_SECONDS 60
#define OUTPUT_MAX ((size_t)256 << 20)

static const char help[] =
"Usage: gatepost kick [OPTION]... [KEY]\n"
"Ends the open sessions of Dovecot that the rules would refuse now, of all\n"
"users or of KEY (a mailbox, a domain, .DOMAIN, or *).\n"
"\n"
"  -n, --dry-run              say which, and end none\n"
"  -u, --unsure               also those that are refused only if they are\n"
"                             not encrypted, or came in through a proxy:\n"
"                             what nobody knows of an open session\n"
"  -c, --config FILE          gatepost.conf, or a folder with one\n"
"      --dovecot-config FILE  dovecot.conf [as doveadm finds it]\n"
"  -j, --json                 one JSON object\n"
"      --help                 print this\n"
"\n"
"Exit status: 0 all were ended (or there was none), 69 some were not, 75 the\n"
"map is damaged, else as in sysexits.h. See gatepost(1).\n";

static int read_options(struct kick *kick, int argc, char *argv[])
{
	const struct gp_option known[] = {
		GP_OPTION_FLAG("dry-run", 'n', &kick->dry_run),
		GP_OPTION_FLAG("unsure", 'u', &kick->unsure),
		GP_OPTION_TEXT("config", 'c', &kick->config),
		GP_OPTION_TEXT("dovecot-config", 0, &kick->dovecot_config),
		GP_OPTION_FLAG("json", 'j', &kick->json),
	};

	return GP_OPTIONS_READ(known, kick, help, argc, argv);
}

static int read_key(struct kick *kick, int argc, char *const argv[])
{
	const char *error;

	if (argc > 1)
		return gp_program_usage("kick takes one KEY");
	if (argc == 0 || kick_filter_read(argv[0], &kick->filter, &error) == 0)
		return 0;
	return gp_program_usage("%s: %s", argv[0], error);
}

/* Runs PROGRAM [-c FILE] WORD... Returns 0, or an exit code with the message
   written. */
static int run(const struct kick *kick, const char *program,
	       const char *const words[], struct gp_run *run_r)
{
	const char *argv[12] = { program };
	const char *error;
	size_t argc = 1;

	if (kick->dovecot_config != NULL) {
		argv[argc++] = "-c";
		argv[argc++] = kick->dovecot_config;
	}
	while (*words != NULL)
		argv[argc++] = *words++;
	if (gp_run(argv, RUN_SECONDS, OUTPUT_MAX, run_r, &error) == 0)
		return 0;
	gp_program_error("%s: %s", program, error);
	return EX_UNAVAILABLE;
}

static int run_well(const struct kick *kick, const char *program,
		    const char *const words[], struct gp_run *run_r)
{
	int status = run(kick, program, words, run_r);

	if (status != 0 || run_r->status == 0)
		return status;
	gp_program_error("%s fails: %.*s", program,
			 (int)strcspn(run_r->errors.data, "\n"),
			 run_r->errors.data);
	gp_run_deinit(run_r);
	return EX_UNAVAILABLE;
}

static bool trusts_anybody(const struct gp_dove_block *block)
{
	for (; block != NULL; block = block->next) {
		if (*gp_dove_value_or(block, "login_trusted_networks",
				      "") != '\0' ||
		    trusts_anybody(block->blocks))
			return true;
	}
	return false;
}

/* Whether some hosts may name other addresses than their own. */
static int ask_for_trust(const struct kick *kick, bool *forwards_r)
{
	static const char *const words[] = { "-n", NULL };
	struct gp_doveconf conf;
	struct gp_run done;
	const char *error;
	int status = run_well(kick, "doveconf", words, &done);

	if (status != 0)
		return status;
	if (gp_doveconf_parse(done.output.data, done.output.len, kick->arena,
			      &conf, &error) < 0) {
		gp_program_error("what doveconf prints is not understood: %s",
				 error);
		status = EX_UNAVAILABLE;
	} else {
		*forwards_r = trusts_anybody(&conf.root);
	}
	gp_run_deinit(&done);
	return status;
}

static int ask_for_sessions(struct kick *kick)
{
	static const char *const words[] = {
		"-f", "tab", "who", "-1", NULL
	};
	struct gp_session *sessions;
	struct gp_run done;
	const char *error;
	int status = run_well(kick, "doveadm", words, &done);

	if (status != 0)
		return status;
	if (gp_who_parse(done.output.data, done.output.len, kick->arena,
			 &sessions, &kick->count, &error) < 0) {
		gp_program_error("what doveadm who prints is not understood: "
				 "%s", error);
		status = EX_UNAVAILABLE;
	} else {
		kick->rows = gp_arena_alloc(kick->arena, kick->count *
					    sizeof(*kick->rows));
		for (size_t i = 0; i < kick->count; i++)
			kick->rows[i].session = &sessions[i];
	}
	gp_run_deinit(&done);
	return status;
}

static bool is_wanted(const struct kick *kick, const struct gp_session *session,
		      const char *default_domain)
{
	struct gp_name name;
	const char *error;

	if (gp_name_parse(session->user, strlen(session->user),
			  default_domain, &name, &error) < 0)
		return kick->filter.kind == KICK_ALL;
	return kick_filter_has(&kick->filter, &name);
}

/* Nobody is kicked before everybody is judged. */
static int judge_all(struct kick *kick, struct kick_judge *judge)
{
	struct gp_verdict verdict;

	for (size_t i = 0; i < kick->count; i++) {
		struct kick_row *row = &kick->rows[i];

		if (!is_wanted(kick, row->session,
			       judge->source->default_domain))
			continue;
		gp_arena_reset(judge->scratch);
		row->answer = kick_judge_session(judge, row->session,
						 &verdict);
		if (row->answer == KICK_UNKNOWN) {
			gp_program_error("%s", verdict.error);
			return EX_TEMPFAIL;
		}
		if (row->answer != KICK_ALLOWED)
			kick_row_fill(kick, row, &verdict.finding);
		row->chosen = row->answer == KICK_REFUSED ||
			(row->answer == KICK_PERHAPS && kick->unsure);
	}
	return 0;
}

/* doveadm takes patterns, and would end other users' sessions. */
static const char *why_not(const struct gp_session *session)
{
	struct gp_address address;

	if (strpbrk(session->user, "*?") != NULL || *session->user == '-' ||
	    gp_address_parse(session->user, &address) == 0)
		return "doveadm would take this name for something else";
	return *session->ip == '\0' ?
		"Dovecot does not know its address" : NULL;
}

static bool is_same_target(const struct gp_session *a,
			   const struct gp_session *b)
{
	return strcmp(a->user, b->user) == 0 && strcmp(a->ip, b->ip) == 0;
}

/* One call ends all of the user's sessions at that address. */
static void mark_ended(struct kick *kick, const struct kick_row *row,
		       const char *failure)
{
	for (size_t i = 0; i < kick->count; i++) {
		struct kick_row *other = &kick->rows[i];

		if (!is_same_target(other->session, row->session))
			continue;
		other->tried = true;
		other->ended = failure == NULL;
		other->failure = failure;
	}
}

/* Exit status 68 says that there is no such session any more. */
#define DOVEADM_NOT_FOUND 68

static void end_session(struct kick *kick, const struct kick_row *row)
{
	const char *const words[] = {
		"kick", row->session->user, row->session->ip, NULL
	};
	const char *failure = why_not(row->session);
	struct gp_run done;

	if (failure == NULL && run(kick, "doveadm", words, &done) != 0)
		failure = "doveadm cannot be run";
	else if (failure == NULL) {
		/* 2.3 says so and exits with 0. */
		if (strncmp(done.output.data, "warning:", 8) == 0)
			failure = "its process serves other users, too";
		else if (done.status != 0 &&
			 done.status != DOVEADM_NOT_FOUND)
			failure = "doveadm kick fails";
		gp_run_deinit(&done);
	}
	mark_ended(kick, row, failure);
}

static int end_all(struct kick *kick)
{
	int status = 0;

	for (size_t i = 0; i < kick->count && !kick->dry_run; i++) {
		struct kick_row *row = &kick->rows[i];

		if (row->chosen && !row->tried)
			end_session(kick, row);
		if (row->chosen && row->failure != NULL)
			status = EX_UNAVAILABLE;
	}
	return status;
}

static int judge_by_map(struct kick *kick, struct gp_map *map)
{
	struct kick_judge judge = { .settings = kick->settings };
	const char *error;
	int status;

	judge.source = gp_map_source(map, &error);
	if (judge.source == NULL) {
		status = gp_program_exit_code(errno);
		gp_program_error("%s", error);
		return status;
	}
	judge.now = gp_time_now();
	if (judge.now < judge.source->compiled)
		judge.now = judge.source->compiled;
	status = ask_for_trust(kick, &judge.may_be_forwarded);
	if (status == 0)
		status = ask_for_sessions(kick);
	if (status != 0)
		return status;
	judge.scratch = gp_arena_new();
	status = judge_all(kick, &judge);
	gp_arena_free(&judge.scratch);
	return status;
}

static int kick_by_map(struct kick *kick)
{
	struct gp_map *map = gp_map_new(kick->settings->map,
					kick->settings->map_owner_uid);
	int status = judge_by_map(kick, map);

	if (status == 0) {
		status = end_all(kick);
		kick_print(kick);
	}
	gp_map_free(&map);
	return status;
}

int gatepost_kick(int argc, char *argv[])
{
	struct kick kick = { .config = NULL };
	int status = read_options(&kick, argc, argv);

	if (status == 0)
		status = read_key(&kick, argc - optind, argv + optind);
	if (status == 0)
		status = gp_configuration_load(kick.config, &kick.settings);
	if (status != 0)
		return status;
	gp_run_prepare();
	kick.arena = gp_arena_new();
	status = gp_program_finish(kick_by_map(&kick));
	gp_arena_free(&kick.arena);
	gp_settings_free(&kick.settings);
	return status;
}
