/* Names, normalised in one place. Whatever is not surely a name is invalid: a
   name that two sides could read differently would be a way round a rule.
   Non-ASCII domains are libidn2's business (idn.c); what comes back is checked
   again, for its mappings can make an "@", a blank or an empty label out of
   characters that are none. */

#include <stdint.h>
#include <string.h>
#include <strings.h>
#include "shared/rules/idn.h"
#include "shared/rules/name.h"
#include "shared/rules/utf8.h"

/* Invisible characters that order or join others count as controls, but for
   the two joiners that some scripts need in their domains (RFC 5892). */
static bool is_white_or_control(uint32_t c)
{
	return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200b) || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) ||
	       c == 0x3000 || c == 0xfeff;
}

/* True for printable ASCII without blanks, eight bytes at a time; a "no" may be
   wrong, and then every character is looked at. */
static bool is_plain(const char *str, size_t len)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t word, bad = 0;
	size_t i = 0;

	for (; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, str + i, sizeof(word));
		/* Below 0x21, or above 0x7e, or above 0x7f. */
		bad |= (word - ones * 0x21) | (word + ones) | word;
	}
	for (; i < len; i++)
		bad |= str[i] > 0x20 && str[i] < 0x7f ? 0 : high;
	return (bad & high) == 0;
}

static int check_characters(const char *str, size_t len, const char **error_r)
{
	const char *end = str + len;
	uint32_t c;
	int size;

	if (is_plain(str, len))
		return 0;
	for (; str < end; str += size) {
		size = gp_utf8_next(str, end - str, &c);
		if (size < 0) {
			*error_r = "the name is not valid UTF-8";
			return -1;
		}
		if (is_white_or_control(c)) {
			*error_r = "the name has white space or control "
				   "characters";
			return -1;
		}
	}
	return 0;
}

/* What becomes of a byte in a domain: its lower case; 0 for what no domain
   has. In a local part these bytes mean the same. */
static const char domain_bytes[256] = {
	['!'] = '!', '"', '#', '$', '%', '&', '\'', '(', ')', '*', '+', ',',
	'-', '.', '/', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':',
	';', '<', '=', '>', '?',
	['A'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l',
	'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
	'[', '\\', ']', '^', '_', '`', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h',
	'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
	'w', 'x', 'y', 'z', '{', '|', '}', '~'
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Lowers an ASCII domain into dest, which has room for it, and drops one
   trailing dot. Returns the length or -1. */
static int copy_domain(const char *str, size_t len, char *dest,
		       const char **error_r)
{
	bool label_empty = true;
	size_t i;

	if (len > 0 && str[len - 1] == '.')
		len--;
	for (i = 0; i < len; i++) {
		dest[i] = domain_bytes[(unsigned char)str[i]];
		if (dest[i] == '\0') {
			*error_r = "the domain has characters that no domain "
				   "has";
			return -1;
		}
		if (dest[i] == '.' && label_empty)
			break;
		label_empty = dest[i] == '.';
	}
	if (label_empty) {
		*error_r = len == 0 ? "the domain is empty" :
				      "the domain has an empty label";
		return -1;
	}
	dest[len] = '\0';
	return len;
}

static int copy_idn(const char *str, size_t len, char *dest,
		    const char **error_r)
{
	char input[GP_NAME_MAX + 1], output[GP_NAME_MAX + 1];

	memcpy(input, str, len);
	input[len] = '\0';
	if (gp_idn_to_ascii(input, output, sizeof(output), error_r) < 0)
		return -1;
	return copy_domain(output, strlen(output), dest, error_r);
}

static int set_domain(const char *str, size_t len, struct gp_name *name,
		      const char **error_r)
{
	int ret;

	if (len > GP_NAME_MAX) {
		*error_r = "the name is too long";
		return -1;
	}
	if (is_plain(str, len))
		ret = copy_domain(str, len, name->key, error_r);
	else
		ret = copy_idn(str, len, name->key, error_r);
	if (ret < 0)
		return -1;
	name->domain_len = ret;
	return 0;
}

static int set_local(const char *str, size_t len, struct gp_name *name,
		     const char **error_r)
{
	char *dest = name->key + name->domain_len + 1;
	size_t i;

	if (len == 0) {
		*error_r = "the part before the @ is empty";
		return -1;
	}
	if (name->domain_len + len > GP_NAME_MAX) {
		*error_r = "the name is too long";
		return -1;
	}
	for (i = 0; i < len; i++)
		dest[i] = lower(str[i]);
	dest[len] = '\0';
	name->local_len = len;
	return 0;
}

static void clear(struct gp_name *name)
{
	name->domain_len = 0;
	name->local_len = 0;
	name->key[0] = '\0';
	name->key[1] = '\0';
}

int gp_name_parse_domain(const char *str, size_t len, struct gp_name *name_r,
			 const char **error_r)
{
	clear(name_r);
	if (check_characters(str, len, error_r) < 0 ||
	    set_domain(str, len, name_r, error_r) < 0)
		return -1;
	name_r->key[name_r->domain_len + 1] = '\0';
	return 0;
}

/* What nearly all names are: a local part and a domain in printable ASCII, taken
   in one go. A "no" says nothing; the name is looked at closely then. */
static bool parse_plain(const char *str, size_t len, struct gp_name *name)
{
	const char *at = memchr(str, '@', len);
	size_t local_len = at == NULL ? 0 : at - str, domain_len, i;
	char *dest = name->key, before = '.';

	if (local_len == 0 || len > GP_NAME_MAX)
		return false;
	domain_len = len - local_len - 1;
	for (i = 0; i < domain_len; i++) {
		*dest = domain_bytes[(unsigned char)at[1 + i]];
		if (*dest == '\0' || (*dest == '.' && before == '.'))
			return false;
		before = *dest++;
	}
	*dest++ = '\0';
	for (i = 0; i < local_len; i++) {
		*dest = domain_bytes[(unsigned char)str[i]];
		if (*dest++ == '\0')
			return false;
	}
	*dest = '\0';
	name->domain_len = domain_len;
	name->local_len = local_len;
	/* Also for a trailing dot, and for no domain. */
	return before != '.';
}

int gp_name_parse(const char *str, size_t len, const char *default_domain,
		  struct gp_name *name_r, const char **error_r)
{
	const char *at, *domain = default_domain;
	size_t local_len = len, domain_len;

	if (parse_plain(str, len, name_r))
		return 0;
	clear(name_r);
	if (check_characters(str, len, error_r) < 0)
		return -1;
	at = memchr(str, '@', len);
	if (at != NULL) {
		local_len = at - str;
		domain = at + 1;
		domain_len = len - local_len - 1;
		if (memchr(domain, '@', domain_len) != NULL) {
			*error_r = "the name has more than one @";
			return -1;
		}
	} else {
		domain_len = domain == NULL ? 0 : strlen(domain);
	}
	if ((at != NULL || domain_len > 0) &&
	    set_domain(domain, domain_len, name_r, error_r) < 0)
		return -1;
	return set_local(str, local_len, name_r, error_r);
}

/* The names that Postfix never splits, whatever the delimiter. */
static bool is_never_split(const char *local, size_t len)
{
	static const char *const names[] = {
		"postmaster", "mailer-daemon", "double-bounce"
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i]) == len &&
		    strncasecmp(local, names[i], len) == 0)
			return true;
	}
	return false;
}

/* owner-list and list-request, when "-" is a delimiter. */
static bool is_list_address(const char *local, size_t len)
{
	return (len >= 6 && strncasecmp(local, "owner-", 6) == 0) ||
	       (len > 8 && strncasecmp(local + len - 8, "-request", 8) == 0);
}

size_t gp_name_base_len(const char *local, size_t local_len,
			const char *recipient_delimiter)
{
	size_t len;

	if (*recipient_delimiter == '\0' || is_never_split(local, local_len))
		return local_len;
	if (strchr(recipient_delimiter, '-') != NULL &&
	    is_list_address(local, local_len))
		return local_len;
	for (len = 0; len < local_len; len++) {
		if (strchr(recipient_delimiter, local[len]) != NULL)
			break;
	}
	return len == 0 ? local_len : len;
}
