/* The attributes of a line. They may stand in any order, so groups and lock
   are kept until all words were read. Every word is looked at, whatever was
   wrong with those before it: an administrator wants all errors at once. */

#include <string.h>
#include "shared/base/clock.h"
#include "shared/rules/attributes.h"
#include "shared/rules/hints.h"
#include "shared/rules/key.h"
#include "shared/rules/parse.h"

/* "inherit" as a value of a service or group: not written, and left out of
   the wider group. */
#define INHERIT 0
#define NOT_WRITTEN (-1)

/* Attributes that are no part of the model: they are used up here. */
enum {
	WORD_CLIENTS = GP_ATTRS,
	WORD_ALL,
	WORD_MODE,
	WORD_FROM,
	WORD_UNTIL,
	WORD_LOCK,
	WORDS
};

struct parse {
	const struct gp_attributes_context *context;
	enum gp_key_kind kind;
	struct gp_line *line;
	/* The word under way, and its value. */
	const struct gp_word *word;
	const char *value;
	size_t len;
	/* Who was written, by GP_ATTR_BIT of the enum above. */
	uint32_t written;
	int services[GP_SERVICES];
	int clients;
	int all;
	const struct gp_word *lock;
	const struct gp_word *until;
	bool bad;
	/* A net or profile has no number. */
	bool apart;
};

#define error_at(parse, word, offset, ...) \
	do { \
		gp_diagnostics_error((parse)->context->diagnostics, \
				     (parse)->context->file, (word)->line, \
				     (word)->column + (offset), __VA_ARGS__); \
		(parse)->bad = true; \
	} while (0)

/* At the value of the word under way. */
#define value_error(parse, ...) \
	error_at(parse, (parse)->word, value_offset(parse), __VA_ARGS__)

static size_t value_offset(const struct parse *parse)
{
	return parse->value - parse->word->text + parse->word->quoted;
}

static const char *excerpt(struct parse *parse, const char *str, size_t len)
{
	int shown = 60;

	if (len > (size_t)shown) {
		/* No half characters. */
		while (shown > 0 && ((unsigned char)str[shown] & 0xc0) == 0x80)
			shown--;
		return gp_arena_printf(parse->context->arena, "%.*s...",
				       shown, str);
	}
	return gp_arena_strndup(parse->context->arena, str, len);
}

static void parse_service_value(struct parse *parse, int *value_r)
{
	const char *hint;
	int value;

	if (parse->len == 7 && memcmp(parse->value, "inherit", 7) == 0) {
		*value_r = INHERIT;
		return;
	}
	value = gp_value_from_name(parse->value, parse->len);
	if (value > 0) {
		*value_r = value;
		return;
	}
	hint = gp_hint_value(parse->value, parse->len);
	if (hint != NULL)
		value_error(parse, "unknown value \"%s\"; did you mean \"%s\"?",
			    excerpt(parse, parse->value, parse->len), hint);
	else
		value_error(parse, "unknown value \"%s\"; write off, trusted, "
			    "implicit, tls, cleartext or inherit",
			    excerpt(parse, parse->value, parse->len));
}

static void parse_tls_min(struct parse *parse)
{
	int version = gp_tls_version_from_name(parse->value, parse->len);

	if (version < 0)
		value_error(parse, "unknown TLS version \"%s\"; write 1.0, "
			    "1.1, 1.2 or 1.3",
			    excerpt(parse, parse->value, parse->len));
	else
		parse->line->tls_min = version;
}

/* Calls each for every item of a list separated by commas. */
static void each_item(struct parse *parse,
		      void (*each)(struct parse *parse, const char *item,
				   size_t len, void *context), void *context)
{
	const char *item = parse->value, *end = item + parse->len, *comma;

	for (;;) {
		comma = memchr(item, ',', end - item);
		if (comma == NULL)
			comma = end;
		if (comma == item)
			error_at(parse, parse->word,
				 item - parse->word->text +
				 parse->word->quoted,
				 "an item of this list is empty; separate "
				 "items by one comma");
		else
			each(parse, item, comma - item, context);
		if (comma == end)
			return;
		item = comma + 1;
	}
}

static size_t count_items(const struct parse *parse)
{
	size_t count = 1, i;

	for (i = 0; i < parse->len; i++)
		count += parse->value[i] == ',';
	return count;
}

static uint32_t column_of(const struct parse *parse, const char *item)
{
	return parse->word->column + (item - parse->word->text) +
	       parse->word->quoted;
}

struct nets {
	struct gp_netset_builder builder;
	uint32_t *named;
	size_t named_count;
};

static void parse_net(struct parse *parse, const char *item, size_t len,
		      void *context)
{
	struct nets *nets = context;
	const char *what, *text;

	if (gp_numbering_is_name(item, len) && !(len == 3 &&
	    memcmp(item, "any", 3) == 0) && !(len == 4 &&
	    memcmp(item, "none", 4) == 0)) {
		if (parse->context->nets == NULL) {
			parse->apart = true;
			return;
		}
		nets->named[nets->named_count++] =
			gp_numbering_mention(parse->context->nets, item, len,
					     parse->context->file,
					     parse->word->line,
					     column_of(parse, item));
		return;
	}
	text = gp_arena_strndup(parse->context->arena, item, len);
	if (gp_netset_builder_add(&nets->builder, text, parse->context->arena,
				  &what) < 0)
		error_at(parse, parse->word, item - parse->word->text +
			 parse->word->quoted, "%s", what);
}

static bool value_is(const struct parse *parse, const char *word)
{
	return strlen(word) == parse->len &&
	       memcmp(parse->value, word, parse->len) == 0;
}

static void parse_nets(struct parse *parse, enum gp_attribute attr)
{
	struct gp_netlist *list = &parse->line->nets[attr - GP_ATTR_ALLOW_NETS];
	struct nets nets = { .named_count = 0 };

	if (value_is(parse, "any") && attr == GP_ATTR_ALLOW_NETS) {
		list->any = true;
		return;
	}
	if (value_is(parse, "none") && attr != GP_ATTR_ALLOW_NETS)
		return;
	if (value_is(parse, "any") || value_is(parse, "none")) {
		value_error(parse, attr == GP_ATTR_ALLOW_NETS ?
			    "allow_nets cannot be none; to refuse everybody "
			    "write all=off" :
			    "only allow_nets can be any; write networks or "
			    "none");
		return;
	}
	gp_netset_builder_init(&nets.builder);
	nets.named = gp_arena_alloc(parse->context->arena,
				    count_items(parse) * sizeof(uint32_t));
	each_item(parse, parse_net, &nets);
	gp_netset_builder_finish(&nets.builder, parse->context->arena,
				 &list->own);
	gp_netset_builder_deinit(&nets.builder);
	list->named = nets.named;
	list->named_count = nets.named_count;
}

static bool is_printable_ascii(const char *str, size_t len, bool with_blank)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (str[i] < (with_blank ? ' ' : '!') || str[i] > '~')
			return false;
	}
	return true;
}

static const char *copy_value(struct parse *parse)
{
	return gp_arena_strndup(parse->context->arena, parse->value,
				parse->len);
}

static void parse_message(struct parse *parse)
{
	if (parse->len > GP_MESSAGE_MAX_LEN)
		value_error(parse, "the message has %zu bytes; at most %d fit "
			    "into a reply", parse->len, GP_MESSAGE_MAX_LEN);
	else if (!is_printable_ascii(parse->value, parse->len, true))
		value_error(parse, "the message is not printable ASCII; mail "
			    "programs show nothing else reliably");
	else if (parse->value[0] == '[')
		value_error(parse, "the message begins with \"[\", which mail "
			    "programs take for a response code; begin with "
			    "a word");
	else
		parse->line->message = copy_value(parse);
}

static void parse_help(struct parse *parse)
{
	size_t skip = 0;

	if (parse->len > 8 && memcmp(parse->value, "https://", 8) == 0)
		skip = 8;
	else if (parse->len > 7 && memcmp(parse->value, "http://", 7) == 0)
		skip = 7;
	if (skip == 0 || !is_printable_ascii(parse->value, parse->len, false))
		value_error(parse, "help is an URL that begins with https:// "
			    "or http://, in printable ASCII");
	else if (parse->len > GP_MESSAGE_MAX_LEN)
		value_error(parse, "the URL has %zu bytes; at most %d fit into "
			    "a reply", parse->len, GP_MESSAGE_MAX_LEN);
	else
		parse->line->help = copy_value(parse);
}

struct profiles {
	uint32_t *number;
	size_t count;
};

static void parse_profile(struct parse *parse, const char *item, size_t len,
			  void *context)
{
	struct profiles *profiles = context;
	uint32_t number;
	size_t i;

	if (!gp_numbering_is_name(item, len)) {
		error_at(parse, parse->word, item - parse->word->text +
			 parse->word->quoted, "no name of a profile: \"%s\"",
			 excerpt(parse, item, len));
		return;
	}
	if (parse->context->profiles == NULL) {
		parse->apart = true;
		return;
	}
	number = gp_numbering_mention(parse->context->profiles, item, len,
				      parse->context->file, parse->word->line,
				      column_of(parse, item));
	for (i = 0; i < profiles->count; i++) {
		if (profiles->number[i] == number)
			error_at(parse, parse->word, item - parse->word->text +
				 parse->word->quoted,
				 "the profile \"%s\" stands here twice",
				 excerpt(parse, item, len));
	}
	profiles->number[profiles->count++] = number;
}

static void parse_profiles(struct parse *parse)
{
	struct profiles profiles = { .count = 0 };

	if (parse->kind != GP_KEY_KIND_MAILBOX &&
	    parse->kind != GP_KEY_KIND_DOMAIN) {
		error_at(parse, parse->word, 0, "only mailboxes and domains "
			 "take profiles");
		return;
	}
	profiles.number = gp_arena_alloc(parse->context->arena,
					 count_items(parse) *
					 sizeof(uint32_t));
	each_item(parse, parse_profile, &profiles);
	parse->line->profiles = profiles.number;
	parse->line->profile_count = profiles.count;
}

static void parse_same_as(struct parse *parse)
{
	char key[GP_KEY_MAX];
	const char *what;
	bool mailbox = parse->kind == GP_KEY_KIND_MAILBOX;
	size_t len;

	if (!mailbox && parse->kind != GP_KEY_KIND_DOMAIN) {
		error_at(parse, parse->word, 0, "only mailboxes and domains "
			 "can be the same as another");
		return;
	}
	if (gp_parse_key(parse->value, parse->len, key, &len, &what) < 0) {
		value_error(parse, "%s", what);
		return;
	}
	if (mailbox ? !gp_key_is_mailbox(key, len) :
		      !gp_key_is_domain(key, len)) {
		value_error(parse, mailbox ?
			    "a mailbox can only be the same as a mailbox" :
			    "a domain can only be the same as a domain");
		return;
	}
	parse->line->same_as = gp_arena_strndup(parse->context->arena, key,
						len);
	parse->line->same_as_len = len;
}

static void parse_mode(struct parse *parse)
{
	if (value_is(parse, "trial"))
		parse->line->trial = true;
	else if (!value_is(parse, "enforce"))
		value_error(parse, "unknown mode \"%s\"; write enforce or "
			    "trial", excerpt(parse, parse->value, parse->len));
}

static void parse_time(struct parse *parse, int64_t *seconds_r)
{
	const char *what;

	if (gp_time_parse(copy_value(parse), seconds_r, &what) < 0)
		value_error(parse, "%s", what);
}

static int word_from_name(const char *name, size_t len)
{
	static const struct {
		const char *name;
		size_t len;
		int word;
	} words[] = {
		{ "clients", 7, WORD_CLIENTS },
		{ "all", 3, WORD_ALL },
		{ "mode", 4, WORD_MODE },
		{ "from", 4, WORD_FROM },
		{ "until", 5, WORD_UNTIL },
		{ "lock", 4, WORD_LOCK }
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].len == len &&
		    memcmp(words[i].name, name, len) == 0)
			return words[i].word;
	}
	return gp_attribute_from_name(name, len);
}

static void parse_value(struct parse *parse, int word)
{
	switch (word) {
	case WORD_CLIENTS:
		parse_service_value(parse, &parse->clients);
		return;
	case WORD_ALL:
		parse_service_value(parse, &parse->all);
		return;
	case GP_ATTR_TLS_MIN:
		parse_tls_min(parse);
		break;
	case GP_ATTR_ALLOW_NETS:
	case GP_ATTR_TRUSTED_NETS:
	case GP_ATTR_CLEARTEXT_NETS:
	case GP_ATTR_UNAUTHENTICATED_NETS:
		parse_nets(parse, word);
		break;
	case GP_ATTR_MESSAGE:
		parse_message(parse);
		break;
	case GP_ATTR_HELP:
		parse_help(parse);
		break;
	case GP_ATTR_PROFILE:
		parse_profiles(parse);
		break;
	case GP_ATTR_SAME_AS:
		parse_same_as(parse);
		break;
	case GP_ATTR_NOTE:
		parse->line->note = copy_value(parse);
		break;
	case WORD_MODE:
		parse_mode(parse);
		return;
	case WORD_FROM:
		parse_time(parse, &parse->line->from);
		return;
	case WORD_UNTIL:
		parse->until = parse->word;
		parse_time(parse, &parse->line->until);
		return;
	case WORD_LOCK:
		parse->lock = parse->word;
		return;
	default:
		parse_service_value(parse, &parse->services[word]);
		return;
	}
	parse->line->set |= GP_ATTR_BIT(word);
}

static void unknown_attribute(struct parse *parse, size_t name_len)
{
	const char *hint = gp_hint_attribute(parse->word->text, name_len);
	const char *name = excerpt(parse, parse->word->text, name_len);

	if (name_len == 0)
		error_at(parse, parse->word, 0, "no attribute in front of "
			 "\"=\"; write NAME=VALUE, without blanks");
	else if (hint != NULL)
		error_at(parse, parse->word, 0, "unknown attribute \"%s\"; did "
			 "you mean \"%s\"?", name, hint);
	else
		error_at(parse, parse->word, 0, "unknown attribute \"%s\"; see "
			 "gatepost-rules(5)", name);
}

/* The word's form: NAME=VALUE, or "lock" alone. Returns which, or -1. */
static int split_word(struct parse *parse)
{
	const struct gp_word *word = parse->word;
	const char *equals = memchr(word->text, '=', word->len);
	size_t name_len = equals == NULL ? word->len :
					   (size_t)(equals - word->text);
	int which = word_from_name(word->text, name_len);

	if (which < 0) {
		unknown_attribute(parse, name_len);
		return -1;
	}
	parse->value = word->text + name_len + (equals != NULL);
	parse->len = word->len - (parse->value - word->text);
	if (equals == NULL && which == WORD_LOCK)
		return which;
	if (parse->len == 0) {
		error_at(parse, word, 0, "\"%.*s\" has no value; write "
			 "%.*s=VALUE", (int)name_len, word->text,
			 (int)name_len, word->text);
		return -1;
	}
	if (!word->quoted && memchr(parse->value, '"', parse->len) != NULL) {
		value_error(parse, "a double quote inside a value; values in "
			    "quotes are quoted as a whole and hold none");
		return -1;
	}
	return which;
}

static void parse_word(struct parse *parse)
{
	int which = split_word(parse);

	if (which < 0) {
		parse->bad = true;
		return;
	}
	if ((parse->written & GP_ATTR_BIT(which)) != 0) {
		error_at(parse, parse->word, 0, "this attribute stands on the "
			 "line already; a line has each attribute once");
		return;
	}
	parse->written |= GP_ATTR_BIT(which);
	parse_value(parse, which);
}

/* A service beats clients beats all, in any order. */
static void resolve_groups(struct parse *parse)
{
	int service, value;

	for (service = 0; service < GP_SERVICES; service++) {
		value = parse->services[service];
		if (value == NOT_WRITTEN && service != GP_WEBMAIL)
			value = parse->clients;
		if (value == NOT_WRITTEN)
			value = parse->all;
		if (value == NOT_WRITTEN || value == INHERIT)
			continue;
		parse->line->service[service] = value;
		parse->line->set |= GP_ATTR_BIT(service);
	}
}

/* Which attributes a word of lock stands for; services that were left out of
   a group on purpose ("inherit") are not missed. */
static uint32_t locked_bits(const struct parse *parse, int which,
			    uint32_t *missed_r)
{
	uint32_t bits = GP_ATTR_BIT(which), missed;
	int service;

	if (which == WORD_CLIENTS)
		bits = GP_CLIENT_BITS;
	else if (which == WORD_ALL)
		bits = GP_SERVICE_BITS;
	missed = bits & ~parse->line->set;
	if (which == WORD_CLIENTS || which == WORD_ALL) {
		for (service = 0; service < GP_SERVICES; service++) {
			if (parse->services[service] == INHERIT ||
			    (which == WORD_ALL && parse->clients == INHERIT &&
			     service != GP_WEBMAIL))
				missed &= ~GP_ATTR_BIT(service);
		}
	}
	*missed_r = missed;
	return bits & parse->line->set;
}

/* Hints at values are of no use here. */
static void unknown_in_lock(struct parse *parse, const char *item, size_t len,
			    size_t offset)
{
	const char *hint = gp_hint_attribute(item, len);
	const char *name = excerpt(parse, item, len);

	if (hint != NULL && strchr(hint, '=') == NULL)
		error_at(parse, parse->word, offset, "unknown attribute "
			 "\"%s\"; did you mean \"%s\"?", name, hint);
	else
		error_at(parse, parse->word, offset, "unknown attribute "
			 "\"%s\"; lock names attributes of its own line",
			 name);
}

static void lock_item(struct parse *parse, const char *item, size_t len,
		      void *context)
{
	int which = word_from_name(item, len);
	uint32_t missed;
	size_t offset = item - parse->word->text + parse->word->quoted;

	(void)context;
	if (which < 0) {
		unknown_in_lock(parse, item, len, offset);
		return;
	}
	if (which >= GP_ATTR_PROFILE && which != WORD_CLIENTS &&
	    which != WORD_ALL) {
		error_at(parse, parse->word, offset, "\"%s\" cannot be locked",
			 excerpt(parse, item, len));
		return;
	}
	parse->line->locked |= locked_bits(parse, which, &missed);
	if (missed != 0 && !parse->bad)
		error_at(parse, parse->word, offset, "lock names \"%s\", which "
			 "this line does not set", excerpt(parse, item, len));
}

static void resolve_lock(struct parse *parse)
{
	if (parse->lock == NULL)
		return;
	if (parse->kind == GP_KEY_KIND_MAILBOX ||
	    parse->kind == GP_KEY_KIND_PROFILE) {
		error_at(parse, parse->lock, 0, parse->kind ==
			 GP_KEY_KIND_MAILBOX ?
			 "nothing is more specific than a mailbox; lock at "
			 "its domain" :
			 "a profile has no lock; lock at the domain");
		return;
	}
	parse->word = parse->lock;
	if (parse->lock->len > 4) {
		parse->value = parse->lock->text + 5;
		parse->len = parse->lock->len - 5;
		each_item(parse, lock_item, NULL);
		return;
	}
	parse->line->locked = parse->line->set & GP_LOCKABLE_BITS;
	if (parse->line->locked == 0 && !parse->bad)
		error_at(parse, parse->lock, 0, "this line sets nothing that "
			 "could be locked");
}

static void check_line(struct parse *parse, const struct gp_word *first)
{
	uint32_t beside = parse->written & ~GP_ATTR_BIT(GP_ATTR_SAME_AS) &
			  ~GP_ATTR_BIT(GP_ATTR_NOTE);

	if ((parse->written & GP_ATTR_BIT(GP_ATTR_SAME_AS)) != 0 &&
	    beside != 0)
		error_at(parse, first, 0, "beside same_as only a note may "
			 "stand; the rules are those of the other name");
	if (!parse->bad && parse->line->from >= parse->line->until)
		error_at(parse, parse->until, 0, "until is not after from; the "
			 "line would never count");
}

int gp_attributes_parse(const struct gp_attributes_context *context,
			enum gp_key_kind kind, const struct gp_words *words,
			struct gp_line *line_r)
{
	struct parse parse = {
		.context = context, .kind = kind, .line = line_r,
		.clients = NOT_WRITTEN, .all = NOT_WRITTEN
	};
	size_t i;

	memset(line_r, 0, sizeof(*line_r));
	line_r->from = GP_TIME_FIRST;
	line_r->until = GP_TIME_LAST;
	line_r->file = context->file;
	line_r->number = words->word[0].line;
	for (i = 0; i < GP_SERVICES; i++)
		parse.services[i] = NOT_WRITTEN;
	for (i = 1; i < words->count; i++) {
		parse.word = &words->word[i];
		parse_word(&parse);
	}
	if (words->count == 1 && !words->bad)
		error_at(&parse, &words->word[0], 0, "this line has no "
			 "attributes; write what holds for it");
	resolve_groups(&parse);
	resolve_lock(&parse);
	check_line(&parse, &words->word[0]);
	if (parse.bad || words->bad)
		return -1;
	return parse.apart ? 1 : 0;
}
