#ifndef GP_SETTINGS_SETTINGS_H
#define GP_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <sys/types.h>
#include "shared/base/arena.h"
#include "shared/rules/request.h"

/* gatepost.conf, in main.cf's syntax: "name = value", a line that starts with
   white space continues the one before, "#" at the start of a line (after
   optional white space) is a comment, the last of two settings counts, "$name"
   is not expanded. */

#define GP_SETTINGS_PATH "/etc/gatepost/gatepost.conf"

struct gp_settings {
	struct gp_arena *arena;
	/* The file they came from. */
	const char *path;

	const char *rules;
	const char *map;
	/* Who owns maps besides root; (uid_t)-1 when not set. */
	const char *map_owner;
	uid_t map_owner_uid;
	const char *journal;
	const char *default_domain;
	const char *recipient_delimiter;

	/* Services Gatepost does not know, and as which they are judged. */
	struct gp_other_service {
		const char *name;
		enum gp_service service;
	} *other_services;
	size_t other_service_count;

	/* NULL-terminated lists. */
	const char *const *submission_contexts;
	const char *const *implicit_tls_contexts;
	/* 0-terminated lists. */
	const unsigned short *submission_ports;
	const unsigned short *implicit_tls_ports;

	/* A path, or inet:HOST:PORT, or unix:PATH; several are separated by
	   white space or commas. */
	const char *policy_socket;
	unsigned max_clients;
	unsigned workers;
	/* In seconds. */
	unsigned request_timeout;

	struct gp_policy policy;
};

/* What to do with a setting that does not exist. */
enum gp_settings_unknown {
	/* Commands: an error. */
	GP_SETTINGS_STOP,
	/* Doors: a warning in the log. */
	GP_SETTINGS_GO_ON
};

/* Reads the file. Returns 0, or -1 with all that is wrong, one
   "FILE:LINE: error: ..." a line, allocated from the heap and to be freed by
   the caller. A missing file is an error that says so and sets errno to
   ENOENT; other errors set it to EINVAL or what open(2) set. Values are
   checked here: networks, numbers, names. */
int gp_settings_load(const char *path, enum gp_settings_unknown unknown,
		     struct gp_settings **settings_r, char **error_r);
/* The defaults of all settings, as if the file were empty. */
struct gp_settings *gp_settings_default(void);
void gp_settings_free(struct gp_settings **settings);

/* The service for a name that Dovecot uses ("imap", "managesieve", "smtp"),
   or -1 when it is not judged. */
int gp_settings_service(const struct gp_settings *settings, const char *name);

#endif
