/* The words of a request. Every word is checked before anything is decided: an
   answer to a question that was misread is worse than none. */

#include "shared/tools/explain.h"

#include <string.h>

#include "shared/base/clock.h"
#include "shared/tools/program.h"

struct words {
	struct explain_request *asked;
	bool client_given;
	bool peer_given;
};

static int bad_value(const char *name, const char *value, const char *wanted)
{
	return gp_program_usage("%s=%s: %s", name, value, wanted);
}

static int read_address(const char *name, const char *value,
			struct gp_address *address_r)
{
	if (strcmp(value, "unknown") == 0) {
		*address_r = (struct gp_address) { .known = false };
		return 0;
	}
	if (gp_address_parse(value, address_r) == 0)
		return 0;
	return bad_value(name, value, "write an IP address (192.0.2.1 or "
			 "2001:db8::1), or \"unknown\"");
}

static int read_client(struct words *words, const char *value)
{
	words->client_given = true;
	return read_address("client", value, &words->asked->request.client);
}

static int read_peer(struct words *words, const char *value)
{
	words->peer_given = true;
	return read_address("peer", value, &words->asked->request.connection);
}

static int read_server(struct words *words, const char *value)
{
	return read_address("server", value, &words->asked->request.server);
}

static int read_tls(struct words *words, const char *value)
{
	struct gp_request *request = &words->asked->request;
	int version = gp_tls_version_from_name(value, strlen(value));

	if (version >= 0)
		request->tls = (enum gp_tls_version)version;
	else if (strcmp(value, "unknown") == 0)
		request->tls = GP_TLS_UNKNOWN;
	else if (strcmp(value, "none") == 0)
		request->tls = GP_TLS_NONE;
	else
		return bad_value("tls", value, "write none, 1.0, 1.1, 1.2, "
				 "1.3 or unknown");
	return 0;
}

static int read_yes_no(const char *name, const char *value, bool *yes_r)
{
	*yes_r = strcmp(value, "yes") == 0;
	if (*yes_r || strcmp(value, "no") == 0)
		return 0;
	return bad_value(name, value, "write yes or no");
}

static int read_implicit(struct words *words, const char *value)
{
	bool yes;
	int status = read_yes_no("implicit", value, &yes);

	words->asked->request.implicit = yes ? GP_YES : GP_NO;
	return status;
}

static int read_auth(struct words *words, const char *value)
{
	return read_yes_no("auth", value,
			   &words->asked->request.authenticated);
}

static int read_sender(struct words *words, const char *value)
{
	/* As SMTP writes no sender. */
	if (strcmp(value, "<>") == 0)
		value = "";
	words->asked->request.sender = value;
	words->asked->request.sender_len = strlen(value);
	return 0;
}

static int read_at(struct words *words, const char *value)
{
	const char *error;

	words->asked->at_given = true;
	if (gp_time_parse(value, &words->asked->at, &error) == 0)
		return 0;
	return bad_value("at", value, error);
}

static const struct word {
	const char *name;
	int (*read)(struct words *words, const char *value);
} known[] = {
	{ "client", read_client },
	{ "peer", read_peer },
	{ "server", read_server },
	{ "tls", read_tls },
	{ "implicit", read_implicit },
	{ "auth", read_auth },
	{ "sender", read_sender },
	{ "at", read_at },
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

static int read_word(struct words *words, const char *word, unsigned *seen)
{
	const char *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : 0;

	for (size_t i = 0; equals != NULL && i < KNOWN; i++) {
		if (strlen(known[i].name) != len ||
		    memcmp(word, known[i].name, len) != 0)
			continue;
		if ((*seen & (1U << i)) != 0)
			return gp_program_usage("%s is given twice",
						known[i].name);
		*seen |= 1U << i;
		return known[i].read(words, equals + 1);
	}
	return gp_program_usage("%s: write NAME=VALUE, where NAME is client, "
				"peer, server, tls, implicit, auth, sender "
				"or at", word);
}

static int read_service(struct explain_request *asked, const char *name)
{
	int service = gp_service_from_name(name, strlen(name));

	if (service < 0)
		return gp_program_usage("%s: there is no such service; write "
					"imap, pop3, submission, sieve or "
					"webmail", name);
	asked->service = name;
	asked->request.service = (enum gp_service)service;
	return 0;
}

/* Which protocol webmail speaks matters only without a login, which none but
   submission can do. */
static int set_protocol(struct explain_request *asked)
{
	struct gp_request *request = &asked->request;

	if (request->service == GP_WEBMAIL) {
		request->webmail_by_context = true;
		request->service = request->authenticated ? GP_IMAP :
				   GP_SUBMISSION;
	}
	if (!request->authenticated && request->service != GP_SUBMISSION)
		return gp_program_usage("auth=no is for submission and "
					"webmail: %s knows no mail without a "
					"login", asked->service);
	return 0;
}

/* "client" counts as forwarded; one of the two addresses alone is both. */
static void set_addresses(struct words *words)
{
	struct gp_request *request = &words->asked->request;

	/* Before the peer's address stands in for it. */
	request->client_was_forwarded = request->client.known;
	if (!words->peer_given)
		request->connection = request->client;
	else if (!words->client_given)
		request->client = request->connection;
}

int explain_request_read(int argc, char *const argv[],
			 struct explain_request *request_r)
{
	struct words words = { .asked = request_r };
	unsigned seen = 0;
	int status;

	if (argc < 2)
		return gp_program_usage("LOGIN and SERVICE are needed");
	*request_r = (struct explain_request) {
		.login = argv[0],
		.request = {
			.login = argv[0],
			.login_len = strlen(argv[0]),
			.authenticated = true,
		},
	};
	status = read_service(request_r, argv[1]);
	for (int i = 2; i < argc && status == 0; i++)
		status = read_word(&words, argv[i], &seen);
	if (status != 0)
		return status;
	set_addresses(&words);
	return set_protocol(request_r);
}
