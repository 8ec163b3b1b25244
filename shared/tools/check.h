#ifndef GP_TOOLS_CHECK_H
#define GP_TOOLS_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include "shared/base/arena.h"
#include "shared/base/text.h"
#include "shared/map/reader.h"
#include "shared/settings/settings.h"
#include "shared/tools/doveconf.h"
#include "shared/tools/postconf.h"

/* "gatepost check": whether this host is set up so that the rules are obeyed.
   Each way of being wrong is a row of a table: a small function that looks at
   a parsed configuration, what it leads to, and what to write. */

struct check_options {
	const char *config;
	/* NULL: what doveconf and postconf find by themselves. */
	const char *dovecot_config;
	const char *postfix_config;
	/* NULL: as Dovecot's default for login_plugin_dir says. */
	const char *module_dir;
	const char *policyd_user;
	bool no_dovecot;
	bool no_postfix;
	bool quiet;
	bool json;
};

struct check_finding {
	const char *id;
	const char *what;
	const char *leads_to;
	const char *write;
	struct check_finding *next;
};

/* Lines of the rules that have something in common: how many, and the first,
   as "KEY (FILE:LINE)". */
struct check_lines {
	size_t count;
	const char *example;
};

/* What the rules in force ask of the servers. */
struct check_rules {
	/* That accept cleartext there, from anywhere or some networks. */
	struct check_lines cleartext[GP_SERVICES];
	struct check_lines implicit[GP_SERVICES];
	/* That write this tls_min. */
	struct check_lines tls_min[GP_TLS_1_3 + 1];
};

struct check {
	const struct check_options *options;
	struct gp_arena *arena;
	/* The file the settings come from. */
	const char *conf;
	struct gp_settings *settings;
	/* Both NULL when no map can be read; then rules is empty. */
	struct gp_map *map;
	const struct gp_source *source;
	struct check_rules rules;
	struct check_finding *findings;
	struct check_finding **next;
	size_t count;
};

/* Texts are copied. */
void check_add(struct check *check, const char *id, const char *what,
	       const char *leads_to, const char *write);
/* The same for a text that is put together; it is emptied. */
void check_add_text(struct check *check, const char *id, struct gp_text *what,
		    const char *leads_to, const char *write);
void check_print(const struct check *check);

/* A text file that a server reads, or NULL. */
const char *check_read_file(const struct check *check, const char *path);

/* Runs a program that must succeed. Returns its output, or NULL with a finding
   of that id. */
const char *check_run(struct check *check, const char *id,
		      const char *const argv[]);

/* gatepost.conf: false when it cannot be read; then there is nothing to check
   the rest against. */
bool check_settings(struct check *check);
/* Rules, map and summary; opens the map. */
void check_map(struct check *check);
void check_read_rules(struct check *check);
void check_dovecot(struct check *check);
void check_postfix(struct check *check);

/* Whether that user, with those further groups (separated by white space), can
   read the file and get through the folders above it. Root can. */
bool check_may_read(const char *path, const char *user, const char *groups);
/* The same for connecting to a socket. */
bool check_may_connect(const char *path, const char *user);
/* Whether others than its owner and group may write to the file. */
bool check_is_open_to_all(const char *path);

/* A table's rows speak of the Dovecot configuration... */
struct check_dovecot {
	struct check *check;
	struct gp_doveconf conf;
	const char *module_dir;
	const char *libexec_dir;
};

struct check_dovecot_row {
	const char *id;
	/* Whether this is so: says what is wrong, and may say what to write
	   where the row cannot know. */
	bool (*find)(const struct check_dovecot *dovecot,
		     struct gp_text *what, struct gp_text *write);
	const char *leads_to;
	const char *write;
	/* NULL: the same. */
	const char *write_2_4;
};

extern const struct check_dovecot_row check_passdb_rows[];
extern const size_t check_passdb_row_count;
extern const struct check_dovecot_row check_renames_rows[];
extern const size_t check_renames_row_count;
extern const struct check_dovecot_row check_login_rows[];
extern const size_t check_login_row_count;
extern const struct check_dovecot_row check_module_rows[];
extern const size_t check_module_row_count;

/* "passdb NAME" or "passdb number 2 (sql)"; a userdb likewise. */
void check_name_passdb(const struct check_dovecot *dovecot,
		       const struct gp_dove_block *passdb,
		       struct gp_text *text);
const char *check_passdb_driver(const struct gp_dove_block *passdb);
/* The next passdb that is not for master users, at or behind block; NULL. */
const struct gp_dove_block *
check_next_passdb(const struct gp_dove_block *block);
/* True when no passdb is asked behind it once the password was right. */
bool check_ends_chain(const struct gp_dove_block *passdb);
/* The next passdb of the driver gatepost, not for master users, at or behind
   block; NULL. */
const struct gp_dove_block *
check_gatepost_passdb(const struct gp_dove_block *block);

/* ...and of one smtpd service of Postfix. */
enum check_smtpd {
	/* Port 25, or what else takes mail from outside. */
	CHECK_OUTSIDE = 1,
	CHECK_SUBMISSION = 2
};

/* The check as it stands in one of the lists of restrictions. */
struct check_policy {
	bool found;
	const char *list;
	/* "unix:gatepost/policy" */
	const char *endpoint;
	/* What in front of it lets somebody through, or NULL. */
	const char *behind;
	const char *default_action;
	const char *timeout;
	const char *try_limit;
};

struct check_postfix {
	struct check *check;
	struct gp_postconf conf;
	const struct gp_postconf_service *service;
	enum check_smtpd kind;
	struct check_policy relay;
	struct check_policy recipient;
	/* The first that is found: of relay, recipient, or a list where it
	   should not stand. */
	struct check_policy any;
};

struct check_postfix_row {
	const char *id;
	unsigned kinds;
	bool (*find)(const struct check_postfix *postfix,
		     struct gp_text *what);
	const char *leads_to;
	const char *write;
};

extern const struct check_postfix_row check_policy_rows[];
extern const size_t check_policy_row_count;
extern const struct check_postfix_row check_smtpd_rows[];
extern const size_t check_smtpd_row_count;

/* The service's value of a parameter, or what holds without one. */
const char *check_smtpd_value(const struct check_postfix *postfix,
			      const char *name, const char *missing);
bool check_smtpd_is_yes(const struct check_postfix *postfix,
			const char *name);
/* Fills in the three policies. */
void check_find_policies(struct check_postfix *postfix);
/* Whether a NULL-terminated list of words has the word. */
bool check_has_word(const char *const *words, const char *word);
/* What in a list of restrictions lets somebody through before
   gatepost-policyd is asked, or NULL. */
const char *check_permit_in_list(const struct check_postfix *postfix,
				 const char *list);
/* The first entry of an access table ("hash:/etc/postfix/trusted") that lets
   somebody through, as "KEY" OK; NULL when there is none or the table is no
   text that could be read. */
const char *check_table_permits(const struct check_postfix *postfix,
				const char *table);

#define CHECK_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

#endif
