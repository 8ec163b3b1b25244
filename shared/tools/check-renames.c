/* Whether the name that is entered is one that gatepost was asked about. A
   name that a passdb gives is judged by a gatepost passdb behind it; one that
   only a userdb gives, or that a proxy logs in with, is never judged, and no
   module can do it. It is no fault where a passdb gives the same in the same
   words and is judged: delivery, which asks no passdb, may need it. What is
   not understood is not reported. */

#include "shared/tools/check.h"

#include <string.h>

#include "shared/tools/query.h"

/* "userdb_" is what a passdb says for a userdb: Dovecot takes these three at
   once, so that they count behind it already. */
static const char *const passdb_names[] = {
	"user", "username", "domain", "userdb_user", "userdb_username",
	"userdb_domain", NULL
};
static const char *const userdb_names[] = {
	"user", "username", "domain", NULL
};
static const char *const proxy_names[] = { "destuser", NULL };
/* As a master user has it: the mailbox to be entered. When the chain goes on,
   it begins anew with that one, and gatepost with it; the passdb that gave it
   must not be asked again, or there is no end. */
static const char *const login_names[] = { "login_user", NULL };

/* What a passdb or userdb gives for another name than it was asked for. */
struct given {
	bool by_query;
	/* One of the names above; empty for a query. */
	const char *name;
	/* As written, or the query's column. */
	const char *value;
};

/* Whole names, their local parts and their domains as they were typed, in
   small letters at most: what rules are asked for is the same. */
static const char *const same_name[] = {
	"%u", "%Lu", "%{user}", "%{user|lower}", "%{original_user}", NULL
};
static const char *const same_local[] = {
	"%n", "%Ln", "%{username}", "%{user|username}",
	"%{user|username|lower}", "%{user|lower|username}", NULL
};
static const char *const same_domain[] = {
	"%d", "%Ld", "%{domain}", "%{user|domain}", "%{user|domain|lower}",
	"%{user|lower|domain}", NULL
};

static const char *base_of(const char *name)
{
	static const char prefix[] = "userdb_";
	size_t len = strlen(prefix);

	if (strcmp(name, "destuser") == 0)
		return "user";
	return strncmp(name, prefix, len) == 0 ? name + len : name;
}

static bool keeps_name(const char *field, const char *value)
{
	const char *base = base_of(field);
	bool is_proxy = strcmp(field, "destuser") == 0;
	char name[32];
	size_t len = 0;

	for (; *value != '\0' && len + 1 < sizeof(name); value++) {
		/* A proxy may log in as "mailbox*master". */
		if (is_proxy && *value == '*')
			break;
		if (*value != ' ')
			name[len++] = *value;
	}
	name[len] = '\0';
	return (strcmp(base, "domain") != 0 &&
		check_has_word(same_name, name)) ||
	       (strcmp(base, "username") == 0 &&
		check_has_word(same_local, name)) ||
	       (strcmp(base, "domain") == 0 &&
		check_has_word(same_domain, name));
}

static bool take_field(const char *name, const char *value,
		       struct given *given_r)
{
	if (value == NULL || keeps_name(name, value))
		return false;
	*given_r = (struct given) { .name = name, .value = value };
	return true;
}

/* "x=1 user=%n" */
static bool words_give(const struct check_dovecot *dovecot, const char *words,
		       const char *const *names, struct given *given_r)
{
	const char *word, *equals;

	while ((word = gp_dove_next_word(&words,
					 dovecot->check->arena)) != NULL) {
		equals = strchr(word, '=');
		for (size_t i = 0; equals != NULL && names[i] != NULL; i++) {
			if (strlen(names[i]) == (size_t)(equals - word) &&
			    strncmp(word, names[i], strlen(names[i])) == 0 &&
			    take_field(names[i], equals + 1, given_r))
				return true;
		}
	}
	return false;
}

static bool fields_give(const struct gp_dove_block *block,
			const char *const *names, struct given *given_r)
{
	const struct gp_dove_block *fields =
		gp_dove_block_find(block->blocks, "fields", NULL);

	for (; fields != NULL && *names != NULL; names++) {
		if (take_field(*names, gp_dove_value(fields, *names), given_r))
			return true;
	}
	return false;
}

/* 2.3 has the query in a file of its own. */
static const char *query_of(const struct check_dovecot *dovecot,
			    const struct gp_dove_block *block)
{
	const struct check *check = dovecot->check;
	bool is_userdb = strcmp(block->type, "userdb") == 0;
	const char *query, *file;

	if (strcmp(check_passdb_driver(block), "sql") != 0)
		return NULL;
	query = gp_dove_value(block, "query");
	if (query == NULL)
		query = gp_dove_value(block, is_userdb ? "userdb_sql_query" :
				      "passdb_sql_query");
	if (query != NULL)
		return query;
	file = check_read_file(check, gp_dove_value_or(block, "args", ""));
	return file == NULL ? NULL :
	       gp_query_setting(file, is_userdb ? "user_query" :
				"password_query", check->arena);
}

static bool query_gives(const struct check_dovecot *dovecot,
			const struct gp_dove_block *block,
			const char *const *names, struct given *given_r)
{
	const char *query = query_of(dovecot, block);
	const char *column = query == NULL ? NULL :
		gp_query_renames(query, names, dovecot->check->arena);

	*given_r = (struct given) {
		.by_query = true, .name = "", .value = column
	};
	return column != NULL;
}

static bool gives(const struct check_dovecot *dovecot,
		  const struct gp_dove_block *block,
		  const char *const *names, struct given *given_r)
{
	static const char *const words[] = {
		"default_fields", "override_fields", "args"
	};

	if (query_gives(dovecot, block, names, given_r) ||
	    fields_give(block, names, given_r))
		return true;
	for (size_t i = 0; i < CHECK_ROWS(words); i++) {
		if (strcmp(words[i], "args") == 0 &&
		    strcmp(check_passdb_driver(block), "static") != 0)
			continue;
		if (words_give(dovecot, gp_dove_value_or(block, words[i], ""),
			       names, given_r))
			return true;
	}
	return false;
}

/* Whether a passdb gives the same, and gatepost is asked behind it. */
static bool is_judged(const struct check_dovecot *dovecot,
		      const struct given *given)
{
	const struct gp_dove_block *passdb =
		check_next_passdb(dovecot->conf.root.blocks);
	struct given judged;

	for (; passdb != NULL; passdb = check_next_passdb(passdb->next)) {
		if (check_gatepost_passdb(passdb->next) != NULL &&
		    gives(dovecot, passdb, passdb_names, &judged) &&
		    judged.by_query == given->by_query &&
		    strcmp(base_of(judged.name), base_of(given->name)) == 0 &&
		    strcmp(judged.value, given->value) == 0)
			return true;
	}
	return false;
}

static void say(const struct check_dovecot *dovecot,
		const struct gp_dove_block *block, const char *does,
		const struct given *given, struct gp_text *what)
{
	check_name_passdb(dovecot, block, what);
	gp_text_addf(what, " %s ", does);
	if (given->by_query)
		gp_text_addf(what, "a name by its query, from %s, which the "
			     "query does not compare with the login",
			     given->value);
	else
		gp_text_addf(what, "another name (%s=%s)", given->name,
			     given->value);
	gp_text_add(what, ", and no gatepost passdb ");
}

static bool find_renames(const struct check_dovecot *dovecot,
			 struct gp_text *what, struct gp_text *write)
{
	const struct gp_dove_block *passdb =
		check_next_passdb(dovecot->conf.root.blocks);
	struct given given;

	(void)write;
	for (; passdb != NULL; passdb = check_next_passdb(passdb->next)) {
		if (check_gatepost_passdb(passdb->next) != NULL ||
		    !gives(dovecot, passdb, passdb_names, &given))
			continue;
		say(dovecot, passdb, "gives the user", &given, what);
		gp_text_add(what, "stands behind it");
		return true;
	}
	return false;
}

static bool find_unjudged(const struct check_dovecot *dovecot,
			  const char *type, const char *const *names,
			  const char *does, struct gp_text *what)
{
	const struct gp_dove_block *block = dovecot->conf.root.blocks;
	struct given given;

	while ((block = gp_dove_block_find(block, type, NULL)) != NULL) {
		if (gives(dovecot, block, names, &given) &&
		    !is_judged(dovecot, &given)) {
			say(dovecot, block, does, &given, what);
			gp_text_add(what, "is asked about that one");
			return true;
		}
		block = block->next;
	}
	return false;
}

static bool find_login_user(const struct check_dovecot *dovecot,
			    struct gp_text *what, struct gp_text *write)
{
	const struct gp_dove_block *passdb =
		check_next_passdb(dovecot->conf.root.blocks);
	struct given given;

	(void)write;
	for (; passdb != NULL; passdb = check_next_passdb(passdb->next)) {
		if ((!check_ends_chain(passdb) &&
		     strcmp(gp_dove_value_or(passdb, "skip", "never"),
			    "authenticated") == 0) ||
		    !gives(dovecot, passdb, login_names, &given))
			continue;
		say(dovecot, passdb, "gives the user", &given, what);
		gp_text_add(what, "is asked about that one");
		return true;
	}
	return false;
}

static bool find_userdb(const struct check_dovecot *dovecot,
			struct gp_text *what, struct gp_text *write)
{
	(void)write;
	return find_unjudged(dovecot, "userdb", userdb_names,
			     "gives the user", what);
}

static bool find_destuser(const struct check_dovecot *dovecot,
			  struct gp_text *what, struct gp_text *write)
{
	(void)write;
	return find_unjudged(dovecot, "passdb", proxy_names,
			     "gives the proxy", what);
}

#define BEHIND_2_3 \
	"result_success = continue\nin that passdb, and behind it one more\n" \
	"passdb {\n  driver = gatepost\n" \
	"  args = /etc/gatepost/gatepost.conf\n}"
#define BEHIND_2_4 \
	"result_success = continue\nin that passdb, and behind it one more\n" \
	"passdb gatepost-renamed {\n  driver = gatepost\n}"

const struct check_dovecot_row check_renames_rows[] = {
	{ "dovecot-passdb-renames", find_renames,
	  "the name as typed is judged, and another mailbox is entered",
	  BEHIND_2_3, BEHIND_2_4 },
	{ "dovecot-login-user", find_login_user,
	  "the rules of the mailbox that is entered do not count",
	  "skip = authenticated\n" BEHIND_2_3,
	  "skip = authenticated\n" BEHIND_2_4 },
	{ "dovecot-userdb-renames", find_userdb,
	  "gatepost is not asked after a userdb: the rules of the mailbox "
	  "that is entered do not count",
	  "the same name as \"user\" in what the passdb returns,\n"
	  BEHIND_2_3,
	  "the same name as \"user\" in what the passdb returns,\n"
	  BEHIND_2_4 },
	{ "dovecot-destuser", find_destuser,
	  "the rules of the mailbox that the proxy enters do not count",
	  "the same name as \"user\" in what that passdb returns,\n"
	  BEHIND_2_3,
	  "the same name as \"user\" in what that passdb returns,\n"
	  BEHIND_2_4 },
};

const size_t check_renames_row_count = CHECK_ROWS(check_renames_rows);
