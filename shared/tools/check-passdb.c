/* The chain of passdbs: whether gatepost is asked about every login, before
   any password is looked at. */

#include "shared/tools/check.h"

#include <string.h>
#include <sys/stat.h>

static bool is_master(const struct gp_dove_block *passdb)
{
	return gp_dove_is_yes(gp_dove_value_or(passdb, "master", "no"));
}

static bool is_deny(const struct gp_dove_block *passdb)
{
	return gp_dove_is_yes(gp_dove_value_or(passdb, "deny", "no"));
}

const char *check_passdb_driver(const struct gp_dove_block *passdb)
{
	/* 2.4 names the driver in the section's name. */
	return gp_dove_value_or(passdb, "driver", passdb->name);
}

static bool is_gatepost(const struct gp_dove_block *passdb)
{
	return strcmp(check_passdb_driver(passdb), "gatepost") == 0;
}

const struct gp_dove_block *
check_gatepost_passdb(const struct gp_dove_block *block)
{
	while ((block = gp_dove_block_find(block, "passdb", NULL)) != NULL) {
		if (is_gatepost(block) && !is_master(block))
			return block;
		block = block->next;
	}
	return NULL;
}

static const struct gp_dove_block *
first_gatepost(const struct check_dovecot *dovecot)
{
	return check_gatepost_passdb(dovecot->conf.root.blocks);
}

const struct gp_dove_block *
check_next_passdb(const struct gp_dove_block *block)
{
	while ((block = gp_dove_block_find(block, "passdb", NULL)) != NULL &&
	       is_master(block))
		block = block->next;
	return block;
}

void check_name_passdb(const struct check_dovecot *dovecot,
		       const struct gp_dove_block *passdb,
		       struct gp_text *text)
{
	const struct gp_dove_block *block = dovecot->conf.root.blocks;
	unsigned number = 1;

	if (*passdb->name != '\0') {
		gp_text_addf(text, "%s %s", passdb->type, passdb->name);
		return;
	}
	for (; block != NULL && block != passdb; block = block->next) {
		if (strcmp(block->type, passdb->type) == 0)
			number++;
	}
	gp_text_addf(text, "%s number %u (%s)", passdb->type, number,
		     check_passdb_driver(passdb));
}

bool check_ends_chain(const struct gp_dove_block *passdb)
{
	const char *result = gp_dove_value_or(passdb, "result_success",
					      "return-ok");

	if (gp_dove_is_yes(gp_dove_value_or(passdb, "pass", "no")))
		return false;
	return strcmp(result, "continue") != 0 &&
	       strcmp(result, "continue-ok") != 0 &&
	       strcmp(result, "continue-fail") != 0;
}

static bool find_missing(const struct check_dovecot *dovecot,
			 struct gp_text *what, struct gp_text *write)
{
	(void)write;
	gp_text_addf(what, "%s: no passdb has the driver gatepost",
		     dovecot->conf.path);
	return first_gatepost(dovecot) == NULL;
}

static bool find_not_first(const struct check_dovecot *dovecot,
			   struct gp_text *what, struct gp_text *write)
{
	const struct gp_dove_block *passdb =
		check_next_passdb(dovecot->conf.root.blocks);

	(void)write;
	/* One that only refuses lets nobody in. */
	while (passdb != NULL && is_deny(passdb) && !is_gatepost(passdb))
		passdb = check_next_passdb(passdb->next);
	if (passdb == NULL || first_gatepost(dovecot) == NULL ||
	    is_gatepost(passdb))
		return false;
	check_name_passdb(dovecot, passdb, what);
	gp_text_add(what, " stands before gatepost");
	if (check_ends_chain(passdb))
		gp_text_add(what, ", with result_success=return-ok");
	return true;
}

/* A second gatepost judges the name that a database gives. */
static bool find_return_ok(const struct check_dovecot *dovecot,
			   struct gp_text *what, struct gp_text *write)
{
	const struct gp_dove_block *passdb = first_gatepost(dovecot);

	(void)write;
	if (passdb == NULL)
		return false;
	while ((passdb = check_next_passdb(passdb->next)) != NULL) {
		if (is_gatepost(passdb) || is_deny(passdb) ||
		    !check_ends_chain(passdb) ||
		    check_gatepost_passdb(passdb->next) == NULL)
			continue;
		check_name_passdb(dovecot, passdb, what);
		gp_text_add(what, " has result_success=return-ok, and a "
			    "gatepost passdb stands behind it");
		return true;
	}
	return false;
}

/* Any gatepost passdb with that setting, not having that value. */
static bool find_restricted(const struct check_dovecot *dovecot,
			    const char *setting, struct gp_text *what)
{
	const struct gp_dove_block *passdb = first_gatepost(dovecot);

	for (; passdb != NULL; passdb = check_gatepost_passdb(passdb->next)) {
		const char *value = gp_dove_value_or(passdb, setting, "");

		if (*value == '\0')
			continue;
		check_name_passdb(dovecot, passdb, what);
		gp_text_addf(what, " has %s=%s", setting, value);
		return true;
	}
	return false;
}

static bool find_filter(const struct check_dovecot *dovecot,
			struct gp_text *what, struct gp_text *write)
{
	(void)write;
	return find_restricted(dovecot, "username_filter", what);
}

static bool find_mechanisms(const struct check_dovecot *dovecot,
			    struct gp_text *what, struct gp_text *write)
{
	(void)write;
	return find_restricted(dovecot, dovecot->conf.is_2_4 ?
			       "mechanisms_filter" : "mechanisms", what);
}

static bool find_skip(const struct check_dovecot *dovecot,
		      struct gp_text *what, struct gp_text *write)
{
	const struct gp_dove_block *first = first_gatepost(dovecot), *passdb;

	(void)write;
	for (passdb = first; passdb != NULL;
	     passdb = check_gatepost_passdb(passdb->next)) {
		const char *skip = gp_dove_value_or(passdb, "skip", "never");

		if (strcmp(skip, "authenticated") != 0 &&
		    (passdb != first || strcmp(skip, "unauthenticated") != 0))
			continue;
		check_name_passdb(dovecot, passdb, what);
		gp_text_addf(what, " has skip=%s", skip);
		return true;
	}
	return false;
}

static bool find_deny(const struct check_dovecot *dovecot,
		      struct gp_text *what, struct gp_text *write)
{
	const struct gp_dove_block *passdb = first_gatepost(dovecot);

	(void)write;
	for (; passdb != NULL; passdb = check_gatepost_passdb(passdb->next)) {
		if (!is_deny(passdb))
			continue;
		check_name_passdb(dovecot, passdb, what);
		gp_text_add(what, " has deny=yes");
		return true;
	}
	return false;
}

/* The first passdb in a block of the root's, such as protocol imap { }. */
static const struct gp_dove_block *
nested_passdb(const struct gp_dove_block *block)
{
	for (; block != NULL; block = block->next) {
		const struct gp_dove_block *found = gp_dove_block_find(
			block->blocks, "passdb", NULL);

		if (found == NULL)
			found = nested_passdb(block->blocks);
		if (found != NULL)
			return found;
	}
	return NULL;
}

static bool find_nested(const struct check_dovecot *dovecot,
			struct gp_text *what, struct gp_text *write)
{
	const struct gp_dove_block *found =
		nested_passdb(dovecot->conf.root.blocks);

	(void)write;
	if (found == NULL)
		return false;
	gp_text_addf(what, "a passdb (%s) stands inside %s %s { }",
		     check_passdb_driver(found), found->parent->type,
		     found->parent->name);
	return true;
}

static bool find_master(const struct check_dovecot *dovecot,
			struct gp_text *what, struct gp_text *write)
{
	const struct gp_dove_block *passdb = dovecot->conf.root.blocks;

	(void)write;
	if (first_gatepost(dovecot) == NULL)
		return false;
	while ((passdb = gp_dove_block_find(passdb, "passdb", NULL)) != NULL) {
		if (is_master(passdb) && is_gatepost(passdb))
			return false;
		if (is_master(passdb) && check_ends_chain(passdb)) {
			check_name_passdb(dovecot, passdb, what);
			gp_text_add(what, " is for master users and ends "
				    "the chain");
			return true;
		}
		passdb = passdb->next;
	}
	return false;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat of_a, of_b;

	return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 &&
	       of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

static const char *conf_of(const struct check_dovecot *dovecot,
			   const struct gp_dove_block *passdb)
{
	const char *conf = gp_dove_value_or(passdb, "args", "");

	if (dovecot->conf.is_2_4)
		conf = gp_dove_value_or(passdb, "gatepost_config",
				gp_dove_value_or(&dovecot->conf.root,
						 "gatepost_config", ""));
	return *conf != '\0' ? conf : GP_SETTINGS_PATH;
}

static bool find_other_conf(const struct check_dovecot *dovecot,
			    struct gp_text *what, struct gp_text *write)
{
	const char *checked = dovecot->check->conf;
	const struct gp_dove_block *passdb = first_gatepost(dovecot);

	for (; passdb != NULL; passdb = check_gatepost_passdb(passdb->next)) {
		const char *conf = conf_of(dovecot, passdb);

		if (is_same_file(conf, checked))
			continue;
		check_name_passdb(dovecot, passdb, what);
		gp_text_addf(what, " reads %s, not %s", conf, checked);
		gp_text_addf(write, dovecot->conf.is_2_4 ?
			     "gatepost_config = %s" : "args = %s", checked);
		return true;
	}
	return false;
}

const struct check_dovecot_row check_passdb_rows[] = {
	{ "dovecot-passdb-missing", find_missing,
	  "no login by IMAP, POP3, ManageSieve or SMTP AUTH is judged",
	  "passdb {\n  driver = gatepost\n"
	  "  args = /etc/gatepost/gatepost.conf\n"
	  "  result_internalfail = return-fail\n}\n"
	  "before all other passdbs",
	  "passdb gatepost {\n  result_internalfail = return-fail\n}\n"
	  "before all other passdbs" },
	{ "dovecot-passdb-not-first", find_not_first,
	  "passwords are checked before the rules are asked, and whom that "
	  "passdb lets in is never judged",
	  "passdb { driver = gatepost ... } before all other passdbs",
	  "passdb gatepost { } before all other passdbs" },
	{ "dovecot-passdb-return-ok", find_return_ok,
	  "the gatepost passdb behind it is never asked: the name that the "
	  "database gives is not judged", "result_success = continue", NULL },
	{ "dovecot-passdb-filter", find_filter,
	  "names that the filter leaves out are never judged",
	  "no username_filter in the gatepost passdb", NULL },
	{ "dovecot-passdb-mechanisms", find_mechanisms,
	  "logins by other mechanisms are never judged",
	  "no \"mechanisms\" in the gatepost passdb",
	  "no \"mechanisms_filter\" in the gatepost passdb" },
	{ "dovecot-passdb-skip", find_skip,
	  "those logins are never judged: a way round every rule",
	  "no \"skip\" in the gatepost passdb", NULL },
	{ "dovecot-passdb-deny", find_deny,
	  "Dovecot takes each answer of it for the opposite",
	  "no \"deny\" in the gatepost passdb", NULL },
	{ "dovecot-passdb-protocol", find_nested,
	  "that protocol has another chain, in which gatepost may not be the "
	  "first",
	  "that passdb outside of the block, behind gatepost", NULL },
	{ "dovecot-passdb-master", find_master,
	  "a master user enters every mailbox, whatever its rules say",
	  "result_success = continue\nin that passdb", NULL },
	{ "dovecot-other-conf", find_other_conf,
	  "Dovecot's door obeys other settings and, maybe, another map than "
	  "the ones that were checked", "", NULL },
};

const size_t check_passdb_row_count = CHECK_ROWS(check_passdb_rows);
