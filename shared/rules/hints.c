/* Hints cost nothing until somebody errs, so they are tables that are gone
   through one by one. */

#include <string.h>
#include <strings.h>
#include "shared/rules/hints.h"

struct hint {
	const char *word;
	const char *meant;
};

static const struct hint attributes[] = {
	{ "smtp", "submission" },
	{ "smtpauth", "submission" },
	{ "smtps", "submission=implicit" },
	{ "submissions", "submission=implicit" },
	{ "imaps", "imap=implicit" },
	{ "pop", "pop3" },
	{ "pop3s", "pop3=implicit" },
	{ "managesieve", "sieve" },
	{ "web", "webmail" },
	{ "ssl_min_protocol", "tls_min" },
	{ "min_tls", "tls_min" },
	{ "tls", "all=tls" },
	{ "secure", "all=tls" },
	{ "ssl", "all=tls" },
	{ "cleartext", "all=cleartext" },
	{ "standard", "all=cleartext" },
	{ "off", "all=off" },
	{ "networks", "allow_nets" },
	{ "nets", "allow_nets" },
	{ "mynetworks", "allow_nets" },
	{ "allow", "allow_nets" },
	{ "comment", "note" },
	{ "text", "message" },
	{ "url", "help" },
	{ "expires", "until" },
	{ "alias", "same_as" },
	{ "dry_run", "mode=trial" },
	{ "trial", "mode=trial" },
	{ NULL, NULL }
};

static const struct hint values[] = {
	{ "secure", "tls" },
	{ "ssl", "tls" },
	{ "starttls", "tls" },
	{ "encrypted", "tls" },
	{ "required", "tls" },
	{ "standard", "cleartext" },
	{ "plain", "cleartext" },
	{ "plaintext", "cleartext" },
	{ "insecure", "cleartext" },
	{ "any", "cleartext" },
	{ "on", "tls" },
	{ "yes", "tls" },
	{ "true", "tls" },
	{ "allow", "tls" },
	{ "permit", "tls" },
	{ "ok", "tls" },
	{ "no", "off" },
	{ "none", "off" },
	{ "false", "off" },
	{ "deny", "off" },
	{ "reject", "off" },
	{ "block", "off" },
	{ "blocked", "off" },
	{ "disabled", "off" },
	{ "internal", "trusted" },
	{ "office", "trusted" },
	{ "imaps", "implicit" },
	{ "wrapped", "implicit" },
	{ NULL, NULL }
};

static const char *const attribute_names[] = {
	"imap", "pop3", "submission", "sieve", "webmail", "clients", "all",
	"tls_min", "allow_nets", "trusted_nets", "cleartext_nets",
	"unauthenticated_nets", "message", "help", "note", "profile",
	"same_as", "mode", "from", "until", "lock", NULL
};

static const char *const value_names[] = {
	"off", "trusted", "implicit", "tls", "cleartext", "inherit", NULL
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance, of words of at most 31 bytes. */
static size_t distance(const char *a, size_t a_len, const char *b)
{
	size_t b_len = strlen(b), row[32], i, j, diagonal, above;

	for (j = 0; j <= b_len; j++)
		row[j] = j;
	for (i = 1; i <= a_len; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= b_len; j++) {
			above = row[j];
			diagonal += a[i - 1] != b[j - 1];
			row[j] = least(diagonal, least(above, row[j - 1]) + 1);
			diagonal = above;
		}
	}
	return row[b_len];
}

const char *gp_hint_nearest(const char *const *names, const char *word,
			    size_t len)
{
	const char *best = NULL;
	size_t d, best_distance = len < 4 ? 2 : 3;

	for (; len < 31 && *names != NULL; names++) {
		if (strlen(*names) == len &&
		    strncasecmp(*names, word, len) == 0)
			return *names;
		d = distance(word, len, *names);
		if (d < best_distance) {
			best_distance = d;
			best = *names;
		}
	}
	return best;
}

static const char *find(const struct hint *hints, const char *const *names,
			const char *word, size_t len)
{
	for (; hints->word != NULL; hints++) {
		if (strlen(hints->word) == len &&
		    strncasecmp(hints->word, word, len) == 0)
			return hints->meant;
	}
	return gp_hint_nearest(names, word, len);
}

const char *gp_hint_attribute(const char *word, size_t len)
{
	return find(attributes, attribute_names, word, len);
}

const char *gp_hint_value(const char *word, size_t len)
{
	return find(values, value_names, word, len);
}
