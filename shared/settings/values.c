/* Values are checked where they are read, not where they are used: a wrong one
   must show at the start of a door, with its line, and not at the first login
   that needs it. */

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include "shared/rules/line.h"
#include "shared/rules/name.h"
#include "shared/settings/values.h"

#define SEPARATORS ", \t\r\n\v\f"

/* The next word of a list, NUL-terminated in place; NULL behind the last. */
static char *next_word(char **list)
{
	char *word = *list + strspn(*list, SEPARATORS);

	if (*word == '\0')
		return NULL;
	*list = word + strcspn(word, SEPARATORS);
	if (**list != '\0')
		*(*list)++ = '\0';
	return word;
}

static size_t count_words(struct gp_settings *settings, const char *value)
{
	char *list = gp_arena_strdup(settings->arena, value);
	size_t count = 0;

	while (next_word(&list) != NULL)
		count++;
	return count;
}

/* The value as an error shows it. */
static const char *shown(struct gp_settings *settings, const char *value)
{
	char storage[300];
	struct gp_text text;

	gp_text_init_fixed(&text, storage, sizeof(storage));
	gp_text_add_escaped(&text, value, strlen(value), 60);
	return gp_arena_strdup(settings->arena, storage);
}

int gp_setting_text(struct gp_settings *settings, void *field,
		    const char *value, const char **error_r)
{
	(void)error_r;
	*(const char **)field = gp_arena_strdup(settings->arena, value);
	return 0;
}

int gp_setting_path(struct gp_settings *settings, void *field,
		    const char *value, const char **error_r)
{
	if (value[0] != '/') {
		*error_r = gp_arena_printf(settings->arena,
			"\"%s\" is not an absolute path; write one that "
			"begins with /%s", shown(settings, value),
			strchr(value, '$') == NULL ? "" :
			" ($ is not expanded here)");
		return -1;
	}
	return gp_setting_text(settings, field, value, error_r);
}

int gp_setting_optional_path(struct gp_settings *settings, void *field,
			     const char *value, const char **error_r)
{
	if (value[0] == '\0')
		return gp_setting_text(settings, field, value, error_r);
	return gp_setting_path(settings, field, value, error_r);
}

int gp_setting_domain(struct gp_settings *settings, void *field,
		      const char *value, const char **error_r)
{
	struct gp_name name;
	const char *reason;

	if (value[0] == '\0')
		return gp_setting_text(settings, field, value, error_r);
	if (gp_name_parse_domain(value, strlen(value), &name, &reason) < 0) {
		*error_r = gp_arena_printf(settings->arena,
			"\"%s\" is not a domain: %s", shown(settings, value),
			reason);
		return -1;
	}
	return gp_setting_text(settings, field, name.key, error_r);
}

/* True with the number for digits only, in [0, max]. */
static bool read_number(const char *value, unsigned long max,
			unsigned long *number_r)
{
	if (value[0] == '\0' || value[strspn(value, "0123456789")] != '\0')
		return false;
	errno = 0;
	*number_r = strtoul(value, NULL, 10);
	return errno == 0 && *number_r <= max;
}

int gp_setting_user(struct gp_settings *settings, void *field,
		    const char *value, const char **error_r)
{
	const struct passwd *user;
	unsigned long number;

	settings->map_owner_uid = (uid_t)-1;
	if (value[0] == '\0')
		return gp_setting_text(settings, field, value, error_r);
	user = getpwnam(value);
	if (user != NULL) {
		settings->map_owner_uid = user->pw_uid;
	} else if (read_number(value, UINT32_MAX - 1, &number)) {
		settings->map_owner_uid = (uid_t)number;
	} else {
		*error_r = gp_arena_printf(settings->arena,
			"there is no user \"%s\"; create it, or name the one "
			"who owns the maps", shown(settings, value));
		return -1;
	}
	return gp_setting_text(settings, field, value, error_r);
}

int gp_setting_networks(struct gp_settings *settings, void *field,
			const char *value, const char **error_r)
{
	char *list = gp_arena_strdup(settings->arena, value), *word;
	struct gp_netset_builder builder;
	int ret = 0;

	gp_netset_builder_init(&builder);
	while (ret == 0 && (word = next_word(&list)) != NULL)
		ret = gp_netset_builder_add(&builder, word, settings->arena,
					    error_r);
	if (ret == 0)
		gp_netset_builder_finish(&builder, settings->arena, field);
	gp_netset_builder_deinit(&builder);
	return ret;
}

/* The place of the value among the choices, or -1 with an error that lists
   them. */
static int choose(struct gp_settings *settings, const char *const *choices,
		  const char *value, const char **error_r)
{
	struct gp_text text;
	char storage[200];
	int i;

	gp_text_init_fixed(&text, storage, sizeof(storage));
	for (i = 0; choices[i] != NULL; i++) {
		if (strcmp(choices[i], value) == 0)
			return i;
		gp_text_addf(&text, "%s%s", i == 0 ? "" :
			     choices[i + 1] == NULL ? " or " : ", ",
			     choices[i]);
	}
	*error_r = gp_arena_printf(settings->arena,
				   "\"%s\" is not known here; write %s",
				   shown(settings, value), storage);
	return -1;
}

int gp_setting_yes_no(struct gp_settings *settings, void *field,
		      const char *value, const char **error_r)
{
	static const char *const choices[] = { "no", "yes", NULL };
	int choice = choose(settings, choices, value, error_r);

	*(bool *)field = choice == 1;
	return choice < 0 ? -1 : 0;
}

int gp_setting_tls_version(struct gp_settings *settings, void *field,
			   const char *value, const char **error_r)
{
	static const char *const choices[] = {
		[GP_TLS_NONE] = "none", [GP_TLS_1_0] = "1.0",
		[GP_TLS_1_1] = "1.1", [GP_TLS_1_2] = "1.2",
		[GP_TLS_1_3] = "1.3", NULL
	};
	int choice = choose(settings, choices, value, error_r);

	if (choice < 0)
		return -1;
	*(enum gp_tls_version *)field = (enum gp_tls_version)choice;
	return 0;
}

int gp_setting_on_missing_map(struct gp_settings *settings, void *field,
			      const char *value, const char **error_r)
{
	static const char *const choices[] = { "defer", "builtin", NULL };
	int choice = choose(settings, choices, value, error_r);

	*(bool *)field = choice == 1;
	return choice < 0 ? -1 : 0;
}

int gp_setting_disclose(struct gp_settings *settings, void *field,
			const char *value, const char **error_r)
{
	static const char *const choices[] = {
		[GP_DISCLOSE_DOMAIN] = "domain",
		[GP_DISCLOSE_MAILBOX] = "mailbox",
		[GP_DISCLOSE_NONE] = "none", NULL
	};
	int choice = choose(settings, choices, value, error_r);

	if (choice < 0)
		return -1;
	*(enum gp_disclose *)field = (enum gp_disclose)choice;
	return 0;
}

int gp_setting_service(const char *name)
{
	static const struct gp_other_service known[] = {
		{ "imap", GP_IMAP },
		{ "pop3", GP_POP3 },
		{ "submission", GP_SUBMISSION },
		{ "smtp", GP_SUBMISSION },
		{ "sieve", GP_SIEVE },
		{ "managesieve", GP_SIEVE },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, name) == 0)
			return (int)known[i].service;
	}
	return -1;
}

static int read_service(struct gp_settings *settings, char *word,
			struct gp_other_service *service_r,
			const char **error_r)
{
	char *equals = strchr(word, '=');
	int service;

	if (equals == NULL || equals == word) {
		*error_r = gp_arena_printf(settings->arena,
			"\"%s\" is not NAME=SERVICE; write one like xmpp=imap",
			shown(settings, word));
		return -1;
	}
	*equals = '\0';
	service = gp_service_from_name(equals + 1, strlen(equals + 1));
	if (service < 0) {
		*error_r = gp_arena_printf(settings->arena,
			"\"%s\" is not a service; write %s=imap, pop3, "
			"submission, sieve or webmail",
			shown(settings, equals + 1), shown(settings, word));
		return -1;
	}
	if (gp_setting_service(word) >= 0) {
		*error_r = gp_arena_printf(settings->arena,
			"%s is judged by its own rules; name services that "
			"Gatepost does not know", word);
		return -1;
	}
	service_r->name = word;
	service_r->service = (enum gp_service)service;
	return 0;
}

int gp_setting_services(struct gp_settings *settings, void *field,
			const char *value, const char **error_r)
{
	struct gp_other_service *services;
	char *list = gp_arena_strdup(settings->arena, value), *word;
	size_t count = 0;

	services = gp_arena_alloc(settings->arena,
		count_words(settings, value) * sizeof(*services));
	for (; (word = next_word(&list)) != NULL; count++) {
		if (read_service(settings, word, &services[count],
				 error_r) < 0)
			return -1;
	}
	*(struct gp_other_service **)field = services;
	settings->other_service_count = count;
	return 0;
}

int gp_setting_words(struct gp_settings *settings, void *field,
		     const char *value, const char **error_r)
{
	char *list = gp_arena_strdup(settings->arena, value), *word;
	const char **words;
	size_t count = 0;

	(void)error_r;
	words = gp_arena_alloc(settings->arena,
		(count_words(settings, value) + 1) * sizeof(*words));
	while ((word = next_word(&list)) != NULL)
		words[count++] = word;
	*(const char *const **)field = words;
	return 0;
}

static int read_port(struct gp_settings *settings, const char *word,
		     unsigned short *port_r, const char **error_r)
{
	unsigned long number;

	if (!read_number(word, 65535, &number) || number == 0) {
		*error_r = gp_arena_printf(settings->arena,
			"\"%s\" is not a port; write a number from 1 to 65535",
			shown(settings, word));
		return -1;
	}
	*port_r = (unsigned short)number;
	return 0;
}

int gp_setting_ports(struct gp_settings *settings, void *field,
		     const char *value, const char **error_r)
{
	char *list = gp_arena_strdup(settings->arena, value), *word;
	unsigned short *ports;
	size_t count = 0;

	ports = gp_arena_alloc(settings->arena,
		(count_words(settings, value) + 1) * sizeof(*ports));
	for (; (word = next_word(&list)) != NULL; count++) {
		if (read_port(settings, word, &ports[count], error_r) < 0)
			return -1;
	}
	*(const unsigned short **)field = ports;
	return 0;
}

static int check_socket(struct gp_settings *settings, const char *word,
			const char **error_r)
{
	const char *colon = strrchr(word, ':');
	unsigned short port;

	if (word[0] == '/' || strncmp(word, "unix:/", 6) == 0)
		return 0;
	if (strncmp(word, "inet:", 5) == 0 && colon > word + 5)
		return read_port(settings, colon + 1, &port, error_r);
	*error_r = gp_arena_printf(settings->arena,
		"\"%s\" is no place to listen at; write an absolute path, "
		"unix:/PATH or inet:127.0.0.1:10040", shown(settings, word));
	return -1;
}

int gp_setting_sockets(struct gp_settings *settings, void *field,
		       const char *value, const char **error_r)
{
	char *list = gp_arena_strdup(settings->arena, value), *word;

	if (count_words(settings, value) == 0) {
		*error_r = "no place to listen at; write an absolute path";
		return -1;
	}
	while ((word = next_word(&list)) != NULL) {
		if (check_socket(settings, word, error_r) < 0)
			return -1;
	}
	return gp_setting_text(settings, field, value, error_r);
}

static int read_count(struct gp_settings *settings, unsigned int *field,
		      const char *value, unsigned long max,
		      const char **error_r)
{
	unsigned long number;

	if (!read_number(value, max, &number) || number == 0) {
		*error_r = gp_arena_printf(settings->arena,
			"\"%s\" is not a number from 1 to %lu",
			shown(settings, value), max);
		return -1;
	}
	*field = (unsigned int)number;
	return 0;
}

int gp_setting_clients(struct gp_settings *settings, void *field,
		       const char *value, const char **error_r)
{
	return read_count(settings, field, value, 1000000, error_r);
}

/* Each is a process: a slip must not start a million. */
int gp_setting_workers(struct gp_settings *settings, void *field,
		       const char *value, const char **error_r)
{
	return read_count(settings, field, value, 256, error_r);
}

/* Up to an hour: it is there to be reached. */
int gp_setting_seconds(struct gp_settings *settings, void *field,
		       const char *value, const char **error_r)
{
	return read_count(settings, field, value, 3600, error_r);
}
