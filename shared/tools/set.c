/* gatepost set and unset: one edit, or many from standard input as one change.
   Lines from there are cut by the rules' own lexer, so that a panel writes them
   as it would write a rule. */

#include "shared/tools/gatepost.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/memory.h"
#include "shared/rules/lexer.h"
#include "shared/tools/program.h"
#include "shared/tools/setting.h"

static const char set_help[] =
"Usage: gatepost set [OPTION]... KEY ATTR=VALUE...\n"
"       gatepost set [OPTION]... -\n"
"Edits one rule where it stands in the rules file, and compiles. With \"-\"\n"
"standard input holds such lines, which are one change.\n"
"\n"
"      --until WHEN    let it end: 30d, 12h, 2w, 2027-03-01, RFC 3339\n"
"      --note TEXT     why\n"
"      --reset         for a domain: also take these attributes off its\n"
"                      mailboxes\n"
"      --only DOMAIN   refuse whatever is not DOMAIN or a mailbox of it\n"
"      --by NAME       who asks, for the journal\n"
"      --force         go on after \"back\" and over what gatemap -i, -d did\n"
"  -q, --quiet         errors only\n"
"  -j, --json          say what was done as one JSON object\n"
"  -c, --config FILE   gatepost.conf, or a folder with one\n"
"      --help          print this\n"
"\n"
"See gatepost(1).\n";

static const char unset_help[] =
"Usage: gatepost unset [OPTION]... KEY [ATTR]...\n"
"       gatepost unset [OPTION]... -\n"
"Takes attributes, or all of its rules, off a key, and compiles. mode=, from=\n"
"and until= say which of its rules is meant. With \"-\" standard input holds\n"
"such lines, which are one change.\n"
"\n"
"      --only DOMAIN   refuse whatever is not DOMAIN or a mailbox of it\n"
"      --by NAME       who asks, for the journal\n"
"      --force         go on after \"back\" and over what gatemap -i, -d did\n"
"  -q, --quiet         errors only\n"
"  -j, --json          say what was done as one JSON object\n"
"  -c, --config FILE   gatepost.conf, or a folder with one\n"
"      --help          print this\n"
"\n"
"See gatepost(1).\n";

struct work {
	const struct setting_options *options;
	struct change change;
	bool remove;
	struct gp_arena *arena;
	struct setting_edit *edits;
	size_t count;
	size_t size;
	/* How many found nothing to unset. */
	size_t missed;
	int status;
};

static void add_edit(struct work *work, const char *const *word, size_t count)
{
	const struct setting_options *options = work->options;
	const char **all = gp_arena_alloc(work->arena, (count + 2) *
					  sizeof(*all));
	struct setting_edit *edit;
	size_t words = 0;

	for (size_t i = 1; i < count; i++)
		all[words++] = word[i];
	if (options->until != NULL)
		all[words++] = gp_arena_printf(work->arena, "until=%s",
					       options->until);
	if (options->note != NULL)
		all[words++] = gp_arena_printf(work->arena, "note=%s",
					       options->note);
	if (work->count == work->size) {
		work->size = gp_grow(work->size, work->count + 1);
		work->edits = gp_realloc(work->edits, work->size,
					 sizeof(*work->edits));
	}
	edit = &work->edits[work->count++];
	memset(edit, 0, sizeof(*edit));
	edit->edit = (struct edit) {
		.key = word[0], .word = all, .words = words,
		.remove = work->remove, .reset = options->reset,
		.now = gp_time_now()
	};
}

static void add_input_line(void *context, const struct gp_words *words)
{
	struct work *work = context;
	const char **word = gp_arena_alloc(work->arena, words->count *
					   sizeof(*word));

	if (words->bad)
		return;
	for (size_t i = 0; i < words->count; i++)
		word[i] = gp_arena_strndup(work->arena, words->word[i].text,
					   words->word[i].len);
	add_edit(work, word, words->count);
}

static int read_input(struct work *work)
{
	struct gp_diagnostics *diagnostics = gp_diagnostics_new();
	struct gp_lexer *lexer = gp_lexer_new(diagnostics, add_input_line,
					      work);
	static char piece[64 * 1024];
	struct gp_text text;
	ssize_t got;

	gp_diagnostics_name_file(diagnostics, 0, "stdin");
	gp_lexer_begin_file(lexer, 0);
	while ((got = read(STDIN_FILENO, piece, sizeof(piece))) != 0) {
		if (got > 0) {
			gp_lexer_feed(lexer, piece, (size_t)got);
		} else if (errno != EINTR) {
			gp_program_error("standard input: %s",
					 strerror(errno));
			work->status = EX_IOERR;
			break;
		}
	}
	gp_lexer_end_file(lexer);
	gp_lexer_free(&lexer);
	if (gp_diagnostics_errors(diagnostics) > 0) {
		gp_text_init(&text);
		gp_diagnostics_print(diagnostics, false, &text);
		gp_program_lines(text.data);
		gp_text_deinit(&text);
		work->status = EX_DATAERR;
	}
	gp_diagnostics_free(&diagnostics);
	return work->status;
}

static int check_scope(const struct work *work)
{
	for (size_t i = 0; i < work->count; i++) {
		const char *key = work->edits[i].edit.key;

		if (scope_has(&work->options->scope, key))
			continue;
		gp_program_error("%s lies outside of --only; nothing was "
				 "changed", key);
		return EX_NOPERM;
	}
	return 0;
}

static int apply_all(struct work *work)
{
	const char *error;

	for (size_t i = 0; i < work->count; i++) {
		struct setting_edit *edit = &work->edits[i];
		int done = edit_apply(&work->change, &edit->edit,
				      &edit->edited, &error);

		if (done < 0) {
			gp_program_error("%s: %s; nothing was changed",
					 edit->edit.key, error);
			return EX_DATAERR;
		}
		work->missed += done == 0;
	}
	return 0;
}

static int say_missed(const struct work *work)
{
	if (work->missed < work->count)
		return 0;
	if (!work->options->change.quiet)
		gp_program_error("%s: there is nothing to unset",
				 work->edits[0].edit.key);
	return GP_EXIT_NOT_FOUND;
}

static json_t *make_entry(const struct work *work)
{
	json_t *entry = json_object();

	json_object_set_new(entry, "command", json_string(
			    work->remove ? "unset" : "set"));
	if (work->options->reset)
		json_object_set_new(entry, "reset", json_true());
	return entry;
}

static int change_rules(struct work *work)
{
	int status = check_scope(work);

	if (status == 0)
		status = change_begin(&work->options->change, &work->change);
	if (status != 0)
		return status;
	status = apply_all(work);
	if (status == 0)
		status = say_missed(work);
	if (status == 0)
		status = setting_finish(&work->change, work->options,
					work->edits, work->count,
					make_entry(work));
	change_end(&work->change);
	return status;
}

static int read_operands(struct work *work, int argc, char *const argv[])
{
	if (argc == 0)
		return gp_program_usage("KEY is missing");
	if (strcmp(argv[0], "-") != 0) {
		add_edit(work, (const char *const *)argv, (size_t)argc);
		return 0;
	}
	if (argc > 1)
		return gp_program_usage("\"-\" stands alone: all keys come "
					"from standard input");
	if (read_input(work) == 0 && work->count == 0) {
		gp_program_error("standard input: there is no line");
		return EX_DATAERR;
	}
	return work->status;
}

static int run(int argc, char *argv[], bool remove)
{
	struct setting_options options;
	struct work work = { .options = &options, .remove = remove };
	int status = setting_read_options(&options, remove ? SETTING_UNSET :
					  SETTING_SET, remove ? unset_help :
					  set_help, argc, argv);

	if (status != 0)
		return status;
	work.arena = gp_arena_new();
	status = read_operands(&work, argc - optind, argv + optind);
	if (status == 0)
		status = change_rules(&work);
	free(work.edits);
	gp_arena_free(&work.arena);
	return status;
}

int gatepost_set(int argc, char *argv[])
{
	return run(argc, argv, false);
}

int gatepost_unset(int argc, char *argv[])
{
	return run(argc, argv, true);
}
