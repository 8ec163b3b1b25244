#ifndef GP_DOVECOT_PLUGIN_DOVECOT_API_H
#define GP_DOVECOT_PLUGIN_DOVECOT_API_H

/* Dovecot's auth interface in one shape. It changed between 2.3 and 2.4 and
   several times within 2.4; configure finds out by compiling which shape the
   headers have (dovecot.m4). This is the only file that asks. */

#include "config.h"
#include "lib.h"
#include "net.h"
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
#include "settings.h"
#include "dovecot-plugin/settings-module.h"

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

#endif
