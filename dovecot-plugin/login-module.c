/* The login plugin, in the login processes of IMAP, POP3, submission and
   ManageSieve. It does two things the auth module cannot do: it tells the auth
   module what it sees of the client's own connection, and where no rule at all
   accepts cleartext from there, it lets nobody send a password before the
   connection is encrypted.

   It decides nothing else, and needs no map. When something is missing it says
   less, and the auth module, which then knows less, is the stricter for it.

   Everything is opened while the process is still root and outside its chroot:
   files only, never a folder, through which one could leave the chroot. */

#define GP_DOVECOT_LOGIN
#include "dovecot-plugin/dovecot-api.h"

#include "shared/base/log.h"
#include "shared/map/summary.h"
#include "shared/net/netset.h"
#include "shared/settings/settings.h"
#include "dovecot-plugin/proof.h"
#include "dovecot-plugin/word.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct gp_login_client {
	union login_client_module_context module_ctx;
	/* The ends of the connection, before the client could say anything
	   about them (ID, XCLIENT). */
	struct gp_address connection;
	struct gp_address server;
	/* No rule accepts cleartext from there. */
	bool must_encrypt;
};

#define GP_LOGIN_CONTEXT(client) \
	MODULE_CONTEXT(client, gatepost_login_module)

static MODULE_CONTEXT_DEFINE_INIT(gatepost_login_module,
				  &login_module_register);

static struct gp_proof_key proof_key;
/* NULL when gatepost.conf could not be read. */
static struct gp_settings *settings;
/* -1 when there is no summary. */
static int summary_fd = -1;

void gatepost_login_init(struct module *module);
void gatepost_login_deinit(void);
extern const char *gatepost_login_version;
extern const char gatepost_login_built_beside[];

const char *gatepost_login_version = DOVECOT_ABI_VERSION;
/* For gatepost check: builds of one ABI differ inside, too. */
const char gatepost_login_built_beside[] =
	"gatepost-built-beside:" GP_DOVECOT_LOGIN_BUILD;

/* The word. */

static void set_tls(const struct client *client, struct gp_word *word)
{
	/* What TLS there may be between the proxy and us is not the
	   client's. */
	if (gp_dovecot_proxy_ended_tls(client)) {
		word->tls = true;
		word->implicit = true;
		word->version = GP_TLS_UNKNOWN;
	} else if (client->ssl_iostream != NULL) {
		unsigned int bits;
		const char *cipher =
			ssl_iostream_get_cipher(client->ssl_iostream, &bits);

		word->tls = true;
		word->implicit = !gp_dovecot_used_starttls(client);
		word->version = gp_word_version(
			ssl_iostream_get_protocol_name(client->ssl_iostream));
		i_strocpy(word->cipher, cipher, sizeof(word->cipher));
	}
}

static void add_field(void *context, const char *name, const char *value)
{
	client_add_forward_field(context, name, value);
}

static void forward_word(struct client *client)
{
	struct gp_login_client *mclient = GP_LOGIN_CONTEXT(client);
	struct gp_word word;

	/* What a client has put there under our names, or we ourselves at an
	   earlier attempt. */
	gp_dovecot_drop_forwarded(client, GP_WORD_PREFIX);
	if (!proof_key.known)
		return;
	i_zero(&word);
	word.connection = mclient->connection;
	word.server = mclient->server;
	set_tls(client, &word);
	gp_word_send(&word, &proof_key, client_get_session_id(client),
		     add_field, client);
}

/* Called for each mechanism when a list of them is shown, and for the one that
   was chosen as a login begins, just before the forwarded fields are sent. */
static bool gatepost_sasl_filter_mech(struct client *client,
				      struct auth_mech_desc *mech)
{
	struct gp_login_client *mclient = GP_LOGIN_CONTEXT(client);
	struct client_vfuncs *super = &mclient->module_ctx.super;

	if (super->sasl_filter_mech != NULL &&
	    !super->sasl_filter_mech(client, mech))
		return FALSE;
	if (client->authenticating) T_BEGIN {
		forward_word(client);
	} T_END;
	return TRUE;
}

/* Encryption demanded beforehand. */

/* True when the summary says for sure that no rule accepts cleartext from
   there. */
static bool no_cleartext_from(const struct gp_address *address)
{
	unsigned char bytes[GP_SUMMARY_MAX];
	struct gp_summary summary;
	struct stat st;
	ssize_t len;

	/* A summary that was replaced or removed will never change again. */
	if (summary_fd == -1 || fstat(summary_fd, &st) < 0 || st.st_nlink == 0)
		return false;
	len = pread(summary_fd, bytes, sizeof(bytes), 0);
	return len > 0 && gp_summary_decode(bytes, len, &summary) == 0 &&
		!summary.anywhere &&
		!gp_netset_contains(&summary.networks, address);
}

static bool must_encrypt(const struct client *client,
			 const struct gp_login_client *mclient)
{
	return settings != NULL && gp_dovecot_offers_tls(client) &&
		mclient->connection.known &&
		!gp_address_equal(&mclient->connection, &mclient->server) &&
		!gp_netset_contains(&settings->policy.exempt_networks,
				    &mclient->connection) &&
		no_cleartext_from(&mclient->connection);
}

static int gatepost_reload_config(struct client *client, const char **error_r)
{
	struct gp_login_client *mclient = GP_LOGIN_CONTEXT(client);

	if (gp_dovecot_super_reload(&mclient->module_ctx.super, client,
				    error_r) < 0)
		return -1;
	if (mclient->must_encrypt)
		gp_dovecot_require_tls(client);
	return 0;
}

/* A client that sends its password in spite of LOGINDISABLED is most often a
   device that nobody has told. Dovecot's words for it in the log, "auth failed"
   and "tried to use disallowed plaintext auth", are those at which fail2ban
   bans, and with it everybody behind the same address. */
static void gatepost_auth_result(struct client *client,
				 enum client_auth_result result,
				 const struct client_auth_reply *reply,
				 const char *text)
{
	struct gp_login_client *mclient = GP_LOGIN_CONTEXT(client);

	mclient->module_ctx.super.auth_result(client, result, reply, text);
	if (mclient->must_encrypt && result == CLIENT_AUTH_RESULT_SSL_REQUIRED)
		client->last_auth_fail = CLIENT_AUTH_FAIL_CODE_LOGIN_DISABLED;
}

static bool is_judged(void)
{
	return settings == NULL ||
		gp_settings_service(settings, login_binary->protocol) >= 0;
}

static void gatepost_client_allocated(struct client *client)
{
	struct client_vfuncs *v = client->vlast;
	struct gp_login_client *mclient;

	if (!is_judged())
		return;
	mclient = p_new(client->pool, struct gp_login_client, 1);
	mclient->module_ctx.super = *v;
	client->vlast = &mclient->module_ctx.super;
	MODULE_CONTEXT_SET(client, gatepost_login_module, mclient);
	v->sasl_filter_mech = gatepost_sasl_filter_mech;
	v->auth_result = gatepost_auth_result;
	gp_dovecot_hook_reload(v, gatepost_reload_config);

	gp_dovecot_address(&client->ip, &mclient->connection);
	gp_dovecot_address(&client->local_ip, &mclient->server);
	mclient->must_encrypt = must_encrypt(client, mclient);
	if (mclient->must_encrypt)
		gp_dovecot_require_tls(client);
}

static struct login_client_hooks gatepost_hooks = {
	.client_allocated = gatepost_client_allocated
};

static void load_settings(void)
{
	const char *path = gp_dovecot_login_config();
	char *errors;

	if (gp_settings_load(*path == '\0' ? GP_SETTINGS_PATH : path,
			     GP_SETTINGS_GO_ON, &settings, &errors) == 0)
		return;
	/* The auth module lists them all. */
	gp_log(GP_LOG_ERROR, "%s", t_strcut(errors, '\n'));
	free(errors);
	settings = NULL;
}

static void open_summary(void)
{
	char name[PATH_MAX];

	gp_summary_name(settings->map, name, sizeof(name));
	summary_fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static void load_key(void)
{
	char *error;

	if (gp_proof_key_load(gp_dovecot_key_path(), &proof_key, &error) == 0)
		return;
	gp_log(GP_LOG_WARNING, "%s (nothing is forwarded)", error);
	free(error);
}

/* Called as root, outside the chroot. */
void gatepost_login_init(struct module *module)
{
	gp_log_set_sink(gp_dovecot_log);
	load_settings();
	load_key();
	if (settings != NULL)
		open_summary();
	login_client_hooks_add(module, &gatepost_hooks);
}

void gatepost_login_deinit(void)
{
	login_client_hooks_remove(&gatepost_hooks);
	if (summary_fd != -1)
		i_close_fd(&summary_fd);
	gp_settings_free(&settings);
	gp_log_set_sink(NULL);
}
