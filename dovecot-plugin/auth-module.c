/* The auth module: passdb driver "gatepost", which checks no password. It
   stands first in the chain of passdbs, so that a login is judged before any
   password is looked at, and hands on what it lets in.

   It fails closed: without rules every login it would have to judge ends in a
   temporary failure, for a right and a wrong password alike, whatever the
   chain says of internal failures. A refusal is USER_DISABLED, the only result
   that no later passdb can turn into success. Look-ups that are no login
   (LMTP, doveadm, userdb) are never judged: a refusal there would bounce
   mail. */

#include "dovecot-plugin/dovecot-api.h"

#include "shared/base/arena.h"
#include "shared/base/log.h"
#include "shared/base/text.h"
#include "shared/map/reader.h"
#include "shared/rules/decide.h"
#include "shared/rules/reply.h"
#include "shared/settings/settings.h"
#include "dovecot-plugin/facts.h"
#include "dovecot-plugin/proof.h"
#include "dovecot-plugin/reason.h"
#include "dovecot-plugin/word.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRIVER "gatepost"

struct module;

struct gp_passdb {
	struct passdb_module module;
	/* NULL when gatepost.conf could not be read: then nothing is known of
	   what is to be judged, and every login is deferred. */
	struct gp_settings *settings;
	struct gp_map *map;
	/* For the name in force and for the name as typed: a verdict's error
	   may lie there. */
	struct gp_arena *scratch[2];
	/* By which the login plugin's word is known to be that. */
	struct gp_proof_key key;
};

/* One login while it is judged. */
struct gp_login {
	struct auth_request *auth;
	struct gp_passdb *db;
	/* Somebody has looked at the password already: another passdb, that of
	   the master users, or Dovecot 2.4, which checks tokens first. */
	bool proven;
	struct gp_request request;
	struct gp_verdict verdict;
	/* The login plugin's word; empty without it. */
	struct gp_word word;
};

void authdb_gatepost_init(struct module *module);
void authdb_gatepost_deinit(void);
extern const char *authdb_gatepost_version;
extern const char authdb_gatepost_built_beside[];

const char *authdb_gatepost_version = DOVECOT_ABI_VERSION;
/* For gatepost check: builds of one ABI differ inside, too. */
const char authdb_gatepost_built_beside[] =
	"gatepost-built-beside:" GP_DOVECOT_AUTH_BUILD;

static void add_name(struct gp_text *text, const char *field, const char *name)
{
	if (name == NULL)
		return;
	gp_text_addf(text, ", %s=<", field);
	gp_text_add_escaped(text, name, strlen(name), 128);
	gp_text_add(text, ">");
}

/* One line for whatever is not simply let in. It does not depend on
   auth_verbose, as Dovecot's own lines about failed logins do: whoever cannot
   log in will call. */
static void log_verdict(const struct gp_login *login)
{
	const struct auth_request_fields *fields = &login->auth->fields;
	struct gp_text line;

	gp_text_init(&line);
	if (gp_reply_log(&login->verdict, &login->request, &line)) {
		add_name(&line, "master", fields->requested_login_user != NULL ?
			 fields->user : fields->master_user);
		add_name(&line, "method", fields->mech_name);
		if (login->word.tls)
			add_name(&line, "cipher", login->word.cipher);
		add_name(&line, "session", fields->session_id);
		gp_log(login->verdict.kind == GP_DEFER ?
		       GP_LOG_ERROR : GP_LOG_INFO, "%s", line.data);
	}
	gp_text_deinit(&line);
}

static const char *find_forwarded(void *context, const char *name)
{
	struct auth_fields *fields = context;

	return auth_fields_find(fields, t_strconcat("forward_", name, NULL));
}

/* Returns the login plugin's word, or NULL. */
static const struct gp_word *receive_word(struct gp_login *login)
{
	const struct auth_request_fields *fields = &login->auth->fields;
	struct gp_text line;
	int ret;

	if (!gp_facts_can_have_word(gp_dovecot_service(login->auth)))
		return NULL;
	ret = gp_word_receive(&login->db->key, fields->session_id,
			      find_forwarded, fields->extra_fields,
			      &login->word);
	if (ret > 0)
		return &login->word;
	memset(&login->word, 0, sizeof(login->word));
	if (ret < 0) {
		gp_text_init(&line);
		gp_text_add(&line, "forwarded facts are not the login "
			    "plugin's and are not believed");
		add_name(&line, "user", fields->user);
		add_name(&line, "session", fields->session_id);
		gp_log(GP_LOG_WARNING, "%s", line.data);
		gp_text_deinit(&line);
	}
	return NULL;
}

static void set_facts(struct gp_login *login, struct gp_facts *facts_r)
{
	const struct auth_request_fields *fields = &login->auth->fields;

	memset(facts_r, 0, sizeof(*facts_r));
	facts_r->service = gp_dovecot_service(login->auth);
	facts_r->secured = gp_dovecot_secured(login->auth);
	gp_dovecot_address(&fields->remote_ip, &facts_r->remote);
	gp_dovecot_address(&fields->real_remote_ip, &facts_r->real_remote);
	gp_dovecot_address(&fields->real_local_ip, &facts_r->real_local);
	facts_r->word = receive_word(login);
}

/* The mailbox that is to be entered: a master user asks for somebody
   else's. */
static const char *mailbox_entered(const struct auth_request *auth)
{
	return auth->fields.requested_login_user != NULL ?
		auth->fields.requested_login_user : auth->fields.user;
}

static void judge_name(struct gp_login *login, const char *name, size_t len,
		       struct gp_arena *scratch, struct gp_verdict *verdict_r)
{
	login->request.login = name;
	login->request.login_len = len;
	gp_map_judge(login->db->map, &login->db->settings->policy,
		     &login->request, scratch, verdict_r);
}

/* A refusal is final, so that it counts more than the lack of an answer. */
static int strictness(enum gp_verdict_kind kind)
{
	switch (kind) {
	case GP_REFUSE:
		return 3;
	case GP_DEFER:
		return 2;
	case GP_TRIAL:
		return 1;
	case GP_ALLOW:
		break;
	}
	return 0;
}

static void judge_name_as_typed(struct gp_login *login)
{
	const struct auth_request *auth = login->auth;
	const struct gp_login_names names = {
		.mailbox = mailbox_entered(auth),
		.typed = auth->fields.requested_login_user != NULL ||
			auth->fields.master_user != NULL ? NULL :
			auth->fields.original_username,
		.translation = auth->set->username_translation_map
	};
	struct gp_request request = login->request;
	struct gp_verdict verdict;
	struct gp_text typed;

	gp_text_init(&typed);
	if (gp_facts_lost_domain(&names, &typed)) {
		judge_name(login, typed.data, typed.len, login->db->scratch[1],
			   &verdict);
		if (strictness(verdict.kind) >
		    strictness(login->verdict.kind)) {
			login->verdict = verdict;
			/* The line in the log tells the name that was judged;
			   the request must not point to our buffer later. */
			login->request.login =
				t_strndup(typed.data, typed.len);
		} else {
			login->request = request;
		}
	}
	gp_text_deinit(&typed);
}

static bool stands_behind(const struct auth_passdb *passdb,
			  const struct auth_passdb *ours)
{
	bool others = false;

	for (; passdb != NULL && passdb != ours; passdb = passdb->next) {
		if (!passdb->set->deny &&
		    strcmp(passdb->passdb->iface.name, DRIVER) != 0)
			others = true;
	}
	return passdb != NULL && others;
}

/* True when the owner of a token has proven that he is it. */
static bool is_by_token(const struct auth_request *auth)
{
	const char *mechanism = auth->fields.mech_name;

	return auth->fields.skip_password_check &&
		(strcasecmp(mechanism, "XOAUTH2") == 0 ||
		 strcasecmp(mechanism, "OAUTHBEARER") == 0);
}

static void judge(struct gp_login *login, enum gp_service service)
{
	const char *mailbox = mailbox_entered(login->auth);
	const struct auth *chains = auth_request_get_auth(login->auth);
	const struct auth_passdb *ours = login->auth->passdb;
	struct gp_facts facts;

	set_facts(login, &facts);
	gp_facts_request(&facts, service, &login->request);
	judge_name(login, mailbox, strlen(mailbox), login->db->scratch[0],
		   &login->verdict);
	judge_name_as_typed(login);
	/* Any other answer than that to a wrong password would tell that this
	   one was right, or wrong. */
	login->proven = login->auth->fields.master_user != NULL ||
		is_by_token(login->auth) ||
		stands_behind(chains->passdbs, ours) ||
		stands_behind(chains->masterdbs, ours);
	if (login->proven)
		login->verdict.disclosed = false;
}

/* True when no passdb behind this one will be asked. */
static bool is_last(const struct auth_request *auth)
{
	const struct auth_passdb *passdb = auth->passdb->next;

	while (passdb != NULL && gp_dovecot_skips(auth, passdb))
		passdb = passdb->next;
	return passdb == NULL;
}

/* Lets the chain go on, wherever in it this passdb stands. NEXT from the last
   passdb would be an internal failure: behind one that has checked the
   password it says OK, and behind one that has failed it leaves the failure
   as it is. Neither may end a chain that goes on, nor be turned into something
   else by the rules that the configuration sets for this passdb. */
static enum passdb_result pass_on(struct auth_request *auth)
{
	bool last = is_last(auth);

	auth->passdb->result_success = last ? AUTH_DB_RULE_RETURN_OK :
		AUTH_DB_RULE_CONTINUE;
	auth->passdb->result_failure = AUTH_DB_RULE_CONTINUE;
	/* OK would also say that a master user's password was right. */
	if (auth->fields.skip_password_check &&
	    auth->fields.requested_login_user == NULL)
		return PASSDB_RESULT_OK;
	return last ? PASSDB_RESULT_USER_UNKNOWN : PASSDB_RESULT_NEXT;
}

/* A wrong password leaves only the fields that came with the login; so does
   this. What earlier passdbs returned (a host to be proxied to, say) must not
   tell that the password was right. */
static void drop_fields_of_passdbs(struct auth_request *auth)
{
	struct auth_fields *fields = auth->fields.extra_fields;
	const struct auth_field *field;
	ARRAY_TYPE(const_string) names;
	const char *name;

	t_array_init(&names, 16);
	array_foreach(auth_fields_export(fields), field) {
		if (strncmp(field->key, "forward_", 8) != 0)
			array_push_back(&names, &field->key);
	}
	array_foreach_elem(&names, name)
		auth_fields_remove(fields, name);
	/* After a failure Dovecot goes back to what there was. */
	auth_fields_snapshot(fields);
}

/* A wrong password leaves a master user outside, whom Dovecot has taken in as
   another; so does this. */
static void put_master_outside(struct auth_request *auth)
{
	struct auth_request_fields *fields = &auth->fields;
	const char *mailbox = fields->user;

	auth_request_set_username_forced(auth, fields->master_user);
	auth_request_set_login_username_forced(auth, mailbox);
	fields->master_user = NULL;
	event_field_clear(auth->event, "master_user");
}

static void tell(const struct gp_login *login)
{
	struct auth_request *auth = login->auth;
	bool with_code = login->request.service == GP_IMAP;
	char storage[GP_REPLY_MAX + 32];
	struct gp_text reason;

	gp_text_init_fixed(&reason, storage, sizeof(storage));
	gp_reply_dovecot(&login->verdict, login->request.service, with_code,
			 &reason);
	gp_reason_make_harmless(storage, with_code);
	auth_request_set_field(auth, "reason", storage, NULL);
	/* A scanner that keeps trying must not slow its neighbours. */
	auth_request_set_field(auth, "nodelay", "", NULL);
}

static enum passdb_result refuse(const struct gp_login *login)
{
	struct auth_request *auth = login->auth;

	if (login->proven)
		drop_fields_of_passdbs(auth);
	if (auth->fields.master_user != NULL)
		put_master_outside(auth);
	if (login->verdict.disclosed)
		tell(login);
	if (!is_by_token(auth))
		return PASSDB_RESULT_USER_DISABLED;
	/* What the client is sent says that its token is no good: for a user
	   who is disabled it would say that it was. Without the rule the token
	   would outweigh our failure. */
	auth->passdb->result_failure = AUTH_DB_RULE_RETURN_FAIL;
	return PASSDB_RESULT_PASSWORD_MISMATCH;
}

/* Dovecot 2.4.0 to 2.4.2 forget that a failure was temporary where a token was
   right. */
static enum passdb_result defer(struct auth_request *auth)
{
	auth->internal_failure = TRUE;
	return PASSDB_RESULT_INTERNAL_FAILURE;
}

static enum passdb_result act(const struct gp_login *login)
{
	log_verdict(login);
	switch (login->verdict.kind) {
	case GP_ALLOW:
	case GP_TRIAL:
		return pass_on(login->auth);
	case GP_REFUSE:
		return refuse(login);
	case GP_DEFER:
		break;
	}
	return defer(login->auth);
}

static enum passdb_result gatepost_lookup(struct auth_request *auth)
{
	struct gp_login login = {
		.auth = auth,
		.db = (struct gp_passdb *)auth->passdb->passdb
	};
	int service;

	/* No login: LMTP and doveadm ask whether a user exists. */
	if (auth->fields.mech_name == NULL)
		return pass_on(auth);
	/* Plain "return" would let in those whom a mechanism or an earlier
	   passdb has already accepted. */
	auth->passdb->result_internalfail = AUTH_DB_RULE_RETURN_FAIL;
	if (login.db->settings == NULL) {
		gp_log(GP_LOG_ERROR, "login deferred: gatepost.conf could not "
		       "be read when the auth process started; correct it, "
		       "then run: doveadm reload");
		return defer(auth);
	}
	service = gp_settings_service(login.db->settings,
				      gp_dovecot_service(auth));
	if (service < 0)
		return pass_on(auth);
	judge(&login, service);
	return act(&login);
}

static void gatepost_verify_plain(struct auth_request *auth,
				  const char *password ATTR_UNUSED,
				  verify_plain_callback_t *callback)
{
	callback(gatepost_lookup(auth), auth);
}

static void gatepost_lookup_credentials(struct auth_request *auth,
					lookup_credentials_callback_t *callback)
{
	gp_dovecot_credentials_result(callback, gatepost_lookup(auth), auth);
}

static void load_key(struct gp_proof_key *key_r)
{
	char *error;

	if (gp_proof_key_load(gp_dovecot_key_path(), key_r, &error) == 0)
		return;
	gp_log(GP_LOG_WARNING, "%s (the login plugin will not be believed)",
	       error);
	free(error);
}

/* Called as root, once for each gatepost.conf that is named. The map is opened
   here, so that one which only root can read serves until it is replaced. */
static struct passdb_module *gatepost_new(pool_t pool, const char *conf)
{
	const char *path = *conf == '\0' ? GP_SETTINGS_PATH : conf;
	struct gp_passdb *db = p_new(pool, struct gp_passdb, 1);
	const char *error;
	char *errors;

	/* Verdicts change from one moment to the next: never cached. */
	db->module.default_cache_key = NULL;
	if (gp_settings_load(path, GP_SETTINGS_GO_ON, &db->settings,
			     &errors) < 0) {
		gp_log_lines(GP_LOG_ERROR, errors);
		free(errors);
		db->settings = NULL;
		return &db->module;
	}
	load_key(&db->key);
	for (size_t i = 0; i < N_ELEMENTS(db->scratch); i++)
		db->scratch[i] = gp_arena_new();
	db->map = gp_map_new(db->settings->map, db->settings->map_owner_uid);
	if (gp_map_source(db->map, &error) == NULL)
		gp_log(GP_LOG_ERROR, "%s", error);
	return &db->module;
}

GP_DOVECOT_DEFINE_PREINIT(gatepost_preinit, gatepost_new)

/* Called as the auth process's own user. */
static void gatepost_init(struct passdb_module *module)
{
	struct gp_passdb *db = (struct gp_passdb *)module;

	/* In a worker, what is done against failing open has no effect on the
	   process that decides. */
	module->blocking = FALSE;
	if (db->settings != NULL && access(db->settings->map, R_OK) < 0 &&
	    errno == EACCES)
		gp_log(GP_LOG_ERROR, "%s: the auth process may not read it: a "
		       "new map will not be taken over; set \"extra_groups = "
		       "gatepost\" in service auth, or: chgrp dovecot %s",
		       db->settings->map, db->settings->map);
}

static void gatepost_deinit(struct passdb_module *module)
{
	struct gp_passdb *db = (struct gp_passdb *)module;

	gp_map_free(&db->map);
	for (size_t i = 0; i < N_ELEMENTS(db->scratch); i++)
		gp_arena_free(&db->scratch[i]);
	gp_settings_free(&db->settings);
}

static struct passdb_module_interface gatepost_interface = {
	.name = DRIVER,
	.preinit = gatepost_preinit,
	.init = gatepost_init,
	.deinit = gatepost_deinit,
	.verify_plain = gatepost_verify_plain,
	.lookup_credentials = gatepost_lookup_credentials
};

void authdb_gatepost_init(struct module *module ATTR_UNUSED)
{
	gp_log_set_sink(gp_dovecot_log);
	passdb_register_module(&gatepost_interface);
}

void authdb_gatepost_deinit(void)
{
	passdb_unregister_module(&gatepost_interface);
	gp_log_set_sink(NULL);
}
