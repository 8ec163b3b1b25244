#ifndef GP_PLUGIN_DOVECOT_API_H
#define GP_PLUGIN_DOVECOT_API_H

/* Dovecot's interfaces in one shape. They changed between 2.3 and 2.4 and
   several times within 2.4; configure finds out by compiling which shape the
   headers have (dovecot.m4). This is the only file that asks. The login plugin
   defines GP_DOVECOT_LOGIN before it, for its side has headers of its own. */

#include "config.h"
#include "lib.h"
#include "net.h"
#include "str.h"
#include "strescape.h"
#include "master-service.h"
#include "master-service-settings.h"

#include "shared/base/log.h"
#include "shared/net/address.h"

#ifndef GP_DOVECOT_PREINIT_ARGS
#include "settings.h"
#include "dovecot-plugin/settings-module.h"
#endif

/* Dovecot's log as a sink for ours. */
static inline void gp_dovecot_log(enum gp_log_level level, const char *line)
{
	switch (level) {
	case GP_LOG_DEBUG:
		i_debug("gatepost: %s", line);
		break;
	case GP_LOG_INFO:
		i_info("gatepost: %s", line);
		break;
	case GP_LOG_WARNING:
		i_warning("gatepost: %s", line);
		break;
	case GP_LOG_ERROR:
		i_error("gatepost: %s", line);
		break;
	}
}

static inline void
gp_dovecot_address(const struct ip_addr *ip, struct gp_address *address_r)
{
	if (ip->family == AF_INET)
		gp_address_from_bytes(&ip->u.ip4, 4, address_r);
	else if (ip->family == AF_INET6)
		gp_address_from_bytes(&ip->u.ip6, 16, address_r);
}

/* The file that the login plugin and the auth module prove themselves by, in
   the folder of this instance's sockets. */
static inline const char *gp_dovecot_key_path(void)
{
#ifdef GP_DOVECOT_PREINIT_ARGS
	const char *base_dir =
		master_service_settings_get(master_service)->base_dir;
#else
	const char *base_dir =
		master_service_get_service_settings(master_service)->base_dir;
#endif
	return t_strconcat(base_dir, "/gatepost.key", NULL);
}

#ifndef GP_DOVECOT_LOGIN

/* A refusal undoes what Dovecot did for a master user. */
#define AUTH_REQUEST_FIELDS_CONST

#include "auth-common.h"
#include "auth.h"
#include "auth-fields.h"
#include "auth-request.h"
#include "auth-settings.h"
#include "passdb.h"

#include "dovecot-plugin/facts.h"

/* "imap", "pop3", "submission", "sieve", "smtp", ... */
static inline const char *
gp_dovecot_service(const struct auth_request *request)
{
#ifdef GP_DOVECOT_FIELDS_PROTOCOL
	return request->fields.protocol;
#else
	return request->fields.service;
#endif
}

static inline enum gp_secured
gp_dovecot_secured(const struct auth_request *request)
{
#ifdef GP_DOVECOT_FIELDS_PROTOCOL
	switch (request->fields.conn_secured) {
	case AUTH_REQUEST_CONN_SECURED_NONE:
		return GP_SECURED_NO;
	case AUTH_REQUEST_CONN_SECURED:
		return GP_SECURED;
	case AUTH_REQUEST_CONN_SECURED_TLS:
		return GP_SECURED_TLS;
	}
#else
	switch (request->fields.secured) {
	case AUTH_REQUEST_SECURED_NONE:
		return GP_SECURED_NO;
	case AUTH_REQUEST_SECURED:
		return GP_SECURED;
	case AUTH_REQUEST_SECURED_TLS:
		return GP_SECURED_TLS;
	}
#endif
	return GP_SECURED_NO;
}

static inline void
gp_dovecot_credentials_result(lookup_credentials_callback_t *callback,
			      enum passdb_result result,
			      struct auth_request *request)
{
#ifdef GP_DOVECOT_CREDENTIALS_SCHEME
	callback(result, NULL, 0, NULL, request);
#else
	callback(result, NULL, 0, request);
#endif
}

/* The logins that a passdb is for, by the settings of its block; NULL stands
   for all. */
#if defined(GP_DOVECOT_PASSDB_MECHANISMS_FILTER)
#define gp_dovecot_mechanisms(passdb) ((passdb)->mechanisms_filter)
#define gp_dovecot_usernames(passdb) ((passdb)->username_filter)
#define GP_DOVECOT_NO_MECHANISM "lookup"
#else
#if defined(GP_DOVECOT_PASSDB_MECHANISMS)
#define gp_dovecot_mechanisms(passdb) ((passdb)->mechanisms)
#define gp_dovecot_usernames(passdb) ((passdb)->username_filter)
#else
#define gp_dovecot_mechanisms(passdb) ((passdb)->passdb->mechanisms)
#define gp_dovecot_usernames(passdb) ((passdb)->passdb->username_filter)
#endif
#define GP_DOVECOT_NO_MECHANISM "none"
#endif

/* Whether a passdb would not be asked for this login, as Dovecot finds it out
   before it goes on to the next. */
static inline bool
gp_dovecot_skips(const struct auth_request *request,
		 const struct auth_passdb *passdb)
{
	const char *mechanism = request->fields.mech_name == NULL ?
		GP_DOVECOT_NO_MECHANISM : request->fields.mech_name;
	const char *const *mechanisms = gp_dovecot_mechanisms(passdb);
	const char *const *usernames = gp_dovecot_usernames(passdb);

	if (passdb->skip == (request->fields.skip_password_check ?
			     AUTH_PASSDB_SKIP_AUTHENTICATED :
			     AUTH_PASSDB_SKIP_UNAUTHENTICATED))
		return TRUE;
	return (mechanisms != NULL &&
		!str_array_icase_find(mechanisms, mechanism)) ||
		(usernames != NULL &&
		 !auth_request_username_accepted(usernames,
						 request->fields.user));
}

/* Defines the interface's preinit function. create(pool, path) makes the
   module; path is that of gatepost.conf, empty for the default one. In 2.3 it
   is the passdb's "args", in 2.4 the setting gatepost_config. */
#ifdef GP_DOVECOT_PREINIT_ARGS
#define GP_DOVECOT_DEFINE_PREINIT(function, create) \
static struct passdb_module *function(pool_t pool, const char *args) \
{ \
	return create(pool, args); \
}
#else
#ifdef GP_DOVECOT_PREINIT_PARAMETERS
#define GP_DOVECOT_PARAMETERS \
	const struct passdb_parameters *parameters ATTR_UNUSED,
#else
#define GP_DOVECOT_PARAMETERS
#endif

#define GP_DOVECOT_DEFINE_PREINIT(function, create) \
static int function(pool_t pool, struct event *event, GP_DOVECOT_PARAMETERS \
		    struct passdb_module **module_r, const char **error_r) \
{ \
	const struct gatepost_settings *set; \
	if (settings_get(event, &gatepost_setting_parser_info, 0, &set, \
			 error_r) < 0) \
		return -1; \
	*module_r = create(pool, set->gatepost_config); \
	settings_free(set); \
	return 0; \
}
#endif

#else /* GP_DOVECOT_LOGIN */

#include "module-context.h"
#include "login-common.h"
#include "client-common.h"
#include "login-settings.h"
#include "iostream-ssl.h"
#ifdef GP_DOVECOT_LOGIN_CLEARTEXT
#include "ssl-settings.h"
#else
#include "master-service-ssl-settings.h"
#endif

/* Path of gatepost.conf; empty for the default one. Login processes of 2.3
   have no settings for plugins; import_environment passes this on. */
static inline const char *gp_dovecot_login_config(void)
{
#ifdef GP_DOVECOT_PREINIT_ARGS
	const char *path = getenv("GATEPOST_CONFIG");

	return path == NULL ? "" : path;
#else
	const struct gatepost_settings *set;
	const char *error, *path;

	if (settings_get(master_service_get_event(master_service),
			 &gatepost_setting_parser_info, 0, &set, &error) < 0) {
		i_error("gatepost: %s", error);
		return "";
	}
	path = t_strdup(set->gatepost_config);
	settings_free(set);
	return path;
#endif
}

/* TLS that a proxy in front has ended. */
static inline bool gp_dovecot_proxy_ended_tls(const struct client *client)
{
#ifdef GP_DOVECOT_LOGIN_CLEARTEXT
	return client->haproxy_terminated_tls;
#else
	return client->proxied_ssl;
#endif
}

/* TLS that was begun by STARTTLS. */
static inline bool gp_dovecot_used_starttls(const struct client *client)
{
#ifdef GP_DOVECOT_LOGIN_CLEARTEXT
	return client->connection_used_starttls;
#else
	return client->starttls;
#endif
}

static inline bool gp_dovecot_offers_tls(const struct client *client)
{
#ifdef GP_DOVECOT_LOGIN_CLEARTEXT
	return strcmp(client->ssl_server_set->ssl, "no") != 0;
#else
	return strcmp(client->ssl_set->ssl, "no") != 0;
#endif
}

/* From now on the client is treated as with ssl=required. Its settings are
   shared by all clients of the process: it gets copies. Neither a proxy without
   TLS nor a trusted network makes up for encryption then. */
static inline void gp_dovecot_require_tls(struct client *client)
{
	struct login_settings *set =
		p_memdup(client->pool, client->set, sizeof(*set));
#ifdef GP_DOVECOT_LOGIN_CLEARTEXT
	struct ssl_server_settings *ssl_set =
		p_memdup(client->pool, client->ssl_server_set,
			 sizeof(*ssl_set));

	set->auth_allow_cleartext = FALSE;
	client->ssl_server_set = ssl_set;
	client->connection_secured = client->connection_tls_secured;
#else
	struct master_service_ssl_settings *ssl_set =
		p_memdup(client->pool, client->ssl_set, sizeof(*ssl_set));

	set->disable_plaintext_auth = TRUE;
	client->ssl_set = ssl_set;
	client->secured = client->ssl_secured;
#endif
	ssl_set->ssl = "required";
	client->set = set;
}

/* Dovecot 2.4 reads the settings of a client again when it learns more about
   it (the name in SNI, another address), which undoes what was required. Calls
   the function then, which is to call this one first. */
typedef int gp_dovecot_reload(struct client *client, const char **error_r);

static inline void
gp_dovecot_hook_reload(struct client_vfuncs *v, gp_dovecot_reload *reload)
{
#ifdef GP_DOVECOT_LOGIN_CLEARTEXT
	v->reload_config = reload;
#else
	(void)v;
	(void)reload;
#endif
}

static inline int
gp_dovecot_super_reload(const struct client_vfuncs *super,
			struct client *client, const char **error_r)
{
#ifdef GP_DOVECOT_LOGIN_CLEARTEXT
	return super->reload_config == NULL ? 0 :
		super->reload_config(client, error_r);
#else
	(void)super;
	(void)client;
	(void)error_r;
	return 0;
#endif
}

/* Takes out the forwarded fields whose name begins with prefix, however it is
   written. */
static inline void
gp_dovecot_drop_forwarded(struct client *client, const char *prefix)
{
	size_t len = strlen(prefix);
#ifdef GP_DOVECOT_LOGIN_CLEARTEXT
	unsigned int i = 0;

	if (!array_is_created(&client->forward_fields))
		return;
	while (i < array_count(&client->forward_fields)) {
		const char *field = array_idx_elem(&client->forward_fields, i);

		if (strncasecmp(field, prefix, len) == 0)
			array_delete(&client->forward_fields, i, 1);
		else
			i++;
	}
#else
	const char *const *fields;
	string_t *kept;

	if (client->forward_fields == NULL)
		return;
	kept = t_str_new(128);
	for (fields = t_strsplit(str_c(client->forward_fields), "\t");
	     *fields != NULL; fields++) {
		if (strncasecmp(t_str_tabunescape(*fields), prefix, len) == 0)
			continue;
		if (str_len(kept) > 0)
			str_append_c(kept, '\t');
		str_append(kept, *fields);
	}
	str_truncate(client->forward_fields, 0);
	str_append_str(client->forward_fields, kept);
	/* client_add_forward_field() would put a tab in front. */
	if (str_len(kept) == 0)
		client->forward_fields = NULL;
#endif
}

#endif

#endif
