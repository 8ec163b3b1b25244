/* One table says what there is: name, kind of value, default. The defaults are
   read as if they stood in the file, so that they cannot differ from what the
   file may say. Everything wrong with the file is told at once. */

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shared/base/log.h"
#include "shared/rules/hints.h"
#include "shared/settings/conf.h"
#include "shared/settings/settings.h"
#include "shared/settings/values.h"

/* A larger file is no gatepost.conf. */
#define FILE_MAX ((size_t)16 << 20)

struct setting {
	const char *name;
	gp_setting_read *read;
	size_t field;
	const char *value;
};

#define FIELD(field) offsetof(struct gp_settings, field)

static const struct setting table[] = {
	{ "rules", gp_setting_path, FIELD(rules), "/etc/gatepost/rules" },
	{ "map", gp_setting_path, FIELD(map), "/etc/gatepost/rules.lmdb" },
	{ "map_owner", gp_setting_user, FIELD(map_owner), "" },
	{ "journal", gp_setting_optional_path, FIELD(journal), "" },
	{ "default_domain", gp_setting_domain, FIELD(default_domain), "" },
	{ "recipient_delimiter", gp_setting_text, FIELD(recipient_delimiter),
	  "" },
	{ "webmail_networks", gp_setting_networks,
	  FIELD(policy.webmail_networks), "" },
	{ "exempt_networks", gp_setting_networks,
	  FIELD(policy.exempt_networks), "" },
	{ "local_is_encrypted", gp_setting_yes_no,
	  FIELD(policy.local_is_encrypted), "yes" },
	{ "unknown_tls_version", gp_setting_tls_version,
	  FIELD(policy.unknown_tls_version), "1.2" },
	{ "other_services", gp_setting_services, FIELD(other_services), "" },
	{ "on_missing_map", gp_setting_on_missing_map,
	  FIELD(policy.builtin_without_map), "defer" },
	{ "disclose", gp_setting_disclose, FIELD(policy.disclose), "domain" },
	{ "submission_contexts", gp_setting_words, FIELD(submission_contexts),
	  "submission submissions" },
	{ "implicit_tls_contexts", gp_setting_words,
	  FIELD(implicit_tls_contexts), "submissions" },
	{ "submission_ports", gp_setting_ports, FIELD(submission_ports),
	  "465 587" },
	{ "implicit_tls_ports", gp_setting_ports, FIELD(implicit_tls_ports),
	  "465" },
	{ "policy_socket", gp_setting_sockets, FIELD(policy_socket),
	  "/var/spool/postfix/gatepost/policy" },
	{ "max_clients", gp_setting_clients, FIELD(max_clients), "10000" },
	{ "workers", gp_setting_workers, FIELD(workers), "1" },
	{ "request_timeout", gp_setting_seconds, FIELD(request_timeout),
	  "300" },
};

#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

struct loader {
	struct gp_settings *settings;
	enum gp_settings_unknown unknown;
	struct gp_text errors;
};

static void load_error(void *context, unsigned int line, const char *error)
{
	struct loader *loader = context;

	gp_text_addf(&loader->errors, "%s:%u: error: %s\n",
		     loader->settings->path, line, error);
}

static const char *nearest_name(const char *name)
{
	const char *names[TABLE_SIZE + 1];
	size_t i;

	for (i = 0; i < TABLE_SIZE; i++)
		names[i] = table[i].name;
	names[TABLE_SIZE] = NULL;
	return gp_hint_nearest(names, name, strlen(name));
}

static void unknown_setting(struct loader *loader, unsigned int line,
			    const char *name)
{
	const char *nearest = nearest_name(name);
	char storage[300];
	struct gp_text text;

	gp_text_init_fixed(&text, storage, sizeof(storage));
	gp_text_add(&text, "there is no setting \"");
	gp_text_add_escaped(&text, name, strlen(name), 40);
	gp_text_add_char(&text, '"');
	if (nearest != NULL)
		gp_text_addf(&text, "; do you mean \"%s\"?", nearest);
	if (loader->unknown == GP_SETTINGS_STOP)
		load_error(loader, line, storage);
	else
		gp_log(GP_LOG_WARNING, "%s:%u: %s (ignored)",
		       loader->settings->path, line, storage);
}

static void load_setting(void *context, unsigned int line, const char *name,
			 const char *value)
{
	struct loader *loader = context;
	const char *error;
	char *field;
	size_t i;

	for (i = 0; i < TABLE_SIZE; i++) {
		if (strcmp(table[i].name, name) != 0)
			continue;
		field = (char *)loader->settings + table[i].field;
		if (table[i].read(loader->settings, field, value, &error) < 0)
			load_error(loader, line,
				   gp_arena_printf(loader->settings->arena,
						   "%s: %s", name, error));
		return;
	}
	unknown_setting(loader, line, name);
}

struct gp_settings *gp_settings_default(void)
{
	struct gp_arena *arena = gp_arena_new();
	struct gp_settings *settings;
	const char *error;
	size_t i;
	int ret;

	settings = gp_arena_alloc(arena, sizeof(*settings));
	settings->arena = arena;
	settings->path = GP_SETTINGS_PATH;
	for (i = 0; i < TABLE_SIZE; i++) {
		ret = table[i].read(settings,
				    (char *)settings + table[i].field,
				    table[i].value, &error);
		assert(ret == 0);
		(void)ret;
	}
	return settings;
}

void gp_settings_free(struct gp_settings **settings)
{
	struct gp_arena *arena;

	if (*settings == NULL)
		return;
	arena = (*settings)->arena;
	*settings = NULL;
	gp_arena_free(&arena);
}

/* Returns 0, or -1 with errno. */
static int read_stream(FILE *file, struct gp_text *text)
{
	char piece[4096];
	size_t len;

	while ((len = fread(piece, 1, sizeof(piece), file)) > 0) {
		gp_text_add_mem(text, piece, len);
		if (text->len > FILE_MAX) {
			errno = EFBIG;
			return -1;
		}
	}
	return ferror(file) ? -1 : 0;
}

static int read_file(const char *path, struct gp_text *text)
{
	FILE *file = fopen(path, "re");
	int ret, saved;

	if (file == NULL)
		return -1;
	ret = read_stream(file, text);
	saved = errno;
	fclose(file);
	errno = saved;
	return ret;
}

static char *unreadable(const char *path, int error)
{
	struct gp_text text;

	gp_text_init(&text);
	gp_text_addf(&text, "%s: error: cannot be read: %s", path,
		     strerror(error));
	if (error == ENOENT)
		gp_text_add(&text, " (create it; an empty file stands for the "
			    "defaults)");
	else if (error == EACCES)
		gp_text_add(&text, " (run this as root, or as a member of its "
			    "group)");
	gp_text_add_char(&text, '\n');
	return text.data;
}

static int parse_file(struct loader *loader, const struct gp_text *file,
		      char **error_r)
{
	const struct gp_conf_sink sink = {
		.context = loader,
		.setting = load_setting,
		.error = load_error,
	};

	gp_text_init(&loader->errors);
	gp_conf_parse(file->data, file->len, &sink);
	if (loader->errors.len == 0) {
		gp_text_deinit(&loader->errors);
		return 0;
	}
	*error_r = loader->errors.data;
	errno = EINVAL;
	return -1;
}

int gp_settings_load(const char *path, enum gp_settings_unknown unknown,
		     struct gp_settings **settings_r, char **error_r)
{
	struct loader loader = { .unknown = unknown };
	struct gp_text file;
	int ret, error;

	*settings_r = NULL;
	gp_text_init(&file);
	ret = read_file(path, &file);
	error = errno;
	if (ret < 0) {
		*error_r = unreadable(path, error);
	} else {
		loader.settings = gp_settings_default();
		loader.settings->path =
			gp_arena_strdup(loader.settings->arena, path);
		ret = parse_file(&loader, &file, error_r);
		error = errno;
	}
	gp_text_deinit(&file);
	if (ret < 0)
		gp_settings_free(&loader.settings);
	else
		*settings_r = loader.settings;
	errno = error;
	return ret;
}

int gp_settings_service(const struct gp_settings *settings, const char *name)
{
	size_t i;

	for (i = 0; i < settings->other_service_count; i++) {
		if (strcmp(settings->other_services[i].name, name) == 0)
			return (int)settings->other_services[i].service;
	}
	return gp_setting_service(name);
}
