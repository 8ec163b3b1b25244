/* What of Dovecot's settings bears on logins before and beside the chain of
   passdbs: mechanisms, names, whom it trusts, and encryption that it demands
   by itself, so that a rule can do nothing. */

#include "shared/tools/check.h"

#include <stdlib.h>
#include <string.h>

/* Whether the setting has such a value in a block below, where it holds for
   some protocol or network only. */
static bool is_somewhere(const struct gp_dove_block *blocks, const char *name,
			 bool (*fits)(const char *value))
{
	for (; blocks != NULL; blocks = blocks->next) {
		const char *value = gp_dove_value(blocks, name);

		if ((value != NULL && fits(value)) ||
		    is_somewhere(blocks->blocks, name, fits))
			return true;
	}
	return false;
}

static bool is_no(const char *value)
{
	return !gp_dove_is_yes(value) && strcmp(value, "required") != 0;
}

static bool find_mechanism(const struct check_dovecot *dovecot,
			   struct gp_text *what, struct gp_text *write)
{
	static const struct {
		const char *name;
		bool winbind_only;
	} unasked[] = {
		{ "anonymous", false }, { "ntlm", true },
		{ "gss-spnego", true },
	};
	const struct gp_dove_block *root = &dovecot->conf.root;
	bool winbind = gp_dove_is_yes(gp_dove_value_or(
		root, "auth_use_winbind", "no"));

	(void)write;
	for (size_t i = 0; i < CHECK_ROWS(unasked); i++) {
		if ((unasked[i].winbind_only && !winbind) ||
		    !gp_dove_list_has(root, "auth_mechanisms",
				      unasked[i].name))
			continue;
		gp_text_addf(what, "auth_mechanisms has %s, which asks no "
			     "passdb", unasked[i].name);
		return true;
	}
	return false;
}

/* Looks at what stands behind a "%": sets keeps_r when it has the domain in
   it. Returns how many bytes it has. */
static size_t read_variable(const char *str, bool *keeps_r)
{
	const char *end;
	size_t i = 0;

	if (*str == '{') {
		char name[200];

		end = strchr(str, '}');
		if (end == NULL || (size_t)(end - str) >= sizeof(name))
			return 1;
		memcpy(name, str, (size_t)(end - str));
		name[end - str] = '\0';
		*keeps_r |= strstr(name, "username") == NULL &&
			(strstr(name, "user") != NULL ||
			 strstr(name, "domain") != NULL);
		return (size_t)(end - str) + 1;
	}
	/* Modifiers, as in %Lu or %2.1Mu. */
	while (strchr("LUEXRTMHN0123456789.-", str[i]) != NULL &&
	       str[i] != '\0')
		i++;
	*keeps_r |= str[i] == 'u' || str[i] == 'd';
	return str[i] != '\0' ? i + 1 : i;
}

static bool keeps_domain(const char *format)
{
	bool keeps = *format == '\0';

	for (format = strchr(format, '%'); format != NULL;
	     format = strchr(format, '%'))
		format += 1 + read_variable(format + 1, &keeps);
	return keeps;
}

static bool find_format(const struct check_dovecot *dovecot,
			struct gp_text *what, struct gp_text *write)
{
	const char *format = gp_dove_value_or(&dovecot->conf.root,
					      "auth_username_format", "");

	(void)write;
	if (keeps_domain(format) ||
	    *dovecot->check->settings->default_domain != '\0')
		return false;
	gp_text_addf(what, "auth_username_format = %s cuts the domain off, "
		     "and default_domain in %s is empty", format,
		     dovecot->check->conf);
	return true;
}

static bool find_chars(const struct check_dovecot *dovecot,
		       struct gp_text *what, struct gp_text *write)
{
	const char *chars = gp_dove_value(&dovecot->conf.root,
					  "auth_username_chars");
	const struct gp_dove_block *passdb = dovecot->conf.root.blocks;

	(void)write;
	if (chars == NULL || *chars != '\0')
		return false;
	while ((passdb = gp_dove_block_find(passdb, "passdb", NULL)) != NULL) {
		if (strcmp(check_passdb_driver(passdb), "sql") == 0) {
			gp_text_add(what, "auth_username_chars is empty, and "
				    "a passdb asks SQL");
			return true;
		}
		passdb = passdb->next;
	}
	return false;
}

/* "192.0.2.0/24", but not "192.0.2.1" or "192.0.2.1/32". */
static bool is_wide(const char *network)
{
	const char *slash = strchr(network, '/');
	int bits = strchr(network, ':') != NULL ? 128 : 32;

	return slash != NULL && atoi(slash + 1) < bits;
}

static bool find_wide(const struct check_dovecot *dovecot, const char *name,
		      struct gp_text *what)
{
	const char *value = gp_dove_value_or(&dovecot->conf.root, name, "");
	const char *network;

	while ((network = gp_dove_next_word(&value,
					    dovecot->check->arena)) != NULL) {
		if (is_wide(network)) {
			gp_text_addf(what, "%s has %s, which is wider than a "
				     "single host", name, network);
			return true;
		}
	}
	return false;
}

static bool find_trusted(const struct check_dovecot *dovecot,
			 struct gp_text *what, struct gp_text *write)
{
	(void)write;
	return find_wide(dovecot, "login_trusted_networks", what);
}

static bool find_haproxy(const struct check_dovecot *dovecot,
			 struct gp_text *what, struct gp_text *write)
{
	(void)write;
	return find_wide(dovecot, "haproxy_trusted_networks", what);
}

static const struct gp_dove_block *
block_without_plugin(const struct gp_dove_block *blocks)
{
	for (; blocks != NULL; blocks = blocks->next) {
		const struct gp_dove_block *found;

		if (strcmp(blocks->type, "login_plugins") == 0)
			continue;
		if (gp_dove_has_list(blocks, "login_plugins") &&
		    !gp_dove_list_has(blocks, "login_plugins",
				      "gatepost_login"))
			return blocks;
		found = block_without_plugin(blocks->blocks);
		if (found != NULL)
			return found;
	}
	return NULL;
}

static bool find_plugin(const struct check_dovecot *dovecot,
			struct gp_text *what, struct gp_text *write)
{
	const struct gp_dove_block *root = &dovecot->conf.root, *block;

	(void)write;
	if (!gp_dove_list_has(root, "login_plugins", "gatepost_login")) {
		gp_text_add(what, "login_plugins does not name "
			    "gatepost_login");
		return true;
	}
	block = block_without_plugin(root->blocks);
	if (block == NULL)
		return false;
	gp_text_addf(what, "login_plugins does not name gatepost_login in "
		     "%s %s { }", block->type, block->name);
	return true;
}

/* 2.4 has a setting for it, which the passdb reads, too. */
static bool find_plugin_conf(const struct check_dovecot *dovecot,
			     struct gp_text *what, struct gp_text *write)
{
	static const char name[] = "GATEPOST_CONFIG=";
	const char *checked = dovecot->check->conf;
	const char *value, *conf;

	if (dovecot->conf.is_2_4 || strcmp(checked, GP_SETTINGS_PATH) == 0 ||
	    !gp_dove_list_has(&dovecot->conf.root, "login_plugins",
			      "gatepost_login"))
		return false;
	value = gp_dove_value_or(&dovecot->conf.root, "import_environment",
				 "");
	conf = strstr(value, name);
	if (conf != NULL &&
	    strncmp(conf + strlen(name), checked, strlen(checked)) == 0)
		return false;
	gp_text_addf(what, "the login plugin is not told to read %s",
		     checked);
	gp_text_addf(write, "import_environment = TZ %s%s", name, checked);
	return true;
}

/* Encryption. */

static bool server_forbids_cleartext(const struct check_dovecot *dovecot,
				     struct gp_text *what)
{
	const struct gp_dove_block *root = &dovecot->conf.root;

	if (strcmp(gp_dove_value_or(root, "ssl", "yes"), "required") == 0) {
		if (is_somewhere(root->blocks, "ssl", is_no))
			return false;
		gp_text_add(what, "ssl = required");
	} else if (dovecot->conf.is_2_4) {
		if (gp_dove_is_yes(gp_dove_value_or(
				root, "auth_allow_cleartext", "no")) ||
		    is_somewhere(root->blocks, "auth_allow_cleartext",
				 gp_dove_is_yes))
			return false;
		gp_text_add(what, "auth_allow_cleartext = no");
	} else {
		if (!gp_dove_is_yes(gp_dove_value_or(
				root, "disable_plaintext_auth", "yes")) ||
		    is_somewhere(root->blocks, "disable_plaintext_auth",
				 is_no))
			return false;
		gp_text_add(what, "disable_plaintext_auth = yes");
	}
	return true;
}

/* The services that Dovecot's login processes serve; submission may be
   Postfix's. */
static bool is_dovecots(unsigned service)
{
	return service == GP_IMAP || service == GP_POP3 ||
	       service == GP_SIEVE;
}

static bool find_no_cleartext(const struct check_dovecot *dovecot,
			      struct gp_text *what, struct gp_text *write)
{
	const struct check_rules *rules = &dovecot->check->rules;

	(void)write;
	for (unsigned i = 0; i < GP_SERVICES; i++) {
		const struct check_lines *lines = &rules->cleartext[i];

		if (!is_dovecots(i) || lines->count == 0)
			continue;
		if (!server_forbids_cleartext(dovecot, what))
			return false;
		gp_text_addf(what, " overrules what %s says of %s in "
			     "cleartext", lines->example, gp_service_name(i));
		if (lines->count > 1)
			gp_text_addf(what, ", and %zu more lines",
				     lines->count - 1);
		return true;
	}
	return false;
}

static bool find_ssl_off(const struct check_dovecot *dovecot,
			 struct gp_text *what, struct gp_text *write)
{
	const char *ssl = gp_dove_value_or(&dovecot->conf.root, "ssl", "yes");

	(void)write;
	gp_text_addf(what, "ssl = %s", ssl);
	return is_no(ssl);
}

static enum gp_tls_version ssl_min_version(const char *name)
{
	if (strcmp(name, "TLSv1") == 0 || strcmp(name, "TLSv1.0") == 0)
		return GP_TLS_1_0;
	if (strcmp(name, "TLSv1.1") == 0)
		return GP_TLS_1_1;
	if (strcmp(name, "TLSv1.2") == 0)
		return GP_TLS_1_2;
	if (strcmp(name, "TLSv1.3") == 0 || strcmp(name, "LATEST") == 0)
		return GP_TLS_1_3;
	return GP_TLS_NONE;
}

static bool find_ssl_min(const struct check_dovecot *dovecot,
			 struct gp_text *what, struct gp_text *write)
{
	const char *name = gp_dove_value_or(&dovecot->conf.root,
					    "ssl_min_protocol", "TLSv1.2");
	enum gp_tls_version server = ssl_min_version(name);

	(void)write;
	for (unsigned i = GP_TLS_1_0; i < server; i++) {
		const struct check_lines *lines =
			&dovecot->check->rules.tls_min[i];

		if (lines->count == 0)
			continue;
		gp_text_addf(what, "ssl_min_protocol = %s overrules tls_min=%s "
			     "of %s", name, gp_tls_version_name(i),
			     lines->example);
		return true;
	}
	return false;
}

static bool is_closed(const struct check_dovecot *dovecot,
		      const char *service, const char *listener)
{
	const struct gp_dove_block *block = gp_dove_block_find(
		dovecot->conf.root.blocks, "service", service);

	if (block == NULL)
		return false;
	block = gp_dove_block_find(block->blocks, "inet_listener", listener);
	return block != NULL &&
	       strcmp(gp_dove_value_or(block, "port", ""), "0") == 0;
}

static bool find_no_implicit(const struct check_dovecot *dovecot,
			     struct gp_text *what, struct gp_text *write)
{
	static const struct {
		enum gp_service service;
		const char *login;
		const char *listener;
	} known[] = {
		{ GP_IMAP, "imap-login", "imaps" },
		{ GP_POP3, "pop3-login", "pop3s" },
	};

	(void)write;
	for (size_t i = 0; i < CHECK_ROWS(known); i++) {
		const struct check_lines *lines =
			&dovecot->check->rules.implicit[known[i].service];

		if (lines->count == 0 ||
		    !is_closed(dovecot, known[i].login, known[i].listener))
			continue;
		gp_text_addf(what, "the listener %s has port = 0, and %s "
			     "accepts implicit TLS alone",
			     known[i].listener, lines->example);
		return true;
	}
	return false;
}

const struct check_dovecot_row check_login_rows[] = {
	{ "dovecot-mechanism", find_mechanism,
	  "whoever uses it is never judged: a way round every rule",
	  "auth_mechanisms = plain login", NULL },
	{ "dovecot-username-format", find_format,
	  "users of all domains who type no domain are judged by the rules of "
	  "\"@\", not by their domain's",
	  "auth_username_format = %Lu\nor, in gatepost.conf, default_domain",
	  "auth_username_format = %{user | lower}\n"
	  "or, in gatepost.conf, default_domain" },
	{ "dovecot-username-chars", find_chars,
	  "the database may find a mailbox under a name that it does not have "
	  "(by its collation), and the rules of that name are asked for",
	  "no auth_username_chars: the default keeps such names out", NULL },
	{ "dovecot-trusted-networks", find_trusted,
	  "every host there can claim any address for a client (ID, XCLIENT): "
	  "a way round allow_nets and trusted_nets, and no encryption is "
	  "demanded of it",
	  "login_trusted_networks = the addresses of the proxies, one by one",
	  NULL },
	{ "dovecot-haproxy-networks", find_haproxy,
	  "every host there can claim any address and TLS for a client in a "
	  "PROXY header: a way round every rule but \"off\"",
	  "haproxy_trusted_networks = the addresses of the proxies, one by one",
	  NULL },
	{ "dovecot-login-plugin", find_plugin,
	  "the version of TLS is not known there (unknown_tls_version counts), "
	  "nor TLS from the first byte; clients without TLS are asked for "
	  "passwords that no rule accepts",
	  "login_plugins = gatepost_login",
	  "login_plugins {\n  gatepost_login = yes\n}" },
	{ "dovecot-login-plugin-conf", find_plugin_conf,
	  "it reads " GP_SETTINGS_PATH ", and nobody is asked for encryption "
	  "beforehand by the rules that were checked", "", NULL },
	{ "dovecot-cleartext", find_no_cleartext,
	  "Dovecot refuses cleartext before the rules are asked: such a rule "
	  "has no effect",
	  "disable_plaintext_auth = no\nssl = yes\n"
	  "so that Gatepost alone decides, or all=tls in the rules",
	  "auth_allow_cleartext = yes\nssl = yes\n"
	  "so that Gatepost alone decides, or all=tls in the rules" },
	{ "dovecot-ssl-off", find_ssl_off,
	  "no client can encrypt: every rule but \"cleartext\" refuses all of "
	  "them", "ssl = yes", NULL },
	{ "dovecot-ssl-min", find_ssl_min,
	  "Dovecot ends such a connection in the handshake: the rule has no "
	  "effect",
	  "ssl_min_protocol = TLSv1\n(and ciphers that go with it), or a "
	  "higher tls_min", NULL },
	{ "dovecot-implicit", find_no_implicit,
	  "whom that rule is for has no way in",
	  "port = 993 (995 for pop3s) and ssl = yes in that listener", NULL },
};

const size_t check_login_row_count = CHECK_ROWS(check_login_rows);
