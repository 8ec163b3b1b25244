/* The words of the rules language and the numbers that stand for them in
   compiled maps. The tables are the only place that knows both. */

#include <string.h>
#include "shared/rules/line.h"

struct word {
	const char *name;
	int number;
	size_t len;
};

#define WORD(name, number) { name, number, sizeof(name) - 1 }

static const struct word services[] = {
	WORD("imap", GP_IMAP),
	WORD("pop3", GP_POP3),
	WORD("submission", GP_SUBMISSION),
	WORD("sieve", GP_SIEVE),
	WORD("webmail", GP_WEBMAIL),
	{ NULL, -1, 0 }
};

static const struct word values[] = {
	WORD("off", GP_OFF),
	WORD("trusted", GP_TRUSTED),
	WORD("implicit", GP_IMPLICIT),
	WORD("tls", GP_TLS),
	WORD("cleartext", GP_CLEARTEXT),
	{ NULL, -1, 0 }
};

static const struct word attributes[] = {
	WORD("imap", GP_IMAP),
	WORD("pop3", GP_POP3),
	WORD("submission", GP_SUBMISSION),
	WORD("sieve", GP_SIEVE),
	WORD("webmail", GP_WEBMAIL),
	WORD("tls_min", GP_ATTR_TLS_MIN),
	WORD("allow_nets", GP_ATTR_ALLOW_NETS),
	WORD("trusted_nets", GP_ATTR_TRUSTED_NETS),
	WORD("cleartext_nets", GP_ATTR_CLEARTEXT_NETS),
	WORD("unauthenticated_nets", GP_ATTR_UNAUTHENTICATED_NETS),
	WORD("message", GP_ATTR_MESSAGE),
	WORD("help", GP_ATTR_HELP),
	WORD("profile", GP_ATTR_PROFILE),
	WORD("same_as", GP_ATTR_SAME_AS),
	WORD("note", GP_ATTR_NOTE),
	{ NULL, -1, 0 }
};

static const struct word tls_versions[] = {
	WORD("1.0", GP_TLS_1_0),
	WORD("1.1", GP_TLS_1_1),
	WORD("1.2", GP_TLS_1_2),
	WORD("1.3", GP_TLS_1_3),
	{ NULL, -1, 0 }
};

static int number_of(const struct word *words, const char *name, size_t len)
{
	for (; words->name != NULL; words++) {
		if (words->len == len &&
		    memcmp(words->name, name, len) == 0)
			return words->number;
	}
	return -1;
}

static const char *name_of(const struct word *words, unsigned number)
{
	for (; words->name != NULL; words++) {
		if ((unsigned)words->number == number)
			return words->name;
	}
	return NULL;
}

const char *gp_service_name(unsigned service)
{
	return name_of(services, service);
}

const char *gp_value_name(unsigned value)
{
	return name_of(values, value);
}

const char *gp_attribute_name(unsigned attr)
{
	return name_of(attributes, attr);
}

const char *gp_tls_version_name(unsigned version)
{
	if (version == GP_TLS_NONE)
		return "none";
	if (version == GP_TLS_UNKNOWN)
		return "unknown";
	return name_of(tls_versions, version);
}

int gp_service_from_name(const char *name, size_t len)
{
	return number_of(services, name, len);
}

int gp_value_from_name(const char *name, size_t len)
{
	return number_of(values, name, len);
}

int gp_attribute_from_name(const char *name, size_t len)
{
	return number_of(attributes, name, len);
}

int gp_tls_version_from_name(const char *name, size_t len)
{
	return number_of(tls_versions, name, len);
}
