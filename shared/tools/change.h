#ifndef GP_TOOLS_CHANGE_H
#define GP_TOOLS_CHANGE_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include "shared/base/newfile.h"
#include "shared/map/image.h"
#include "shared/map/reader.h"
#include "shared/settings/settings.h"
#include "shared/tools/input.h"
#include "shared/tools/journal.h"
#include "shared/tools/ruletext.h"

/* One change of the rules: read under the writers' lock, edited in memory,
   compiled, and only then made visible, rules file and map together. */

struct change_file {
	/* As it is shown, and as it is found. */
	const char *path;
	char real[PATH_MAX];
	struct stat st;
	struct gp_text data;
	struct gp_ruletext *text;
	/* What it is to be. */
	struct gp_text now;
	bool changed;
	/* The new file, before it is in place. */
	struct gp_newfile new;
};

struct change_options {
	const char *config;
	/* Who asks; NULL: find out. */
	const char *by;
	bool quiet;
	bool force;
	/* May come after "back". */
	bool follows_back;
	/* Does without the words of rules that may be broken, and says all that
	   the compiler says. */
	bool repairs;
};

struct change {
	const struct change_options *options;
	struct gp_settings *settings;
	struct gp_arena *arena;
	struct gp_progress progress;
	struct gp_input *input;
	struct change_file *file;
	size_t count;
	struct gp_journal *journal;
	const char *by;
	int lock;
	/* What the files say, and will say. */
	uint8_t before[32];
	uint8_t after[32];
	/* What is in force; NULL where there is no map that can be read. */
	struct gp_map *map;
	const struct gp_source *old;
	/* After change_compile(). */
	struct gp_image *image;
	json_t *keys;
	/* After change_commit(). */
	json_int_t id;
};

/* The journal's path of those settings: beside the rules unless another is
   named. */
const char *change_journal_path(const struct gp_settings *settings,
				struct gp_arena *arena);
/* Takes the name that was given for who asks. Returns 0, or an exit code with
   the message written. */
int change_take_by(const char **by, const char *value);
/* Who runs this: the name given, else that of sudo(8), else the user's. */
const char *change_who(const char *by, struct gp_arena *arena);

/* What every entry of the journal has: the number that is next, and the time. */
json_int_t change_next_id(struct gp_journal *journal);
json_t *change_time_now(void);

/* Takes the lock, reads the rules, and completes what an interrupted change
   left behind. Returns 0, or an exit code with the message written. */
int change_begin(const struct change_options *options, struct change *change);
void change_end(struct change *change);

/* Files are to be as their edited texts say (file.text), or as file.now says
   where changed is set already. Compiles them in memory. Returns 0, or an exit
   code with the message written: then nothing has changed. */
int change_compile(struct change *change);
/* Whether the map in force was compiled from the rules as they were read. */
bool change_is_in_force(const struct change *change);
/* True when a file differs from what it was. */
bool change_is_any(const struct change *change);
/* Makes it visible. entry is for the journal, which takes it; what was before
   and after is added here. Returns 0, or an exit code with the message
   written: then files and map are as they were. */
int change_commit(struct change *change, json_t *entry);

/* The keys that differ, with their lines before and after: an array for the
   journal. */
json_t *change_keys(struct change *change);
/* The same for files that were replaced as a whole. */
json_t *change_keys_of_files(const struct change *change);
/* What was done to their texts, for the journal; NULL when it is too much. */
json_t *change_texts(const struct change *change);

/* Makes each of the journal's keys what it was ("before") or was to be
   ("after"). Those that are neither this nor that are left alone and counted.
   Returns 0, or -1 when a file is no longer there. */
int change_restore(struct change *change, const json_t *keys, bool forward,
		   size_t *strangers_r, const char **stranger_r);
/* Whether the rules are byte for byte as that change left them. */
bool change_is_untouched(const struct change *change, const json_t *entry);
/* Then the texts can be made what they were before it, comments and all.
   Returns 0, or -1 when the journal has them not: then nothing was done. */
int change_restore_texts(struct change *change, const json_t *texts);

#endif
