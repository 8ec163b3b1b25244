/* The word as text. What is proven is the text of all fields together with the
   session, in one order, each field on a line of its own: so no field can be
   left out, added or moved to another login. What cannot be read completely is
   no word. */

#include "shared/base/text.h"
#include "dovecot-plugin/word.h"

#include <string.h>

enum { TLS, VERSION, CIPHER, IMPLICIT, CONNECTION, SERVER, FIELDS };

static const char *const names[FIELDS] = {
	GP_WORD_PREFIX "client_tls",
	GP_WORD_PREFIX "tls_version",
	GP_WORD_PREFIX "tls_cipher",
	GP_WORD_PREFIX "implicit",
	GP_WORD_PREFIX "connection",
	GP_WORD_PREFIX "server"
};

#define PROOF GP_WORD_PREFIX "proof"

enum gp_tls_version gp_word_version(const char *name)
{
	if (strcmp(name, "TLSv1.1") == 0)
		return GP_TLS_1_1;
	if (strcmp(name, "TLSv1.2") == 0)
		return GP_TLS_1_2;
	if (strcmp(name, "TLSv1.3") == 0)
		return GP_TLS_1_3;
	return GP_TLS_1_0;
}

/* Everything but the proof. */
static void print_proven(const char *session, const char *const *values,
			 struct gp_text *text)
{
	gp_text_add(text, session);
	for (unsigned i = 0; i < FIELDS; i++)
		gp_text_addf(text, "\n%s=%s", names[i], values[i]);
}

static const char *yes_no(bool value)
{
	return value ? "yes" : "no";
}

static void print_address(const struct gp_address *address, char *storage,
			  size_t size)
{
	struct gp_text text;

	gp_text_init_fixed(&text, storage, size);
	gp_address_print(address, &text);
}

void gp_word_send(const struct gp_word *word, const struct gp_proof_key *key,
		  const char *session, gp_word_add *add, void *context)
{
	char connection[64], server[64], proof[GP_PROOF_SIZE];
	const char *values[FIELDS] = {
		[TLS] = yes_no(word->tls),
		[VERSION] = gp_tls_version_name(word->version),
		[CIPHER] = word->cipher,
		[IMPLICIT] = yes_no(word->implicit),
		[CONNECTION] = connection,
		[SERVER] = server
	};
	struct gp_text proven;

	print_address(&word->connection, connection, sizeof(connection));
	print_address(&word->server, server, sizeof(server));
	gp_text_init(&proven);
	print_proven(session, values, &proven);
	gp_proof_make(key, proven.data, proof);
	gp_text_deinit(&proven);
	for (unsigned i = 0; i < FIELDS; i++)
		add(context, names[i], values[i]);
	add(context, PROOF, proof);
}

static bool is_proven(const struct gp_proof_key *key, const char *session,
		      const char *const *values, const char *proof)
{
	struct gp_text proven;
	bool right;

	gp_text_init(&proven);
	print_proven(session, values, &proven);
	right = gp_proof_is_right(key, proven.data, proof);
	gp_text_deinit(&proven);
	return right;
}

static bool read_yes_no(const char *value, bool *result_r)
{
	*result_r = strcmp(value, "yes") == 0;
	return *result_r || strcmp(value, "no") == 0;
}

static bool read_version(const char *value, enum gp_tls_version *version_r)
{
	int version = gp_tls_version_from_name(value, strlen(value));

	if (strcmp(value, gp_tls_version_name(GP_TLS_NONE)) == 0)
		version = GP_TLS_NONE;
	else if (strcmp(value, gp_tls_version_name(GP_TLS_UNKNOWN)) == 0)
		version = GP_TLS_UNKNOWN;
	else if (version < 0)
		return false;
	*version_r = version;
	return true;
}

static bool read_cipher(const char *value, char *cipher_r, size_t size)
{
	size_t len = strlen(value);

	if (len >= size)
		return false;
	memcpy(cipher_r, value, len + 1);
	return true;
}

/* An address that is not known is none, and no error. */
static bool read_values(const char *const *values, struct gp_word *word_r)
{
	(void)gp_address_parse(values[CONNECTION], &word_r->connection);
	(void)gp_address_parse(values[SERVER], &word_r->server);
	return read_yes_no(values[TLS], &word_r->tls) &&
		read_yes_no(values[IMPLICIT], &word_r->implicit) &&
		read_version(values[VERSION], &word_r->version) &&
		read_cipher(values[CIPHER], word_r->cipher,
			    sizeof(word_r->cipher)) &&
		word_r->tls == (word_r->version != GP_TLS_NONE);
}

int gp_word_receive(const struct gp_proof_key *key, const char *session,
		    gp_word_find *find, void *context, struct gp_word *word_r)
{
	const char *values[FIELDS], *proof = find(context, PROOF);
	unsigned found = 0;

	for (unsigned i = 0; i < FIELDS; i++) {
		values[i] = find(context, names[i]);
		if (values[i] != NULL)
			found++;
	}
	if (found == 0 && proof == NULL)
		return 0;
	if (found < FIELDS || proof == NULL || session == NULL ||
	    !is_proven(key, session, values, proof) ||
	    !read_values(values, word_r))
		return -1;
	return 1;
}
