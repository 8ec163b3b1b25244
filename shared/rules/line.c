/* The words of the rules language and the numbers that stand for them in
   compiled maps. The tables are the only place that knows both. */

#include <string.h>
#include "shared/rules/line.h"

struct word {
	const char *name;
	int number;
};

static const struct word services[] = {
	{ "imap", GP_IMAP },
	{ "pop3", GP_POP3 },
	{ "submission", GP_SUBMISSION },
	{ "sieve", GP_SIEVE },
	{ "webmail", GP_WEBMAIL },
	{ NULL, -1 }
};

static const struct word values[] = {
	{ "off", GP_OFF },
	{ "trusted", GP_TRUSTED },
	{ "implicit", GP_IMPLICIT },
	{ "tls", GP_TLS },
	{ "cleartext", GP_CLEARTEXT },
	{ NULL, -1 }
};

static const struct word attributes[] = {
	{ "imap", GP_IMAP },
	{ "pop3", GP_POP3 },
	{ "submission", GP_SUBMISSION },
	{ "sieve", GP_SIEVE },
	{ "webmail", GP_WEBMAIL },
	{ "tls_min", GP_ATTR_TLS_MIN },
	{ "allow_nets", GP_ATTR_ALLOW_NETS },
	{ "trusted_nets", GP_ATTR_TRUSTED_NETS },
	{ "cleartext_nets", GP_ATTR_CLEARTEXT_NETS },
	{ "unauthenticated_nets", GP_ATTR_UNAUTHENTICATED_NETS },
	{ "message", GP_ATTR_MESSAGE },
	{ "help", GP_ATTR_HELP },
	{ "profile", GP_ATTR_PROFILE },
	{ "same_as", GP_ATTR_SAME_AS },
	{ "note", GP_ATTR_NOTE },
	{ NULL, -1 }
};

static const struct word tls_versions[] = {
	{ "1.0", GP_TLS_1_0 },
	{ "1.1", GP_TLS_1_1 },
	{ "1.2", GP_TLS_1_2 },
	{ "1.3", GP_TLS_1_3 },
	{ NULL, -1 }
};

static int number_of(const struct word *words, const char *name, size_t len)
{
	for (; words->name != NULL; words++) {
		if (strlen(words->name) == len &&
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
