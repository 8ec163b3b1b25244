/* Keys as people write them. The hints are for what other programs' tables
   would take ("*@example.com", "@example.com"). */

#include <string.h>
#include "shared/net/address.h"
#include "shared/rules/key.h"
#include "shared/rules/name.h"
#include "shared/rules/parse.h"

size_t gp_key_labels(const char *domain, size_t len)
{
	size_t labels = 1, i;

	for (i = 0; i < len; i++)
		labels += domain[i] == '.';
	return labels;
}

/* Characters that no domain has and that show that something else was meant. */
static const bool foreign[256] = {
	['*'] = true, ['/'] = true, [':'] = true, [','] = true, [';'] = true,
	['"'] = true, ['\''] = true, ['('] = true, [')'] = true, ['['] = true,
	[']'] = true, ['<'] = true, ['>'] = true, ['\\'] = true, ['='] = true
};

/* What is not ASCII is the normalisation's business. */
static int check_domain(const char *str, size_t len, const char **error_r)
{
	size_t i;

	for (i = 0; i < len && !foreign[(unsigned char)str[i]]; i++)
		;
	if (i == len)
		return 0;
	if (str[i] == '=')
		*error_r = "a key is missing in front of this attribute; begin "
			   "the line with \"*\", a domain or a mailbox";
	else
		*error_r = "no key: write \"*\", example.com, .example.com, "
			   "alice@example.com, alice@, @, net:NAME or "
			   "profile:NAME";
	return -1;
}

static bool is_address(const char *str, size_t len)
{
	struct gp_address address;
	char copy[64];

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, str, len);
	copy[len] = '\0';
	return gp_address_parse(copy, &address) == 0;
}

static int parse_domain(const char *str, size_t len, size_t dot, char *key,
			size_t *key_len_r, const char **error_r)
{
	struct gp_name name;

	if (check_domain(str + dot, len - dot, error_r) < 0 ||
	    gp_name_parse_domain(str + dot, len - dot, &name, error_r) < 0)
		return -1;
	if (dot + name.domain_len > GP_NAME_MAX) {
		*error_r = "the name is too long";
		return -1;
	}
	if (dot > 0)
		key[0] = '.';
	memcpy(key + dot, name.key, name.domain_len + 1);
	*key_len_r = dot + name.domain_len + 1;
	return 0;
}

static int parse_mailbox(const char *str, size_t len, const char *at,
			 char *key, size_t *key_len_r, const char **error_r)
{
	struct gp_name name;

	if (at == str || (at == str + 1 && *str == '*')) {
		*error_r = "for a whole domain write its name without \"@\"";
		return -1;
	}
	if (at == str + len - 1)
		len--;
	else if (check_domain(at + 1, str + len - at - 1, error_r) < 0)
		return -1;
	if (gp_name_parse(str, len, NULL, &name, error_r) < 0)
		return -1;
	*key_len_r = gp_name_key_len(&name);
	memcpy(key, name.key, *key_len_r);
	return 0;
}

int gp_parse_key(const char *str, size_t len, char *key, size_t *key_len_r,
		 const char **error_r)
{
	const char *at = memchr(str, '@', len);

	if (len == 0) {
		*error_r = "the key is empty";
		return -1;
	}
	if (len == 1 && *str == '*') {
		memcpy(key, GP_KEY_EVERY, GP_KEY_EVERY_LEN);
		*key_len_r = GP_KEY_EVERY_LEN;
		return 0;
	}
	if (len == 1 && at != NULL) {
		key[0] = '\0';
		*key_len_r = 1;
		return 0;
	}
	if (at != NULL)
		return parse_mailbox(str, len, at, key, key_len_r, error_r);
	if (is_address(str, len)) {
		*error_r = "an address is no key; rules for networks are "
			   "attributes, such as allow_nets";
		return -1;
	}
	if (len > 2 && memcmp(str, "*.", 2) == 0) {
		*error_r = "for the domains below one write .example.com, "
			   "without the \"*\"";
		return -1;
	}
	return parse_domain(str, len, *str == '.', key, key_len_r, error_r);
}
