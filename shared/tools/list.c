/* gatepost list: a walk over the keys in the order of the map, where a domain
   and its mailboxes lie side by side, row by row as they come. What a row says
   holds for the name comes from the resolution; its marks compare that with
   what would hold without the key's own lines. */

#include "shared/tools/gatepost.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/rules/key.h"
#include "shared/rules/parse.h"
#include "shared/rules/print.h"
#include "shared/tools/configuration.h"
#include "shared/tools/list.h"
#include "shared/tools/names.h"
#include "shared/tools/options.h"
#include "shared/tools/program.h"
#include "shared/tools/rulebook.h"
#include "shared/tools/ruletext.h"

static const char help[] =
"Usage: gatepost list [OPTION]... [KEY]...\n"
"Lists what the rules say of each mailbox and domain they name, resolved,\n"
"with a mark where a key is restricted or has an exception, and why. A domain\n"
"as KEY means its mailboxes too.\n"
"\n"
"      --restricted      only where something is off, limited to networks, or\n"
"                        stricter than around the key\n"
"      --exceptions      only where something is laxer than around the key\n"
"      --trials          only where a trial would refuse more\n"
"      --expiring DAYS   only what ends within so many days\n"
"      --service NAME    only marks of this service\n"
"      --profile NAME    only keys that take this profile\n"
"      --csv             comma-separated values\n"
"  -j, --json            one JSON object a line\n"
"  -m, --map MAP         the compiled map [the one of gatepost.conf]\n"
"  -f, --file RULES      a rules file, or a folder of them\n"
"  -c, --config FILE     gatepost.conf, or a folder with one\n"
"      --help            print this\n"
"\n"
"Several of the filters: what meets all of them. See gatepost(1).\n";

struct list {
	const char *map;
	const char *file;
	const char *config;
	enum list_format format;
	bool restricted;
	bool exceptions;
	bool trials;
	/* -1: not asked for. */
	int64_t expiring;
	/* Which attributes make marks. */
	uint32_t attrs;
	const char *profile;
	int64_t profile_number;
	const char *rules;
	const struct gp_source *source;
	int64_t now;
	struct gp_arena *scratch;
	/* The domain that is listed; empty: all. */
	char domain[GP_KEY_MAX];
	size_t domain_len;
	size_t rows;
	const char *error;
};

static int set_service(void *context, const char *value)
{
	struct list *list = context;
	int service = gp_service_from_name(value, strlen(value));

	if (service < 0)
		return gp_program_usage("--service %s: write imap, pop3, "
					"submission, sieve or webmail",
					value);
	list->attrs = GP_ATTR_BIT(service);
	return 0;
}

static int set_expiring(void *context, const char *value)
{
	struct list *list = context;
	char *end;
	long days = strtol(value, &end, 10);

	if (end == value || *end != '\0' || days < 0 || days > 100000)
		return gp_program_usage("--expiring %s: a number of days, "
					"please", value);
	list->expiring = days * INT64_C(86400);
	return 0;
}

static int set_csv(void *context, const char *value)
{
	struct list *list = context;

	(void)value;
	list->format = LIST_CSV;
	return 0;
}

static int set_json(void *context, const char *value)
{
	struct list *list = context;

	(void)value;
	list->format = LIST_JSON;
	return 0;
}

static int read_options(struct list *list, int argc, char *argv[])
{
	const struct gp_option known[] = {
		GP_OPTION_FLAG("restricted", 0, &list->restricted),
		GP_OPTION_FLAG("exceptions", 0, &list->exceptions),
		GP_OPTION_FLAG("trials", 0, &list->trials),
		GP_OPTION_VALUE("expiring", 0, set_expiring),
		GP_OPTION_VALUE("service", 0, set_service),
		GP_OPTION_TEXT("profile", 0, &list->profile),
		GP_OPTION_CALL("csv", 0, set_csv),
		GP_OPTION_CALL("json", 'j', set_json),
		RULEBOOK_OPTIONS(list),
		GP_OPTION_TEXT("config", 'c', &list->config),
	};
	int status = GP_OPTIONS_READ(known, list, help, argc, argv);

	return status != 0 ? status :
	       rulebook_check_options(list->map, list->file);
}

/* Marks */

static void mark_attribute(struct list_row *row, const struct effect *around,
			   unsigned attr)
{
	const struct effect *effect = &row->effect;
	enum effect_change change = effect_compare(around, effect, attr);
	bool limited = attr < GP_SERVICES ?
		       effect->service[attr] <= GP_TRUSTED :
		       attr == GP_ATTR_ALLOW_NETS && !effect->nets[0].any;

	if (change == EFFECT_LOSS || limited)
		row->restricted |= GP_ATTR_BIT(attr);
	if (change == EFFECT_GAIN)
		row->exceptions |= GP_ATTR_BIT(attr);
	if (effect->origin[attr].locked)
		row->locked |= GP_ATTR_BIT(attr);
}

static int mark_trials(struct list *list, const char *key, size_t key_len,
		       struct list_row *row)
{
	const struct effect_for what = {
		.now = list->now, .with_trials = true
	};
	struct effect trial;

	if (!row->effect.has_trial)
		return 0;
	if (effect_of_key(list->source, key, key_len, &what, list->scratch,
			  &trial, &list->error) < 0)
		return -1;
	for (unsigned attr = 0; attr < GP_ATTR_MESSAGE; attr++) {
		if (effect_compare(&row->effect, &trial, attr) ==
		    EFFECT_LOSS)
			row->trials |= GP_ATTR_BIT(attr) & list->attrs;
	}
	return 0;
}

static void name_locker(struct list *list, struct list_row *row)
{
	struct gp_text text;

	for (unsigned attr = 0; attr < EFFECT_ATTRS; attr++) {
		if ((row->locked & GP_ATTR_BIT(attr)) == 0)
			continue;
		gp_text_init_fixed(&text, row->locked_by,
				   sizeof(row->locked_by));
		gp_level_print(list->source, row->effect.origin[attr].level,
			       &text);
		return;
	}
}

static int mark_row(struct list *list, const char *key, size_t key_len,
		    struct list_row *row)
{
	const struct effect_for what = { .now = list->now };
	struct effect around;

	if (effect_of_key(list->source, key, key_len, &what, list->scratch,
			  &row->effect, &list->error) < 0 ||
	    effect_around_key(list->source, key, key_len, &what,
			      list->scratch, &around, &list->error) < 0)
		return -1;
	for (unsigned attr = 0; attr < GP_ATTR_MESSAGE; attr++) {
		/* Where somebody is trusted counts with the value that asks
		   for it. */
		if (attr != GP_ATTR_TRUSTED_NETS)
			mark_attribute(row, &around, attr);
	}
	row->restricted &= list->attrs;
	row->exceptions &= list->attrs;
	row->locked &= list->attrs;
	name_locker(list, row);
	return mark_trials(list, key, key_len, row);
}

static void add_place(struct list *list, const struct gp_line *line,
		      const struct gp_line *before, struct gp_text *where)
{
	const char *file = list->source->file_name(list->source->context,
						   line->file);

	if (before != NULL && before->file == line->file)
		gp_text_addf(where, ",%u", line->number);
	else
		gp_text_addf(where, "%s%s:%u", where->len > 0 ? " " : "",
			     file != NULL ? file : "?", line->number);
}

static void describe_lines(struct list *list, const struct gp_lines *lines,
			   struct list_row *row)
{
	for (size_t i = 0; i < lines->count; i++) {
		const struct gp_line *line = &lines->line[i];

		add_place(list, line, i > 0 ? &lines->line[i - 1] : NULL,
			  &row->where);
		if (gp_line_is_active(line, list->now) &&
		    line->until < row->until)
			row->until = line->until;
		if ((line->set & GP_ATTR_BIT(GP_ATTR_SAME_AS)) != 0)
			gp_print_value(list->source, line, GP_ATTR_SAME_AS,
				       &row->same_as);
		if (line->note == NULL)
			continue;
		gp_text_addf(&row->notes, "%s%s", row->notes.len > 0 ? "; " :
			     "", line->note);
	}
}

/* Filters */

static bool takes_profile(const struct list *list,
			  const struct gp_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		const struct gp_line *line = &lines->line[i];

		if ((line->set & GP_ATTR_BIT(GP_ATTR_PROFILE)) == 0)
			continue;
		for (size_t j = 0; j < line->profile_count; j++) {
			if (line->profiles[j] == list->profile_number)
				return true;
		}
	}
	return false;
}

static bool is_wanted(const struct list *list, const struct list_row *row)
{
	if (list->restricted && row->restricted == 0)
		return false;
	if (list->exceptions && row->exceptions == 0)
		return false;
	if (list->trials && row->trials == 0)
		return false;
	if (list->expiring >= 0 && (row->until == GP_TIME_LAST ||
	    row->until - list->now > list->expiring))
		return false;
	return list->attrs == UINT32_MAX || list->expiring >= 0 ||
	       (row->restricted | row->exceptions | row->trials) != 0;
}

/* A reader sees the first row before the second is worked out. */
static void print_row(struct list *list, const struct list_row *row)
{
	list_print_row(row, list->format);
	if (list->rows++ == 0)
		fflush(stdout);
}

static int list_key(struct list *list, const char *key, size_t key_len,
		    const struct gp_lines *lines)
{
	struct list_row row = { .until = GP_TIME_LAST };
	struct gp_text written;
	int ret;

	if (list->profile != NULL && !takes_profile(list, lines))
		return 0;
	gp_text_init(&written);
	gp_text_init(&row.where);
	gp_text_init(&row.notes);
	gp_text_init(&row.same_as);
	gp_print_key(key, key_len, &written);
	row.key = written.data;
	describe_lines(list, lines, &row);
	ret = mark_row(list, key, key_len, &row);
	if (ret == 0 && is_wanted(list, &row))
		print_row(list, &row);
	gp_text_deinit(&written);
	gp_text_deinit(&row.where);
	gp_text_deinit(&row.notes);
	gp_text_deinit(&row.same_as);
	return ret;
}

static int walk_key(void *context, const char *key, size_t key_len,
		    const struct gp_lines *lines)
{
	struct list *list = context;
	int ret;

	if (list->domain_len > 0 &&
	    (key_len < list->domain_len ||
	     memcmp(key, list->domain, list->domain_len) != 0))
		return 1;
	gp_arena_reset(list->scratch);
	ret = list_key(list, key, key_len, lines);
	return ret < 0 ? -1 : ferror(stdout) ? 1 : 0;
}

static int walk_all(struct list *list)
{
	return list->source->walk(list->source->context, list->domain,
				  list->domain_len, walk_key, list,
				  &list->error) < 0 ? -1 : 0;
}

/* A key that no line names has a row too: what holds for it. */
static int list_one(struct list *list, const char *key, size_t key_len)
{
	struct gp_lines lines = { .count = 0 };
	struct gp_arena *arena = gp_arena_new();
	int found = list->source->find(list->source->context, key, key_len,
				       arena, &lines, &list->error);

	if (found == 0)
		lines.count = 0;
	gp_arena_reset(list->scratch);
	found = found < 0 ? -1 : list_key(list, key, key_len, &lines);
	gp_arena_free(&arena);
	return found;
}

static int list_written(struct list *list, const char *written)
{
	char key[GP_KEY_MAX];
	const char *error;
	struct gp_lines lines;
	size_t len;
	int found;

	if (gp_ruletext_is_other(written, strlen(written))) {
		gp_program_error("%s: list shows mailboxes and domains; for "
				 "this: gatemap -q %s %s", written, written,
				 list->rules);
		return EX_DATAERR;
	}
	if (gp_parse_key(written, strlen(written), key, &len, &error) < 0) {
		gp_program_error("%s: %s", written, error);
		return EX_DATAERR;
	}
	if (!gp_key_is_domain(key, len))
		return list_one(list, key, len) < 0 ? EX_CONFIG : 0;
	found = list->source->find(list->source->context, key, len,
				   list->scratch, &lines, &list->error);
	if (found == 0 && list_one(list, key, len) < 0)
		return EX_CONFIG;
	memcpy(list->domain, key, len);
	list->domain_len = len;
	return found < 0 || walk_all(list) < 0 ? EX_CONFIG : 0;
}

static int find_profile(struct list *list)
{
	list->profile_number = list->profile == NULL ? -1 :
		gp_names_profile(list->source, list->profile);
	if (list->profile == NULL || list->profile_number >= 0)
		return 0;
	gp_program_error("there is no profile %s", list->profile);
	return GP_EXIT_NOT_FOUND;
}

static int list_all(struct list *list, int argc, char *const argv[])
{
	int status = find_profile(list);

	if (status != 0)
		return status;
	list->scratch = gp_arena_new();
	list_print_head(list->format);
	if (argc == 0 && walk_all(list) < 0)
		status = EX_CONFIG;
	for (int i = 0; i < argc && status == 0; i++)
		status = list_written(list, argv[i]);
	if (status == EX_CONFIG)
		gp_program_error("%s", list->error);
	gp_arena_free(&list->scratch);
	return gp_program_finish(status);
}

int gatepost_list(int argc, char *argv[])
{
	struct list list = { .expiring = -1, .attrs = UINT32_MAX };
	struct gp_settings *settings = NULL;
	struct rulebook book = { .map = NULL };
	int status = read_options(&list, argc, argv);

	if (status == 0)
		status = gp_configuration_load(list.config, &settings);
	if (status != 0)
		return status;
	status = rulebook_open_named(&book, list.map, list.file, settings);
	if (status == 0) {
		list.rules = settings->rules;
		list.source = book.source;
		list.now = rulebook_now(&book);
		status = list_all(&list, argc - optind, argv + optind);
	}
	rulebook_close(&book);
	gp_settings_free(&settings);
	return status;
}
