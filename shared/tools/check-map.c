/* Settings, rules, map and summary: what stands on the disk, and whether it is
   what the rules say now. */

#include "shared/tools/check.h"

#include <dirent.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/map/summary.h"
#include "shared/tools/compile.h"

static const char *run_gatemap(const struct check *check)
{
	return gp_arena_printf(check->arena, "gatemap %s",
			       check->settings->rules);
}

/* The file's name, or that of the folder with it. */
static const char *find_conf(const struct check *check)
{
	const char *named = check->options->config;
	const char *path = named != NULL ? named : GP_SETTINGS_PATH;
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return gp_arena_printf(check->arena, "%s/gatepost.conf", path);
	return path;
}

bool check_settings(struct check *check)
{
	char *error = NULL;

	check->conf = find_conf(check);
	if (gp_settings_load(check->conf, GP_SETTINGS_STOP, &check->settings,
			     &error) == 0)
		return true;
	error[strcspn(error, "\n")] = '\0';
	check_add(check, "settings", error, "Dovecot's door defers every "
		  "login, and gatepost-policyd does not start; nothing else "
		  "was checked", "what the message says; an empty file stands "
		  "for the defaults of all settings");
	free(error);
	return false;
}

static const char *folder_of(const struct check *check, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return ".";
	return slash == path ? "/" :
	       gp_arena_strndup(check->arena, path, (size_t)(slash - path));
}

static void check_open_to_all(struct check *check, const char *path)
{
	if (!check_is_open_to_all(path))
		return;
	check_add(check, "files-open",
		  gp_arena_printf(check->arena, "%s: everybody on this host "
				  "may write to it", path),
		  "everybody on this host can change who may log in",
		  gp_arena_printf(check->arena, "chmod o-w %s", path));
}

/* The files in a folder of rules. */
static void check_open_files(struct check *check, const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			check_open_to_all(check,
				gp_arena_printf(check->arena, "%s/%s", folder,
						entry->d_name));
	}
	closedir(dir);
}

/* The rules may be another user's (a panel's). */
static void check_owner(struct check *check, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0 || st.st_uid == 0 ||
	    st.st_uid == check->settings->map_owner_uid ||
	    st.st_uid == geteuid())
		return;
	check_add(check, "files-owner",
		  gp_arena_printf(check->arena, "%s belongs to neither root "
				  "nor map_owner", path),
		  "its owner can put other settings, or another map, in the "
		  "place of these",
		  gp_arena_printf(check->arena, "chown root %s", path));
}

static void check_files(struct check *check)
{
	const struct gp_settings *settings = check->settings;
	const char *conf_folder = folder_of(check, check->conf);
	const char *rules_folder = folder_of(check, settings->rules);
	const char *map_folder = folder_of(check, settings->map);

	check_open_to_all(check, check->conf);
	check_open_to_all(check, settings->rules);
	check_open_files(check, settings->rules);
	check_open_to_all(check, conf_folder);
	if (strcmp(rules_folder, conf_folder) != 0)
		check_open_to_all(check, rules_folder);
	if (strcmp(map_folder, conf_folder) != 0 &&
	    strcmp(map_folder, rules_folder) != 0)
		check_open_to_all(check, map_folder);
	check_owner(check, check->conf);
	check_owner(check, map_folder);
}

static void check_damage(struct check *check)
{
	const char *error;

	if (gp_map_verify(check->map, &error) == 0)
		return;
	check_add(check, "map-damaged", error, "logins that its damaged "
		  "records bear on are deferred", run_gatemap(check));
}

static void check_settings_of_map(struct check *check)
{
	const struct gp_settings *settings = check->settings;
	const char *name;

	if (strcmp(check->source->default_domain,
		   settings->default_domain) != 0)
		name = "default_domain";
	else if (strcmp(check->source->recipient_delimiter,
			settings->recipient_delimiter) != 0)
		name = "recipient_delimiter";
	else
		return;
	check_add(check, "map-settings",
		  gp_arena_printf(check->arena, "%s: %s is another one than "
				  "when the map was compiled", check->conf,
				  name),
		  "the doors take it from the map: the new one does not count",
		  run_gatemap(check));
}

static void check_changes(struct check *check)
{
	if (!gp_map_meta(check->map)->changed)
		return;
	check_add(check, "map-changed",
		  gp_arena_printf(check->arena, "%s was changed by gatemap -i "
				  "or -d after it was compiled",
				  check->settings->map),
		  "the rules file does not say what is in force, and what was "
		  "changed is lost when it is compiled with --force",
		  gp_arena_printf(check->arena, "gatemap -s %s\nand put what "
				  "is missing into %s", check->settings->rules,
				  check->settings->rules));
}

static void check_clock(struct check *check)
{
	struct gp_text what;

	if (check->source->compiled <= gp_time_now())
		return;
	gp_text_init(&what);
	gp_text_addf(&what, "%s was compiled at ", check->settings->map);
	gp_time_print(check->source->compiled, &what);
	gp_text_add(&what, ", which this host's clock has not reached");
	check_add_text(check, "clock", &what, "\"from\" and \"until\" count "
		       "by the map's time as long as the clock is behind it",
		       "the right time: timedatectl set-ntp true");
	gp_text_deinit(&what);
}

static void add_stale(struct check *check)
{
	struct gp_text what;

	gp_text_init(&what);
	gp_text_addf(&what, "%s has been changed since it was compiled at ",
		     check->settings->rules);
	gp_time_print(check->source->compiled, &what);
	check_add_text(check, "map-old", &what, "the changes are not in force",
		       run_gatemap(check));
	gp_text_deinit(&what);
}

/* Compiles in memory; the compiler's messages go to standard error. */
static void check_source_of_map(struct check *check)
{
	struct gp_progress progress;
	const struct gp_compile_options options = {
		.settings = check->settings, .progress = &progress,
		.quiet = true,
	};
	const struct gp_map_meta *meta;
	struct gp_image *image;
	struct gp_input *input;
	uint8_t sha256[32];
	int status = gp_input_open(check->settings->rules, &input);

	gp_progress_init(&progress);
	if (status == 0) {
		status = gp_compile(input, &options, &image, sha256);
		gp_input_free(&input);
	}
	if (status != 0) {
		check_add(check, "rules",
			  gp_arena_printf(check->arena, "%s cannot be "
					  "compiled (see standard error)",
					  check->settings->rules),
			  "no change of the rules can be put in force",
			  gp_arena_printf(check->arena, "gatemap --check %s\n"
					  "and what its messages say",
					  check->settings->rules));
		return;
	}
	gp_image_free(&image);
	meta = gp_map_meta(check->map);
	if (memcmp(meta->source_sha256, sha256, sizeof(sha256)) != 0)
		add_stale(check);
}

static void check_summary(struct check *check)
{
	unsigned char bytes[GP_SUMMARY_MAX], wanted[GP_SUMMARY_MAX];
	struct gp_summary summary;
	char name[PATH_MAX];
	const char *error, *what = NULL;
	size_t len;

	gp_summary_name(check->settings->map, name, sizeof(name));
	if (gp_summary_make(check->source, check->arena, &summary,
			    &error) < 0)
		return;
	len = gp_summary_encode(&summary, wanted);
	if (gp_summary_read(name, bytes, &summary) < 0)
		what = "is missing or damaged";
	else if (memcmp(bytes, wanted, len) != 0)
		what = "does not say what the map says";
	if (what == NULL)
		return;
	check_add(check, "summary",
		  gp_arena_printf(check->arena, "%s %s", name, what),
		  "clients without TLS are asked for passwords that no rule "
		  "accepts, or not asked for those that a rule does",
		  run_gatemap(check));
}

static void check_policyd_user(struct check *check)
{
	const char *user = check->options->policyd_user;
	const char *map = check->settings->map;

	if (getpwnam(user) == NULL)
		check_add(check, "policyd-user",
			  gp_arena_printf(check->arena, "there is no user %s",
					  user),
			  "gatepost-policyd does not start, and the "
			  "submission services answer 451 to every mail",
			  "adduser --system --group --no-create-home "
			  "gatepost");
	else if (!check_may_read(map, user, ""))
		check_add(check, "policyd-map",
			  gp_arena_printf(check->arena, "%s: the user %s may "
					  "not read it", map, user),
			  "gatepost-policyd goes on with the map that it had "
			  "when it started as root, or defers every "
			  "submission",
			  gp_arena_printf(check->arena, "chgrp gatepost %s; "
					  "chmod 0640 %s", map, map));
}

void check_map(struct check *check)
{
	const struct gp_settings *settings = check->settings;
	const char *error;

	check_files(check);
	check->map = gp_map_new(settings->map, settings->map_owner_uid);
	check->source = gp_map_source(check->map, &error);
	if (check->source == NULL) {
		check_add(check, "map", error, "every login is deferred by a "
			  "server that has no older map in memory",
			  run_gatemap(check));
		return;
	}
	check_damage(check);
	check_settings_of_map(check);
	check_changes(check);
	check_clock(check);
	check_source_of_map(check);
	check_summary(check);
	if (!check->options->no_postfix)
		check_policyd_user(check);
}
