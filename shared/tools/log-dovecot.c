/* Elements stand in any order and are found by their names; those without one
   ("TLS", "TLSv1.3 with cipher ...") by what they are. A user name may hold
   anything, also what looks like further elements, so its end is looked for
   from the other side: behind it come values that cannot hold its end. */

#include "shared/tools/log-dovecot.h"

#include <string.h>

void log_dovecot_skip_level(struct log_piece *rest)
{
	static const char *const levels[] = {
		"Info: ", "Debug: ", "Warning: ", "Error: ", "Fatal: ",
		"Panic: "
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (log_piece_skip(rest, levels[i]))
			return;
	}
}

/* "imap-login: Info: " is cut off. */
static bool skip_process(struct log_piece *rest, struct log_piece *protocol_r)
{
	static const char ending[] = "-login";
	const char *colon = rest->len == 0 ? NULL :
			    memchr(rest->data, ':', rest->len);
	size_t len = colon == NULL ? 0 : (size_t)(colon - rest->data);

	if (len <= strlen(ending) ||
	    memcmp(colon - strlen(ending), ending, strlen(ending)) != 0)
		return false;
	protocol_r->data = rest->data;
	protocol_r->len = len - strlen(ending);
	rest->data += len;
	rest->len -= len;
	if (!log_piece_skip(rest, ": "))
		return false;
	log_dovecot_skip_level(rest);
	return true;
}

/* "proxy(alice@example.com,192.0.2.1:143): Started proxying to ..." */
static bool skip_proxying(struct log_piece *rest)
{
	static const char *const words[] = {
		": Started proxying to ", ": started proxying to "
	};
	struct log_piece probe = *rest;

	if (!log_piece_skip(&probe, "proxy("))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *found = log_piece_find(&probe, words[i]);

		if (found == NULL)
			continue;
		rest->len -= (size_t)(found - rest->data);
		rest->data = found;
		return true;
	}
	return false;
}

static struct log_piece between(const char *begin, const char *end)
{
	return (struct log_piece) { begin, (size_t)(end - begin) };
}

/* Finds "user=<...>"; what is in front of it and behind it goes to around. */
static bool take_user(const struct log_piece *text, struct log_piece *user_r,
		      struct log_piece around[2])
{
	static const char *const ends[] = {
		">, method=", ">, rip=", ">, remote_ip=", ">, ", ">"
	};
	const char *end_of_text = text->data + text->len;
	const char *begin = log_piece_find(text, "user=<"), *end = NULL;
	struct log_piece rest;

	if (begin == NULL)
		return false;
	around[0] = between(text->data, begin);
	begin += strlen("user=<");
	rest = between(begin, end_of_text);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		end = i < 3 ? log_piece_find_last(&rest, ends[i]) :
		      log_piece_find(&rest, ends[i]);
		if (end != NULL)
			break;
	}
	if (end == NULL)
		return false;
	*user_r = between(begin, end);
	around[1] = between(end + 1, end_of_text);
	return true;
}

struct facts {
	struct gp_address rip, real_rip, lip, real_lip;
	bool says_tls;
};

static void take_named(struct log_piece *element, struct facts *facts,
		       struct log_login *login)
{
	if (log_piece_skip(element, "rip=") ||
	    log_piece_skip(element, "remote_ip="))
		log_address(element, &facts->rip);
	else if (log_piece_skip(element, "real_rip=") ||
		 log_piece_skip(element, "real_remote_ip="))
		log_address(element, &facts->real_rip);
	else if (log_piece_skip(element, "lip=") ||
		 log_piece_skip(element, "local_ip="))
		log_address(element, &facts->lip);
	else if (log_piece_skip(element, "real_lip=") ||
		 log_piece_skip(element, "real_local_ip="))
		log_address(element, &facts->real_lip);
	else if (log_piece_skip(element, "lport=") ||
		 log_piece_skip(element, "local_port="))
		log_piece_number(element, &login->port);
	else if (log_piece_skip(element, "method="))
		login->sends_password = log_mechanism_sends_password(element);
	else if (log_piece_skip(element, "session=<") && element->len > 0)
		login->session = between(element->data, element->data +
					 element->len - 1);
}

/* "TLS", "TLS: reason", "TLSv1.3 with cipher ...", and the same behind a name
   that somebody gave it ("tls=TLSv1.3 with cipher ..."). */
static void take_tls(const struct log_piece *element, struct facts *facts,
		     struct log_login *login)
{
	struct log_piece value = *element;
	const char *equals = memchr(element->data, '=', element->len);
	enum log_tls version;

	if (equals != NULL)
		value = between(equals + 1, element->data + element->len);
	version = log_tls_version(&value);
	if (version != LOG_TLS_MISSING)
		login->tls = version;
	else if (equals == NULL && log_piece_skip(&value, "TLS") &&
		 (value.len == 0 || value.data[0] == ':' ||
		  value.data[0] == ' '))
		facts->says_tls = true;
}

static void take_elements(struct log_piece rest, struct facts *facts,
			  struct log_login *login)
{
	while (rest.len > 0) {
		const char *comma = log_piece_find(&rest, ", ");
		const char *end = rest.data + rest.len;
		struct log_piece element = between(rest.data, comma != NULL ?
						   comma : end);

		rest = between(comma != NULL ? comma + 2 : end, end);
		if (element.len == 0)
			continue;
		take_tls(&element, facts, login);
		take_named(&element, facts, login);
	}
}

static enum log_result weigh(const struct facts *facts,
			     struct log_login *login)
{
	const struct gp_address *server = facts->real_lip.known ?
					  &facts->real_lip : &facts->lip;

	if (login->tls == LOG_TLS_NONE && facts->says_tls)
		login->tls = LOG_TLS_UNKNOWN;
	login->client = login->connection = facts->rip;
	if (facts->real_rip.known)
		login->connection = facts->real_rip;
	login->forwarded = facts->real_rip.known && facts->rip.known &&
		!gp_address_equal(&facts->rip, &facts->real_rip);
	login->local = !login->forwarded &&
		       gp_address_equal(&login->connection, server);
	return login->client.known ? LOG_TAKEN : LOG_UNREADABLE;
}

enum log_result log_dovecot_login(const struct log_piece *said,
				  struct log_login *login_r)
{
	struct log_piece rest = *said, protocol, around[2];
	struct facts facts = { .says_tls = false };

	if (!skip_process(&rest, &protocol))
		return LOG_OTHER;
	if (!log_piece_skip(&rest, "Login: ") &&
	    !log_piece_skip(&rest, "Logged in: ") && !skip_proxying(&rest))
		return LOG_OTHER;
	memset(login_r, 0, sizeof(*login_r));
	login_r->protocol = protocol;
	login_r->implicit = LOG_IMPLICIT_UNKNOWN;
	login_r->sends_password = true;
	login_r->proven = true;
	if (!take_user(&rest, &login_r->user, around) ||
	    log_piece_has_nul(&login_r->user))
		return LOG_UNREADABLE;
	take_elements(around[0], &facts, login_r);
	take_elements(around[1], &facts, login_r);
	return weigh(&facts, login_r);
}

/* "name=Thunderbird, version=115.0, ..." */
static bool take_id(struct log_piece *rest, struct log_piece *name_r)
{
	const char *name = log_piece_find(rest, "name=");
	const char *end;
	struct log_piece from;

	if (name == NULL)
		return false;
	from = between(name + strlen("name="), rest->data + rest->len);
	end = log_piece_find(&from, ": user=<");
	if (end != NULL)
		from = between(from.data, end);
	end = log_piece_find(&from, ", ");
	*name_r = end == NULL ? from : between(from.data, end);
	return name_r->len > 0;
}

/* Before the login the session stands at the line's end, after it in front:
   "imap(alice@example.com)<1234><SESSION>: Info: ID sent: ...". */
static bool session_in_front(const struct log_piece *said, const char *text,
			     struct log_piece *session_r)
{
	struct log_piece front = between(said->data, text);
	const char *begin = log_piece_find_last(&front, "><");
	const char *end = log_piece_find_last(&front, ">: ");

	if (begin == NULL || end == NULL || begin + 2 > end)
		return false;
	*session_r = between(begin + 2, end);
	return true;
}

bool log_dovecot_id(const struct log_piece *said, struct log_piece *session_r,
		    struct log_piece *name_r)
{
	const char *text, *session;
	struct log_piece rest = *said;

	if (!log_piece_skip(&rest, "imap"))
		return false;
	text = log_piece_find(&rest, "ID sent: ");
	if (text == NULL)
		return false;
	rest = between(text, said->data + said->len);
	if (!take_id(&rest, name_r))
		return false;
	session = log_piece_find_last(&rest, ", session=<");
	if (session == NULL)
		return session_in_front(said, text, session_r);
	*session_r = between(session + strlen(", session=<"),
			     rest.data + rest.len);
	if (session_r->len > 0 && session_r->data[session_r->len - 1] == '>')
		session_r->len--;
	return session_r->len > 0;
}
