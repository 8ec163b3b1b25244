/* gatepost undo: a change of its own, made from what the journal says stood
   before. It is refused as a whole when one of its keys was changed since,
   because what was done then knew the lines that stood there. */

#include "shared/tools/gatepost.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/tools/history.h"
#include "shared/tools/program.h"
#include "shared/tools/setting.h"

static const char help[] =
"Usage: gatepost undo [OPTION]... [N]\n"
"Makes the rules what they were before change N, where its keys still stand\n"
"as it left them. Without N, shows your last change and asks.\n"
"\n"
"      --yes           do not ask\n"
"      --only DOMAIN   refuse whatever is not DOMAIN or a mailbox of it\n"
"      --by NAME       who asks, for the journal\n"
"      --force         go on over changes of gatemap -i, -d\n"
"  -q, --quiet         errors only\n"
"  -j, --json          say what was done as one JSON object\n"
"  -c, --config FILE   gatepost.conf, or a folder with one\n"
"      --help          print this\n"
"\n"
"See gatepost(1).\n";

static bool has_something(const json_t *entry)
{
	return json_array_size(json_object_get(entry, "keys")) > 0 ||
	       json_array_size(json_object_get(entry, "texts")) > 0;
}

/* The change of that number or, for 0, the caller's last. */
static json_t *find_entry(struct change *change, json_int_t id,
			  const struct scope *scope)
{
	struct history history;
	json_t *entry;

	history_init(&history, change->journal);
	while ((entry = history_previous(&history)) != NULL) {
		bool done = strcmp(history_text(entry, "state"), "done") == 0;

		if (id != 0 ? json_integer_value(json_object_get(entry,
								 "id")) == id :
		    done && has_something(entry) &&
		    history_is_within(entry, scope) &&
		    strcmp(history_text(entry, "by"), change->by) == 0)
			break;
		json_decref(entry);
	}
	history_deinit(&history);
	return entry;
}

static bool ask(const json_t *entry)
{
	char answer[16];

	history_print(entry);
	printf("undo this? (yes/no) ");
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) != NULL &&
	       (answer[0] == 'y' || answer[0] == 'Y');
}

static int check_entry(const json_t *entry,
		       const struct setting_options *options)
{
	if (strcmp(history_text(entry, "state"), "done") != 0) {
		gp_program_error("nothing of this change was done");
		return EX_DATAERR;
	}
	if (!has_something(entry)) {
		gp_program_error("this change (%s) has no rule that could be "
				 "undone", history_text(entry, "command"));
		return EX_DATAERR;
	}
	if (!history_is_within(entry, &options->scope)) {
		gp_program_error("this change lies outside of --only; nothing "
				 "was changed");
		return EX_NOPERM;
	}
	return 0;
}

/* The texts of an edit, while they are as it left them. Whoever may touch one
   domain only does without: comments are nobody's. */
static bool restore_texts(struct change *change,
			  const struct setting_options *options,
			  const json_t *entry)
{
	if (options->scope.count > 0 || !change_is_untouched(change, entry) ||
	    change_restore_texts(change, json_object_get(entry, "texts")) < 0)
		return false;
	change->keys = change_keys_of_files(change);
	return true;
}

static int restore(struct change *change,
		   const struct setting_options *options, const json_t *entry)
{
	const char *stranger = NULL;
	size_t strangers;

	if (restore_texts(change, options, entry))
		return 0;
	if (change_restore(change, json_object_get(entry, "keys"), false,
			   &strangers, &stranger) < 0) {
		gp_program_error("a file of this change is no longer there; "
				 "nothing was changed");
		return EX_DATAERR;
	}
	if (strangers == 0)
		return 0;
	gp_program_error("%s was changed since; nothing was changed. See "
			 "\"gatepost history %s\"", stranger, stranger);
	return EX_DATAERR;
}

static int undo_entry(struct change *change,
		      const struct setting_options *options,
		      const json_t *entry)
{
	json_t *made;
	int status = check_entry(entry, options);

	if (status == 0)
		status = restore(change, options, entry);
	if (status != 0)
		return status;
	made = json_object();
	json_object_set_new(made, "command", json_string("undo"));
	json_object_set(made, "undoes", json_object_get(entry, "id"));
	if (change->keys != NULL)
		json_object_set_new(made, "texts", change_texts(change));
	return setting_finish(change, options, NULL, 0, made);
}

static int say_none(const struct change *change, json_int_t id)
{
	if (id != 0)
		gp_program_error("there is no change %" JSON_INTEGER_FORMAT,
				 id);
	else
		gp_program_error("the journal has no change of %s's",
				 change->by);
	return GP_EXIT_NOT_FOUND;
}

/* The caller's last change. Nobody waits for the lock while he thinks. */
static int choose(struct setting_options *options, json_int_t *id_r)
{
	struct change change;
	json_t *entry;
	int status = change_begin(&options->change, &change);

	if (status != 0)
		return status;
	entry = find_entry(&change, 0, &options->scope);
	if (entry == NULL)
		status = say_none(&change, 0);
	change_end(&change);
	if (entry == NULL)
		return status;
	*id_r = json_integer_value(json_object_get(entry, "id"));
	if (!options->yes && !ask(entry))
		status = GP_EXIT_NOT_FOUND;
	json_decref(entry);
	return status;
}

static int undo(struct setting_options *options, json_int_t id)
{
	struct change change;
	json_t *entry;
	int status = change_begin(&options->change, &change);

	if (status != 0)
		return status;
	entry = find_entry(&change, id, &options->scope);
	status = entry == NULL ? say_none(&change, id) :
		 undo_entry(&change, options, entry);
	json_decref(entry);
	change_end(&change);
	return status;
}

int gatepost_undo(int argc, char *argv[])
{
	struct setting_options options;
	json_int_t id = 0;
	char *end;
	int status = setting_read_options(&options, SETTING_UNDO, help, argc,
					  argv);

	if (status != 0)
		return status;
	if (argc - optind > 1)
		return gp_program_usage("one change at a time, please");
	if (argc - optind == 1) {
		errno = 0;
		id = strtoll(argv[optind], &end, 10);
		if (id <= 0 || *end != '\0' || errno != 0)
			return gp_program_usage("%s: this is no number of a "
						"change", argv[optind]);
	}
	options.change.follows_back = true;
	status = id == 0 ? choose(&options, &id) : 0;
	return status != 0 ? status : undo(&options, id);
}
