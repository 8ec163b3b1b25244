/* One group costs about a hundred bytes, and most logins fall into one that
   stands already: then nothing is judged and nothing allocated. A group is
   judged when it is made. It stays right for all its logins, because the time
   at which the rules change by themselves is part of what tells groups
   apart. */

#include "shared/tools/survey.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "shared/base/memory.h"
#include "shared/rules/name.h"
#include "shared/tools/log-door.h"
#include "shared/tools/survey-data.h"

/* The bytes that tell groups apart. */
#define KEY_LEN offsetof(struct survey_group, worst)

struct survey *survey_new(const struct survey_options *options)
{
	struct survey *survey = gp_alloc(sizeof(*survey));

	survey->options = *options;
	survey->scratch = gp_arena_new();
	gp_text_init(&survey->name);
	survey->raw = intern_new();
	survey->mailboxes = intern_new();
	survey->client_names = intern_new();
	survey->peers = intern_new();
	survey->verdicts = intern_new();
	survey->finding_keys = intern_new();
	survey->slots = 4096;
	survey->slot = gp_alloc(survey->slots * sizeof(*survey->slot));
	return survey;
}

void survey_free(struct survey **survey_p)
{
	struct survey *survey = *survey_p;

	if (survey == NULL)
		return;
	for (size_t i = 0; i < survey->finding_count; i++) {
		free((char *)survey->finding[i].rule);
		free((char *)survey->finding[i].file);
		free((char *)survey->finding[i].help);
	}
	intern_free(&survey->raw);
	intern_free(&survey->mailboxes);
	intern_free(&survey->client_names);
	intern_free(&survey->peers);
	intern_free(&survey->verdicts);
	intern_free(&survey->finding_keys);
	gp_text_deinit(&survey->name);
	gp_arena_free(&survey->scratch);
	free(survey->mailbox_of);
	free(survey->mailbox);
	free(survey->finding);
	free(survey->boundary);
	free(survey->group);
	free(survey->slot);
	free(survey->order);
	free(survey->day);
	free(survey->unlogged);
	free(survey);
	*survey_p = NULL;
}

/* The normal form of a name, or the name itself where it has none. */
static uint32_t normal_mailbox(struct survey *survey, const char *raw,
			       size_t len)
{
	const struct survey_options *options = &survey->options;
	const char *default_domain = options->source != NULL ?
		options->source->default_domain :
		options->settings->default_domain;
	struct gp_name name;
	const char *error;

	if (gp_name_parse(raw, len, default_domain, &name, &error) < 0)
		return intern_add(survey->mailboxes, raw, len);
	gp_text_clear(&survey->name);
	gp_text_add_mem(&survey->name, gp_name_local(&name), name.local_len);
	if (name.domain_len > 0) {
		gp_text_add_char(&survey->name, '@');
		gp_text_add_mem(&survey->name, name.key, name.domain_len);
	}
	return intern_add(survey->mailboxes, survey->name.data,
			  survey->name.len);
}

static bool is_wanted(const struct survey *survey, uint32_t mailbox)
{
	const struct survey_options *options = &survey->options;
	const char *domain, *name = survey_mailbox(survey, mailbox, &domain);

	if (options->mailbox != NULL && strcmp(options->mailbox, name) != 0)
		return false;
	return options->domain == NULL ||
	       strcmp(options->domain, domain) == 0;
}

static void make_room(struct survey *survey, uint32_t raw, uint32_t mailbox)
{
	size_t size;

	if (raw >= survey->mailbox_of_size) {
		survey->mailbox_of_size = gp_grow(survey->mailbox_of_size,
						  (size_t)raw + 1);
		survey->mailbox_of = gp_realloc(survey->mailbox_of,
						survey->mailbox_of_size,
						sizeof(uint32_t));
	}
	if (mailbox < survey->mailbox_size)
		return;
	size = gp_grow(survey->mailbox_size, (size_t)mailbox + 1);
	survey->mailbox = gp_realloc(survey->mailbox, size,
				     sizeof(*survey->mailbox));
	memset(survey->mailbox + survey->mailbox_size, 0,
	       (size - survey->mailbox_size) * sizeof(*survey->mailbox));
	survey->mailbox_size = size;
}

/* The mailbox of a name as logged, SURVEY_NONE for one that is not wanted.
   Each name is looked at once. */
static uint32_t find_mailbox(struct survey *survey, const char *raw,
			     size_t len)
{
	uint32_t known = intern_count(survey->raw), mailbox;
	uint32_t number = intern_add(survey->raw, raw, len);

	if (number < known)
		return survey->mailbox_of[number];
	mailbox = normal_mailbox(survey, raw, len);
	make_room(survey, number, mailbox);
	if (!is_wanted(survey, mailbox))
		mailbox = SURVEY_NONE;
	survey->mailbox_of[number] = mailbox;
	return mailbox;
}

static uint64_t hash_group(const struct survey_group *group)
{
	return XXH3_64bits(group, KEY_LEN);
}

static void grow_slots(struct survey *survey)
{
	size_t mask, at;

	free(survey->slot);
	survey->slots *= 2;
	mask = survey->slots - 1;
	survey->slot = gp_alloc(survey->slots * sizeof(*survey->slot));
	for (size_t i = 0; i < survey->group_count; i++) {
		at = hash_group(&survey->group[i]) & mask;
		while (survey->slot[at] != 0)
			at = (at + 1) & mask;
		survey->slot[at] = (uint32_t)i + 1;
	}
}

/* Where the group is, or would be. */
static size_t find_slot(const struct survey *survey,
			const struct survey_group *group)
{
	size_t mask = survey->slots - 1, at = hash_group(group) & mask;

	for (; survey->slot[at] != 0; at = (at + 1) & mask) {
		if (memcmp(&survey->group[survey->slot[at] - 1], group,
			   KEY_LEN) == 0)
			break;
	}
	return at;
}

static struct survey_group *find_group(struct survey *survey,
				       const struct survey_group *key)
{
	uint32_t number = survey->slot[find_slot(survey, key)];

	return number == 0 ? NULL : &survey->group[number - 1];
}

static struct survey_group *add_group(struct survey *survey,
				      const struct survey_group *group)
{
	size_t at;

	if (survey->group_count * 2 >= survey->slots)
		grow_slots(survey);
	if (survey->group_count == survey->group_size) {
		survey->group_size = gp_grow(survey->group_size,
					     survey->group_count + 1);
		survey->group = gp_realloc(survey->group, survey->group_size,
					   sizeof(*survey->group));
	}
	at = find_slot(survey, group);
	survey->group[survey->group_count] = *group;
	survey->slot[at] = (uint32_t)++survey->group_count;
	return &survey->group[survey->group_count - 1];
}

/* The protocol's service, or -1 for one that is not judged. */
static int find_service(const struct survey *survey,
			const struct log_login *login)
{
	const struct gp_settings *settings = survey->options.settings;
	char name[32];

	/* A door tells what it judged. */
	if (login->kind != LOG_LOGIN)
		return gp_service_from_name(login->protocol.data,
					    login->protocol.len);
	if (gp_netset_contains(&settings->policy.webmail_networks,
			       &login->connection))
		return GP_WEBMAIL;
	if (login->protocol.len >= sizeof(name))
		return -1;
	memcpy(name, login->protocol.data, login->protocol.len);
	name[login->protocol.len] = '\0';
	return gp_settings_service(settings, name);
}

static enum log_implicit implicit_of(const struct survey *survey,
				     const struct log_login *login)
{
	const unsigned short *port = survey->options.settings->
				     implicit_tls_ports;

	if (login->implicit != LOG_IMPLICIT_UNKNOWN || login->port == 0)
		return login->implicit;
	for (; *port != 0; port++) {
		if (*port == login->port)
			return LOG_IMPLICIT;
	}
	switch (login->port) {
	case 993:
	case 995:
		return LOG_IMPLICIT;
	case 25:
	case 110:
	case 143:
	case 587:
	case 4190:
		return LOG_STARTTLS;
	default:
		return LOG_IMPLICIT_UNKNOWN;
	}
}

static void cut_address(struct survey_group *group)
{
	struct gp_address address = { .known = true };
	size_t kept = 6;

	memcpy(address.bytes, group->address, 16);
	if (gp_address_is_ipv4(&address))
		kept = 15;
	if (group->prefix == 0)
		return;
	memset(group->address + kept, 0, 16 - kept);
	group->prefix = (uint8_t)(kept * 8);
}

/* A door has escaped what it logged. */
static uint32_t find_user(struct survey *survey,
			  const struct log_login *login)
{
	struct gp_text raw;
	uint32_t mailbox;

	if (login->kind == LOG_LOGIN)
		return find_mailbox(survey, login->user.data,
				    login->user.len);
	gp_text_init(&raw);
	log_door_unescape(&login->user, &raw);
	mailbox = find_mailbox(survey, raw.data, raw.len);
	gp_text_deinit(&raw);
	return mailbox;
}

/* What tells the login apart, but for the address. Returns false for one that
   is not counted. */
static bool describe(struct survey *survey, const struct log_login *login,
		     struct survey_group *key)
{
	int service = find_service(survey, login);

	if (service < 0)
		return false;
	memset(key, 0, sizeof(*key));
	key->mailbox = find_user(survey, login);
	key->kind = (uint8_t)login->kind;
	key->service = (uint8_t)service;
	key->tls = (uint8_t)login->tls;
	key->implicit = (uint8_t)(login->tls == LOG_TLS_NONE ? LOG_STARTTLS :
				  implicit_of(survey, login));
	key->local = login->local;
	key->sends_password = login->sends_password;
	key->proven = login->proven;
	key->prefix = login->client.known ? 128 : 0;
	memcpy(key->address, login->client.bytes, 16);
	key->peer = SURVEY_NONE;
	if (login->forwarded)
		key->peer = intern_add(survey->peers, login->connection.bytes,
				       16);
	for (size_t i = 0; i < SURVEY_CLIENT_NAMES; i++)
		key->client_name[i] = SURVEY_NONE;
	return key->mailbox != SURVEY_NONE;
}

static bool is_judged(const struct survey *survey,
		      const struct survey_group *group)
{
	return group->kind == LOG_LOGIN && survey->options.source != NULL;
}

/* An address of its own. */
static int add_to_address(struct survey *survey, struct survey_group *key,
			  int64_t time, struct survey_group **group_r,
			  const char **error_r)
{
	if (is_judged(survey, key) &&
	    survey_judge(survey, key, key->address, time, error_r) < 0)
		return -1;
	survey->mailbox[key->mailbox].addresses++;
	*group_r = add_group(survey, key);
	return 0;
}

/* Each login is judged as it is; those of one network that were judged alike
   are one group. */
static int add_to_network(struct survey *survey, struct survey_group *key,
			  int64_t time, struct survey_group **group_r,
			  const char **error_r)
{
	uint8_t address[16];
	uint32_t verdict[2];

	memcpy(address, key->address, 16);
	cut_address(key);
	if (is_judged(survey, key)) {
		if (survey_judge(survey, key, address, time, error_r) < 0)
			return -1;
		verdict[0] = key->worst;
		verdict[1] = key->best;
		key->epoch = intern_add(survey->verdicts, verdict,
					sizeof(verdict));
	}
	*group_r = find_group(survey, key);
	if (*group_r == NULL)
		*group_r = add_group(survey, key);
	return 0;
}

static int place(struct survey *survey, struct survey_group *key,
		 const struct log_login *login, int64_t time,
		 struct survey_group **group_r, const char **error_r)
{
	uint32_t addresses = survey->mailbox[key->mailbox].addresses;

	if (login->kind == LOG_LOGIN)
		key->epoch = survey_epoch(survey, time);
	else
		key->epoch = key->worst = key->best =
			survey_door_finding(survey, &login->door);
	if (!survey->options.cut_addresses) {
		*group_r = find_group(survey, key);
		if (*group_r != NULL)
			return 0;
		if (addresses < SURVEY_ADDRESSES_MAX)
			return add_to_address(survey, key, time, group_r,
					      error_r);
	}
	return add_to_network(survey, key, time, group_r, error_r);
}

static struct survey_session *find_session(struct survey *survey,
					   const struct log_piece *session)
{
	uint64_t hash = XXH3_64bits(session->data, session->len);
	struct survey_session *found =
		&survey->session[hash % SURVEY_SESSIONS];

	/* Who comes later takes the place. */
	if (found->hash != hash) {
		found->hash = hash;
		found->group = 0;
		found->name_len = 0;
	}
	return found;
}

static void add_client_name(struct survey *survey, struct survey_group *group,
			    const char *name, size_t len)
{
	uint32_t *place = group->client_name;
	const char *known;
	size_t known_len;

	for (size_t i = 0; i < SURVEY_CLIENT_NAMES; i++, place++) {
		if (*place == SURVEY_NONE) {
			*place = intern_add(survey->client_names, name, len);
			return;
		}
		known = intern_get(survey->client_names, *place, &known_len);
		if (known_len == len && memcmp(known, name, len) == 0)
			return;
	}
}

static void set_client_name(struct survey *survey, struct survey_group *group,
			    const struct log_login *login)
{
	struct survey_session *session;

	if (login->client_name.len > 0)
		add_client_name(survey, group, login->client_name.data,
				login->client_name.len);
	if (login->session.len == 0)
		return;
	session = find_session(survey, &login->session);
	session->group = (uint32_t)(group - survey->group) + 1;
	if (session->name_len > 0)
		add_client_name(survey, group, session->name,
				session->name_len);
}

void survey_name_client(struct survey *survey, const struct log_piece *session,
			const struct log_piece *name)
{
	struct survey_session *found = find_session(survey, session);
	size_t len = name->len < SURVEY_NAME_MAX ? name->len :
		     SURVEY_NAME_MAX;

	if (found->group != 0) {
		add_client_name(survey, &survey->group[found->group - 1],
				name->data, len);
		return;
	}
	memcpy(found->name, name->data, len);
	found->name_len = (uint32_t)len;
}

/* The lines of a door's that are alike in mailbox, verdict, service and cause,
   the one that was logged last. */
static struct survey_group *find_like(struct survey *survey,
				      const struct survey_group *key,
				      enum gp_cause cause)
{
	size_t i = survey->mailbox[key->mailbox].last;
	struct survey_group *group;

	/* Almost always it is the first that is looked at. */
	for (; i > 0; i--) {
		group = &survey->group[i - 1];
		if (group->mailbox == key->mailbox &&
		    group->kind == key->kind &&
		    group->service == key->service &&
		    survey_finding(survey, group->worst)->cause == cause)
			return group;
	}
	return NULL;
}

static int add_left_out(struct survey *survey, const struct log_login *login,
			const struct survey_group *key, int64_t time)
{
	struct survey_group *group = find_like(survey, key,
					       login->door.cause);

	if (group == NULL)
		return 1;
	group->count += login->left_out;
	survey_count_day(survey, group, time, login->left_out);
	return 0;
}

static void count(struct survey *survey, struct survey_group *group,
		  const struct log_login *login, int64_t time)
{
	if (group->count == 0 || time < group->first)
		group->first = time;
	if (group->count == 0 || time > group->last)
		group->last = time;
	group->count++;
	if (login->kind != LOG_LOGIN)
		survey->mailbox[group->mailbox].last =
			(uint32_t)(group - survey->group) + 1;
	set_client_name(survey, group, login);
	survey_count_day(survey, group, time, 1);
}

int survey_add(struct survey *survey, const struct log_login *login,
	       int64_t time, const char **error_r)
{
	struct survey_group key, *group;

	/* What was refused before is no login. */
	if (survey->options.source != NULL && login->kind != LOG_LOGIN)
		return 0;
	if (time < survey->options.since || time >= survey->options.until ||
	    !describe(survey, login, &key))
		return 0;
	if (login->left_out > 0)
		return add_left_out(survey, login, &key, time);
	if (place(survey, &key, login, time, &group, error_r) < 0)
		return -1;
	count(survey, group, login, time);
	return 0;
}
