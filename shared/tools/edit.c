/* gatepost edit: the editor works on a copy, for as long as it likes and
   without the lock, so that a panel's changes go on. When it is done the copy
   is compiled, compared with what is in force, and put in place if the rules
   are still the ones it was made from; else it is kept for its author. */

#include "shared/tools/gatepost.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/tools/change.h"
#include "shared/tools/compare.h"
#include "shared/tools/interrupt.h"
#include "shared/tools/options.h"
#include "shared/tools/program.h"
#include "shared/tools/setting.h"

static const char help[] =
"Usage: gatepost edit [OPTION]... [FILE]\n"
"Opens the rules in an editor ($VISUAL, $EDITOR, or vi), compiles what comes\n"
"out, shows what it changes for whom, and asks before it takes force. FILE is\n"
"one of the files of a rules folder.\n"
"\n"
"      --yes           put what compiles in force without asking\n"
"      --by NAME       who asks, for the journal\n"
"      --force         go on over what gatemap -i, -d did\n"
"  -j, --json          say what was done as one JSON object; needs --yes\n"
"  -c, --config FILE   gatepost.conf, or a folder with one\n"
"      --help          print this\n"
"\n"
"See gatepost(1).\n";

#define DIFFERENCES_SHOWN 40

struct editing {
	struct change_options options;
	const char *file;
	bool yes;
	bool json;
	/* The copy, in a folder of its own so that its name can be kept. */
	char folder[PATH_MAX];
	char copy[PATH_MAX + 256];
	/* The rules it was made from. */
	uint8_t made_from[32];
};

enum answer {
	ANSWER_EDIT,
	ANSWER_EXIT,
	ANSWER_YES,
	/* Nobody is there, or the terminal is gone. */
	ANSWER_NONE
};

static int set_by(void *context, const char *value)
{
	struct editing *editing = context;

	return change_take_by(&editing->options.by, value);
}

static int read_options(struct editing *editing, int argc, char *argv[])
{
	const struct gp_option known[] = {
		GP_OPTION_TEXT("config", 'c', &editing->options.config),
		GP_OPTION_VALUE("by", 0, set_by),
		GP_OPTION_FLAG("yes", 0, &editing->yes),
		GP_OPTION_FLAG("force", 0, &editing->options.force),
		GP_OPTION_FLAG("json", 'j', &editing->json),
	};
	int status = GP_OPTIONS_READ(known, editing, help, argc, argv);

	if (status != 0)
		return status;
	if (editing->json && !editing->yes)
		return gp_program_usage("--json asks nobody: it needs --yes");
	if (argc - optind > 1)
		return gp_program_usage("one FILE at a time, please");
	editing->file = argc - optind == 1 ? argv[optind] : NULL;
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* The file that is meant. */
static struct change_file *find_file(const struct editing *editing,
				     struct change *change, int *status_r)
{
	*status_r = 0;
	if (editing->file == NULL && change->count == 1)
		return &change->file[0];
	for (size_t i = 0; editing->file != NULL && i < change->count; i++) {
		if (strcmp(change->file[i].path, editing->file) == 0 ||
		    strcmp(base_name(change->file[i].path),
			   editing->file) == 0)
			return &change->file[i];
	}
	*status_r = EX_USAGE;
	if (editing->file == NULL)
		gp_program_error("which of the %zu files of %s?",
				 change->count, change->settings->rules);
	else
		gp_program_error("%s is no file of %s", editing->file,
				 change->settings->rules);
	for (size_t i = 0; i < change->count; i++)
		gp_program_error("  %s", base_name(change->file[i].path));
	return NULL;
}

static int failed(const char *path)
{
	int status = gp_program_exit_code(errno);

	gp_program_error("%s: %s", path, strerror(errno));
	return status;
}

static void remove_copy(struct editing *editing)
{
	unlink(editing->copy);
	if (rmdir(editing->folder) < 0 && errno == ENOTEMPTY)
		gp_program_warning("%s has more files, which stay",
				   editing->folder);
}

/* Half of the rules, for lack of room, would be edited as if they were all. */
static int fill_copy(const char *path, const struct gp_text *text)
{
	FILE *out = fopen(path, "wxe");
	bool whole;

	if (out == NULL)
		return failed(path);
	whole = fwrite(text->data, 1, text->len, out) == text->len;
	return fclose(out) == 0 && whole ? 0 : failed(path);
}

static bool make_folder(struct editing *editing, const char *parent)
{
	int len = snprintf(editing->folder, sizeof(editing->folder),
			   "%s/gatepost-XXXXXX", parent);

	if (len >= (int)sizeof(editing->folder)) {
		errno = ENAMETOOLONG;
		return false;
	}
	return mkdtemp(editing->folder) != NULL;
}

static int write_copy(struct editing *editing, struct gp_arena *arena,
		      const struct change_file *file)
{
	const char *folder = getenv("TMPDIR");
	int status;

	if (folder == NULL || folder[0] == '\0')
		folder = "/tmp";
	if (!make_folder(editing, folder))
		return failed(folder);
	snprintf(editing->copy, sizeof(editing->copy), "%s/%.200s",
		 editing->folder, base_name(file->path));
	gp_interrupt_say(gp_arena_printf(arena, "gatepost: your text is in "
					 "%s\n", editing->copy));
	status = fill_copy(editing->copy, &file->data);
	if (status != 0)
		remove_copy(editing);
	return status;
}

static int make_copy(struct editing *editing)
{
	struct change change;
	struct change_file *file;
	int status = change_begin(&editing->options, &change);

	if (status != 0)
		return status;
	file = find_file(editing, &change, &status);
	if (file != NULL) {
		memcpy(editing->made_from, change.before, 32);
		status = write_copy(editing, change.arena, file);
	}
	change_end(&change);
	return status;
}

/* ^C in the editor is the editor's, but the terminal sends it to both. */
static void block_keys(bool block)
{
	static struct sigaction interrupt, quit;
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGINT, block ? &ignore : &interrupt, block ? &interrupt :
		  NULL);
	sigaction(SIGQUIT, block ? &ignore : &quit, block ? &quit : NULL);
}

/* Through the shell, for "vim -n" is an editor too. The shell waits for it
   whatever is typed. */
static int run_editor(const struct editing *editing)
{
	const char *editor = getenv("VISUAL");
	int status;
	pid_t pid;

	if (editor == NULL || *editor == '\0')
		editor = getenv("EDITOR");
	if (editor == NULL || *editor == '\0')
		editor = "vi";
	fflush(NULL);
	block_keys(true);
	pid = fork();
	if (pid == 0) {
		char *command = NULL;

		block_keys(false);
		if (asprintf(&command, "trap : INT QUIT; %s \"$1\"",
			     editor) > 0)
			execl("/bin/sh", "sh", "-c", command, "sh",
			      editing->copy, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	block_keys(false);
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	gp_program_error("%s has failed; nothing was changed", editor);
	return EX_UNAVAILABLE;
}

static int read_copy(const struct editing *editing, struct gp_text *text)
{
	char piece[64 * 1024];
	FILE *in = fopen(editing->copy, "re");
	size_t got;
	int status = 0;

	if (in == NULL)
		return failed(editing->copy);
	gp_text_clear(text);
	while ((got = fread(piece, 1, sizeof(piece), in)) > 0)
		gp_text_add_mem(text, piece, got);
	if (ferror(in))
		status = failed(editing->copy);
	fclose(in);
	return status;
}

static enum answer ask(const char *question, bool may_take)
{
	char answer[16];

	for (;;) {
		printf("%s ", question);
		fflush(stdout);
		if (fgets(answer, sizeof(answer), stdin) == NULL)
			return ANSWER_NONE;
		if (answer[0] == 'e')
			return ANSWER_EDIT;
		if (answer[0] == 'x')
			return ANSWER_EXIT;
		if (answer[0] == 'y' && may_take)
			return ANSWER_YES;
	}
}

/* Begins a change with the copy in the file's place, compiled. Returns 0, or an
   exit code; *is_stale_r when the rules are no longer those it was made
   from. */
static int begin_with_copy(struct editing *editing, struct change *change,
			   bool *is_stale_r)
{
	struct change_file *file;
	int status = change_begin(&editing->options, change);

	if (status != 0)
		return status;
	file = find_file(editing, change, &status);
	*is_stale_r = file == NULL ||
		      memcmp(change->before, editing->made_from, 32) != 0;
	if (!*is_stale_r) {
		status = read_copy(editing, &file->now);
		file->changed = true;
		if (status == 0)
			status = change_compile(change);
	}
	if (*is_stale_r || status != 0)
		change_end(change);
	return status;
}

static int keep_copy(const struct editing *editing, const char *why)
{
	gp_program_error("%s; nothing was changed. Your text is in %s", why,
			 editing->copy);
	return EX_TEMPFAIL;
}

static int keep_stale_copy(const struct editing *editing)
{
	return keep_copy(editing, "the rules were changed by somebody else "
			 "meanwhile");
}

static int commit(const struct editing *editing, struct change *change)
{
	json_t *entry = json_object();
	int status;

	change->keys = change_keys_of_files(change);
	json_object_set_new(entry, "command", json_string("edit"));
	json_object_set_new(entry, "texts", change_texts(change));
	status = change_commit(change, entry);
	if (status != 0)
		return status;
	if (editing->json) {
		setting_print_json(change);
		return gp_program_finish(EX_OK);
	}
	printf("change %" JSON_INTEGER_FORMAT " is in force; sessions that are "
	       "open stay open\n\"gatepost kick\" ends those that would be "
	       "refused now\n", change->id);
	return gp_program_finish(EX_OK);
}

/* Against what is in force; against nothing where no map is. */
static void show_effect(const struct change *change)
{
	struct compare_options how = {
		.now = gp_time_now(), .max = DIFFERENCES_SHOWN
	};
	struct compare_result result;
	const char *error;

	if (change->old == NULL) {
		printf("there is no map in force yet\n");
		return;
	}
	if (compare_rules(change->old, gp_image_source(change->image), &how,
			  &result, &error) < 0) {
		gp_program_warning("what it changes cannot be shown: %s",
				   error);
		return;
	}
	if (result.lines > DIFFERENCES_SHOWN)
		printf("... and %zu more\n",
		       result.lines - DIFFERENCES_SHOWN);
	compare_print_result(&result);
}

/* The copy compiles; shows what it does and lets the lock go before anybody is
   asked. */
static int review(struct editing *editing, enum answer *answer_r,
		  bool *is_any_r)
{
	struct change change;
	bool is_stale;
	int status = begin_with_copy(editing, &change, &is_stale);

	*is_any_r = true;
	if (status == EX_DATAERR) {
		*answer_r = editing->yes ? ANSWER_EXIT :
			ask("The rules do not compile: (e)dit again, e(x)it "
			    "without a change?", false);
		return *answer_r == ANSWER_EXIT ? EX_DATAERR : 0;
	}
	if (status != 0)
		return status;
	if (is_stale)
		return keep_stale_copy(editing);
	*is_any_r = change_is_any(&change) || !change_is_in_force(&change);
	if (*is_any_r && !editing->json)
		show_effect(&change);
	change_end(&change);
	*answer_r = editing->yes || !*is_any_r ? ANSWER_YES :
		ask("Put it in force: (y)es, (e)dit again, e(x)it without a "
		    "change?", true);
	return 0;
}

static int take_force(struct editing *editing)
{
	struct change change;
	bool is_stale;
	int status;

	/* The warnings were shown. */
	editing->options.quiet = true;
	status = begin_with_copy(editing, &change, &is_stale);
	if (status != 0)
		return status;
	if (is_stale)
		return keep_stale_copy(editing);
	status = commit(editing, &change);
	change_end(&change);
	return status;
}

static int edit_until_done(struct editing *editing)
{
	enum answer answer = ANSWER_EDIT;
	bool is_any = false;
	int status = 0;

	while (status == 0 && answer == ANSWER_EDIT) {
		status = run_editor(editing);
		if (status == 0)
			status = review(editing, &answer, &is_any);
	}
	if (status != 0)
		return status;
	if (answer == ANSWER_NONE)
		return keep_copy(editing, "nobody answers");
	if (answer == ANSWER_YES && is_any)
		return take_force(editing);
	if (editing->json)
		setting_print_json(NULL);
	else
		printf("nothing was changed\n");
	return gp_program_finish(EX_OK);
}

int gatepost_edit(int argc, char *argv[])
{
	struct editing editing = {
		.options = { .repairs = true, .follows_back = true }
	};
	int status = read_options(&editing, argc, argv);

	if (status == 0)
		status = make_copy(&editing);
	if (status != 0)
		return status;
	status = edit_until_done(&editing);
	if (status != EX_TEMPFAIL)
		remove_copy(&editing);
	return status;
}
