/* The moment at which a change becomes visible: called by the map's writer when
   the new map is whole and checked. From the journal's line to the map's rename
   no signal is let in but SIGKILL. */

#include "shared/tools/change-files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/map/error.h"
#include "shared/tools/gatemap.h"
#include "shared/tools/program.h"

struct moment {
	struct change *change;
	json_t *entry;
	/* The files are in place. */
	bool reached;
	sigset_t mask;
};

void change_digest_text(const uint8_t digest[32], char text_r[65])
{
	for (size_t i = 0; i < 32; i++)
		sprintf(text_r + 2 * i, "%02x", digest[i]);
}

bool change_is_in_force(const struct change *change)
{
	return change->old != NULL && !gp_map_meta(change->map)->changed &&
	       memcmp(gp_map_meta(change->map)->source_sha256,
		      change->before, 32) == 0;
}

json_t *change_time_now(void)
{
	char storage[64];
	struct gp_text text;

	gp_text_init_fixed(&text, storage, sizeof(storage));
	gp_time_print(gp_time_now(), &text);
	return json_string(text.data);
}

int change_end_entry(struct change *change, json_int_t id, const char *state)
{
	json_t *object = json_object();
	const char *error;
	int status;

	json_object_set_new(object, "id", json_integer(id));
	json_object_set_new(object, "state", json_string(state));
	json_object_set_new(object, "time", change_time_now());
	if (gp_journal_add(change->journal, object, &error) == 0)
		return 0;
	status = gp_program_exit_code(errno);
	gp_program_error("%s", error);
	return status;
}

static void sync_folder(const char *real)
{
	char folder[PATH_MAX];
	int fd;

	snprintf(folder, sizeof(folder), "%s", real);
	fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		gp_program_warning("cannot sync %s: %s", folder,
				   strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* Has the file look as it did before this change. */
static void take_back(struct change_file *file)
{
	struct gp_text now = file->now;

	file->now = file->data;
	if (change_file_prepare(file) != 0 ||
	    gp_newfile_place(&file->new, file->real) < 0)
		gp_program_error("%s could not be put back and has the new "
				 "rules, which are not in force: run gatemap, "
				 "or gatepost undo", file->path);
	gp_newfile_close(&file->new);
	file->now = now;
}

static void take_back_before(struct change *change, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (change->file[i].changed)
			take_back(&change->file[i]);
	}
}

static int place_files(struct change *change, const char **error_r)
{
	for (size_t i = 0; i < change->count; i++) {
		struct change_file *file = &change->file[i];
		int error;

		if (!file->changed)
			continue;
		if (gp_newfile_place(&file->new, file->real) == 0) {
			gp_newfile_close(&file->new);
			sync_folder(file->real);
			continue;
		}
		error = errno;
		take_back_before(change, i);
		errno = error;
		return gp_map_error(error_r, "%s: %s", file->path,
				    strerror(error));
	}
	return 0;
}

static void block_signals(struct moment *moment)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &moment->mask);
}

static int before_visible(void *context, const char **error_r)
{
	struct moment *moment = context;
	struct change *change = moment->change;
	const char *error;

	block_signals(moment);
	if (moment->entry != NULL &&
	    gp_journal_add(change->journal, json_incref(moment->entry),
			   &error) < 0)
		return gp_map_error(error_r, "%s", error);
	if (place_files(change, &error) < 0)
		return gp_map_error(error_r, "%s", error);
	moment->reached = true;
	return 0;
}

static int prepare_files(struct change *change)
{
	int status = 0;

	for (size_t i = 0; i < change->count && status == 0; i++) {
		if (change->file[i].changed)
			status = change_file_prepare(&change->file[i]);
	}
	return status;
}

static int write_map(struct change *change, struct moment *moment)
{
	struct gatemap_options options = {
		.file = change->settings->rules,
		.map = change->settings->map,
		.settings = change->settings,
		.progress = &change->progress,
		.force = change->options->force,
		.quiet = change->options->quiet,
		.before_visible = before_visible,
		.context = moment,
	};
	int status = gatemap_check_losses(&options, change->image);

	return status != 0 ? status :
	       gatemap_write(&options, change->image, false);
}

int change_make_visible(struct change *change, json_t *entry)
{
	struct moment moment = { .change = change, .entry = entry };
	int status = prepare_files(change);

	sigprocmask(SIG_BLOCK, NULL, &moment.mask);
	if (status == 0)
		status = write_map(change, &moment);
	if (status != 0 && moment.reached)
		take_back_before(change, change->count);
	if (status == 0 && entry != NULL)
		(void)change_end_entry(change, json_integer_value(
				       json_object_get(entry, "id")), "done");
	sigprocmask(SIG_SETMASK, &moment.mask, NULL);
	return status;
}

json_int_t change_next_id(struct gp_journal *journal)
{
	json_t *last;
	json_int_t id = 0;

	gp_journal_rewind(journal);
	while (id == 0 && (last = gp_journal_previous(journal)) != NULL) {
		id = json_integer_value(json_object_get(last, "id"));
		json_decref(last);
	}
	return id + 1;
}

static void set_digest(json_t *entry, const char *name,
		       const uint8_t digest[32])
{
	char text[65];

	change_digest_text(digest, text);
	json_object_set_new(entry, name, json_string(text));
}

static void complete_entry(struct change *change, json_t *entry)
{
	const char *sudo = getenv("SUDO_USER");

	change->id = change_next_id(change->journal);
	json_object_set_new(entry, "id", json_integer(change->id));
	json_object_set_new(entry, "time", change_time_now());
	json_object_set_new(entry, "by", json_string(change->by));
	json_object_set_new(entry, "uid", json_integer(getuid()));
	if (sudo != NULL && gp_journal_is_text(sudo, strlen(sudo)))
		json_object_set_new(entry, "sudo_user", json_string(sudo));
	set_digest(entry, "rules_before", change->before);
	set_digest(entry, "rules_after", change->after);
	json_object_set(entry, "keys", change->keys);
}

int change_commit(struct change *change, json_t *entry)
{
	int status;

	if (change->keys == NULL)
		change->keys = change_keys(change);
	complete_entry(change, entry);
	status = change_make_visible(change, entry);
	json_decref(entry);
	return status;
}
