/* A session is kept from its first line that matters to its "disconnect". A
   log may begin and end in the middle of one: what was told in lines that are
   not there is then unknown, never guessed. Should "disconnect" lines be
   missing, as in a log that was filtered, a process's next "connect" ends the
   session before; and when there are more open sessions than any server has
   processes, all are ended. */

#include "shared/tools/log-postfix.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"

#define SLOTS 32768
#define SESSIONS_MAX 16384
#define KEY_MAX 160
#define HOST_MAX (KEY_MAX / 2)
#define HOSTS 256
#define USER_MAX 512
#define NAME_MAX_SHOWN 128

struct session {
	char key[KEY_MAX];
	size_t key_len;
	uint32_t pid;
	/* The log has the session's beginning. */
	bool began;
	enum log_tls tls;
	bool starttls;
	bool has_login;
	int64_t time;
	struct gp_address client;
	bool sends_password;
	size_t user_len;
	size_t name_len;
	char user[USER_MAX];
	char name[NAME_MAX_SHOWN];
};

/* Each of several front-ends has its own smtpd_tls_loglevel, and may get
   another one while the log is written. */
struct host {
	char name[HOST_MAX];
	size_t len;
	/* Some session had a line about TLS, and none that used it has lacked
	   one since. */
	bool logs_tls;
	/* Some session that used TLS had no line about it. */
	bool was_silent;
	/* Some session had no line about TLS, and it was not known whether it
	   would have had one. */
	bool unlogged;
};

struct log_postfix {
	log_postfix_done *done;
	void *context;
	/* What is beyond the last shares its place. */
	struct host host[HOSTS];
	size_t hosts;
	size_t count;
	/* Open addressing; a removed session leaves a hole that is closed. */
	struct session *slot[SLOTS];
};

struct log_postfix *log_postfix_new(log_postfix_done *done, void *context)
{
	struct log_postfix *postfix = gp_alloc(sizeof(*postfix));

	postfix->done = done;
	postfix->context = context;
	return postfix;
}

void log_postfix_free(struct log_postfix **postfix_p)
{
	struct log_postfix *postfix = *postfix_p;

	if (postfix == NULL)
		return;
	for (size_t i = 0; postfix->count > 0; i++) {
		if (postfix->slot[i] != NULL)
			postfix->count--;
		free(postfix->slot[i]);
	}
	free(postfix);
	*postfix_p = NULL;
}

bool log_postfix_logs_tls(const struct log_postfix *postfix)
{
	bool any = false;

	for (size_t i = 0; i < postfix->hosts; i++) {
		const struct host *host = &postfix->host[i];

		if (host->unlogged && (host->was_silent || !host->logs_tls))
			return false;
		any = any || host->logs_tls;
	}
	return any;
}

/* The host that a session's key begins with. */
static struct host *get_host(struct log_postfix *postfix,
			     const struct session *session)
{
	const char *end = memchr(session->key, ' ', session->key_len);
	size_t len = (size_t)(end - session->key), i;
	struct host *host;

	for (i = 0; i < postfix->hosts; i++) {
		host = &postfix->host[i];
		if (host->len == len &&
		    memcmp(host->name, session->key, len) == 0)
			return host;
	}
	if (i == HOSTS)
		return &postfix->host[HOSTS - 1];
	host = &postfix->host[postfix->hosts++];
	memcpy(host->name, session->key, len);
	host->len = len;
	return host;
}

static bool is_smtpd(const struct log_piece *program)
{
	static const char name[] = "smtpd";
	size_t len = strlen(name);

	return program->len >= len &&
	       memcmp(program->data + program->len - len, name, len) == 0 &&
	       (program->len == len ||
		program->data[program->len - len - 1] == '/');
}

static size_t home(const char *key, size_t key_len, uint32_t pid)
{
	uint32_t hash = 2166136261U ^ pid;

	for (size_t i = 0; i < key_len; i++)
		hash = (hash ^ (unsigned char)key[i]) * 16777619U;
	hash ^= hash >> 15;
	return hash % SLOTS;
}

static size_t make_key(const struct log_line *line, char key[KEY_MAX])
{
	size_t host = line->host.len < HOST_MAX ? line->host.len : HOST_MAX;
	size_t room = KEY_MAX - host - 1;
	size_t program = line->program.len < room ? line->program.len : room;

	if (host > 0)
		memcpy(key, line->host.data, host);
	key[host] = ' ';
	memcpy(key + host + 1, line->program.data, program);
	return host + 1 + program;
}

/* The slot where the session is, or would be. */
static size_t find_slot(const struct log_postfix *postfix, const char *key,
			size_t key_len, uint32_t pid)
{
	size_t i = home(key, key_len, pid);
	const struct session *session;

	for (; (session = postfix->slot[i]) != NULL; i = (i + 1) % SLOTS) {
		if (session->pid == pid && session->key_len == key_len &&
		    memcmp(session->key, key, key_len) == 0)
			break;
	}
	return i;
}

/* Closes the hole at i, so that what was put behind it is found again. */
static void close_hole(struct log_postfix *postfix, size_t i)
{
	size_t j = i, at;

	for (;;) {
		j = (j + 1) % SLOTS;
		if (postfix->slot[j] == NULL)
			break;
		at = home(postfix->slot[j]->key, postfix->slot[j]->key_len,
			  postfix->slot[j]->pid);
		/* What belongs between the hole and j stays. */
		if (i <= j ? (at > i && at <= j) : (at > i || at <= j))
			continue;
		postfix->slot[i] = postfix->slot[j];
		postfix->slot[j] = NULL;
		i = j;
	}
}

/* A service that speaks TLS from the first byte, by the name that Debian's
   and Postfix's own master.cf give it. */
static bool is_wrapped(const struct session *session)
{
	struct log_piece key = { session->key, session->key_len };

	return log_piece_find(&key, "/smtps/") != NULL ||
	       log_piece_find(&key, "/submissions/") != NULL;
}

static enum log_tls session_tls(struct log_postfix *postfix,
				const struct session *session)
{
	bool used = session->starttls || is_wrapped(session);
	struct host *host;

	if (session->tls != LOG_TLS_UNLOGGED)
		return session->tls;
	/* The line about TLS may have stood in a log that is not here. */
	if (!session->began)
		return used ? LOG_TLS_UNKNOWN : LOG_TLS_MISSING;
	host = get_host(postfix, session);
	if (used) {
		host->was_silent = true;
		host->logs_tls = false;
		return LOG_TLS_UNKNOWN;
	}
	if (host->logs_tls)
		return LOG_TLS_NONE;
	host->unlogged = true;
	return LOG_TLS_UNLOGGED;
}

/* Postfix does not log its own address; whoever connects from 127.0.0.1 or ::1
   has crossed no network. */
static bool is_local(const struct session *session, enum log_tls tls)
{
	static const uint8_t loopback[][16] = {
		{ [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 },
		{ [15] = 1 }
	};

	return (tls == LOG_TLS_NONE || tls == LOG_TLS_UNLOGGED ||
		tls == LOG_TLS_MISSING) &&
	       (memcmp(session->client.bytes, loopback[0], 16) == 0 ||
		memcmp(session->client.bytes, loopback[1], 16) == 0);
}

static void tell(struct log_postfix *postfix, const struct session *session,
		 bool ended)
{
	struct log_login login = {
		.kind = LOG_LOGIN,
		.user = { session->user, session->user_len },
		.protocol = { "submission", strlen("submission") },
		.client_name = { session->name, session->name_len },
		.client = session->client,
		.connection = session->client,
		.implicit = LOG_IMPLICIT_UNKNOWN,
		.sends_password = session->sends_password,
		.proven = true,
	};

	if (!session->has_login)
		return;
	login.tls = session_tls(postfix, session);
	login.local = is_local(session, login.tls);
	/* What a session that has ended says of STARTTLS is all there was. */
	if (session->starttls)
		login.implicit = LOG_STARTTLS;
	else if (is_wrapped(session) ||
		 (ended && login.tls != LOG_TLS_NONE &&
		  login.tls < LOG_TLS_UNLOGGED))
		login.implicit = LOG_IMPLICIT;
	postfix->done(postfix->context, &login, session->time);
}

static void end_session(struct log_postfix *postfix, size_t i, bool ended)
{
	struct session *session = postfix->slot[i];

	if (session == NULL)
		return;
	tell(postfix, session, ended);
	free(session);
	postfix->slot[i] = NULL;
	postfix->count--;
	close_hole(postfix, i);
}

void log_postfix_finish(struct log_postfix *postfix)
{
	for (size_t i = 0; postfix->count > 0; i++) {
		if (postfix->slot[i] == NULL)
			continue;
		tell(postfix, postfix->slot[i], false);
		free(postfix->slot[i]);
		postfix->slot[i] = NULL;
		postfix->count--;
	}
}

static struct session *get_session(struct log_postfix *postfix,
				   const struct log_line *line)
{
	char key[KEY_MAX];
	size_t key_len = make_key(line, key);
	size_t i = find_slot(postfix, key, key_len, line->pid);
	struct session *session = postfix->slot[i];

	if (session != NULL)
		return session;
	if (postfix->count >= SESSIONS_MAX) {
		log_postfix_finish(postfix);
		i = find_slot(postfix, key, key_len, line->pid);
	}
	session = gp_alloc(sizeof(*session));
	memcpy(session->key, key, key_len);
	session->key_len = key_len;
	session->pid = line->pid;
	session->tls = LOG_TLS_UNLOGGED;
	postfix->slot[i] = session;
	postfix->count++;
	return session;
}

static void leave(struct log_postfix *postfix, const struct log_line *line,
		  bool ended)
{
	char key[KEY_MAX];
	size_t key_len = make_key(line, key);

	end_session(postfix, find_slot(postfix, key, key_len, line->pid),
		    ended);
}

/* "Anonymous TLS connection established from host[addr]: TLSv1.3 with ...";
   behind the address may stand ":port", and " to NAME" where the client named
   the server it wants (SNI). */
static void take_tls(struct log_postfix *postfix, const struct log_line *line)
{
	const char *version = log_piece_find(&line->text, ": TLSv");
	struct log_piece rest;
	struct session *session;

	if (version == NULL)
		return;
	rest.data = version + strlen(": ");
	rest.len = (size_t)(line->text.data + line->text.len - rest.data);
	session = get_session(postfix, line);
	session->tls = log_tls_version(&rest);
	get_host(postfix, session)->logs_tls = true;
}

static struct log_piece until(const struct log_piece *piece,
			      const char *const *ends)
{
	struct log_piece cut = *piece;

	for (; *ends != NULL; ends++) {
		const char *end = log_piece_find(&cut, *ends);

		if (end != NULL)
			cut.len = (size_t)(end - cut.data);
	}
	return cut;
}

/* "host[addr]", and a port behind it where it is logged. */
static bool take_client(const struct log_piece *rest, struct session *session)
{
	const char *open = memchr(rest->data, '[', rest->len);
	const char *close = open == NULL ? NULL :
		memchr(open, ']', (size_t)(rest->data + rest->len - open));
	struct log_piece name, address;

	if (close == NULL)
		return false;
	name = (struct log_piece) { rest->data, (size_t)(open - rest->data) };
	address = (struct log_piece) { open + 1, (size_t)(close - open - 1) };
	log_address(&address, &session->client);
	session->name_len = 0;
	if (!log_piece_is(&name, "unknown") && name.len > 0 &&
	    name.len < NAME_MAX_SHOWN) {
		memcpy(session->name, name.data, name.len);
		session->name_len = name.len;
	}
	return session->client.known;
}

/* Returns the value behind ", NAME=". */
static bool field(const struct log_piece *text, const char *name,
		  struct log_piece *value_r)
{
	static const char *const ends[] = {
		", sasl_sender=", ", orig_queue_id=", ", orig_client=", NULL
	};
	const char *found = log_piece_find(text, name);

	if (found == NULL)
		return false;
	value_r->data = found + strlen(name);
	value_r->len = (size_t)(text->data + text->len - value_r->data);
	*value_r = until(value_r, ends);
	return true;
}

/* "QUEUEID: client=host[addr], sasl_method=PLAIN, sasl_username=alice" */
static enum log_result take_login(struct log_postfix *postfix,
				  const struct log_line *line,
				  const struct log_piece *client, int64_t time)
{
	static const char *const comma[] = { ", ", NULL };
	struct log_piece user, method;
	struct session *session;

	if (!field(client, ", sasl_username=", &user))
		return LOG_OTHER;
	session = get_session(postfix, line);
	/* One login, however many mails. */
	if (session->has_login)
		return LOG_TAKEN;
	if (user.len == 0 || user.len > USER_MAX ||
	    log_piece_has_nul(&user) ||
	    !take_client(client, session))
		return LOG_UNREADABLE;
	session->sends_password = true;
	if (field(client, ", sasl_method=", &method)) {
		method = until(&method, comma);
		session->sends_password = log_mechanism_sends_password(&method);
	}
	memcpy(session->user, user.data, user.len);
	session->user_len = user.len;
	session->time = time;
	session->has_login = true;
	return LOG_TAKEN;
}

/* "disconnect from host[addr] ehlo=2 starttls=1 auth=1 ...": a count of
   "0/1" is an attempt that failed. */
static void take_disconnect(struct log_postfix *postfix,
			    const struct log_line *line)
{
	const char *starttls = log_piece_find(&line->text, " starttls=");
	/* Postfix 2.x tells no counts, which says nothing. */
	bool counts = log_piece_find(&line->text, " commands=") != NULL;

	if (starttls != NULL &&
	    starttls + 10 < line->text.data + line->text.len &&
	    starttls[10] != '0')
		get_session(postfix, line)->starttls = true;
	leave(postfix, line, counts);
}

/* What a line is about: its beginning, or for a login what stands behind the
   queue id. */
enum about { ABOUT_OTHER, ABOUT_CONNECT, ABOUT_DISCONNECT, ABOUT_TLS,
	     ABOUT_LOGIN };

/* Postfix's own clients say "to" instead of "from"; a unit's name does not tell
   them from smtpd. */
static bool is_about_tls(struct log_piece text)
{
	return (log_piece_skip(&text, "Anonymous TLS connection ") ||
		log_piece_skip(&text, "Untrusted TLS connection ") ||
		log_piece_skip(&text, "Trusted TLS connection ") ||
		log_piece_skip(&text, "Verified TLS connection ")) &&
	       (log_piece_skip(&text, "established from ") ||
		log_piece_skip(&text, "reused from "));
}

static enum about about(const struct log_line *line, struct log_piece *rest)
{
	const char *colon;

	*rest = line->text;
	if (log_piece_skip(rest, "connect from "))
		return ABOUT_CONNECT;
	if (log_piece_skip(rest, "disconnect from "))
		return ABOUT_DISCONNECT;
	if (is_about_tls(line->text))
		return ABOUT_TLS;
	colon = rest->len == 0 ? NULL : memchr(rest->data, ':', rest->len);
	if (colon == NULL)
		return ABOUT_OTHER;
	rest->len -= (size_t)(colon - rest->data);
	rest->data = colon;
	return log_piece_skip(rest, ": client=") ? ABOUT_LOGIN : ABOUT_OTHER;
}

bool log_postfix_wants(const struct log_line *line)
{
	struct log_piece rest;

	return (is_smtpd(&line->program) || log_line_has_unit(line)) &&
	       about(line, &rest) != ABOUT_OTHER;
}

enum log_result log_postfix_take(struct log_postfix *postfix,
				 const struct log_line *line, int64_t time)
{
	struct log_piece rest;

	switch (about(line, &rest)) {
	case ABOUT_CONNECT:
		leave(postfix, line, false);
		get_session(postfix, line)->began = true;
		return LOG_TAKEN;
	case ABOUT_DISCONNECT:
		take_disconnect(postfix, line);
		return LOG_TAKEN;
	case ABOUT_TLS:
		take_tls(postfix, line);
		return LOG_TAKEN;
	case ABOUT_LOGIN:
		return take_login(postfix, line, &rest, time);
	case ABOUT_OTHER:
		break;
	}
	return LOG_OTHER;
}
