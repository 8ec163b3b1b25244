/* What people write for a network goes wrong in a handful of well-known ways:
   host bits, brackets, netmasks, half an address, a range the wrong way round.
   Each is an error that shows the right form, never a guess that is silently
   taken: the text decides who gets in. */

#include <stdlib.h>
#include <string.h>
#include "shared/net/network.h"

const struct gp_range gp_network_ipv4 = {
	.first = { [10] = 0xff, [11] = 0xff },
	.last = { [10] = 0xff, [11] = 0xff, [12] = 0xff, [13] = 0xff,
		  [14] = 0xff, [15] = 0xff },
};
const uint8_t gp_network_below_ipv4[16] = {
	[10] = 0xff, [11] = 0xfe, [12] = 0xff, [13] = 0xff, [14] = 0xff,
	[15] = 0xff
};
const uint8_t gp_network_above_ipv4[16] = { [9] = 1 };

/* Longer ones are shown cut. */
#define SHOWN_MAX 60

struct input {
	/* As it was written, escaped. */
	const char *shown;
	struct gp_arena *arena;
	const char **error_r;
};

static const char *shown(struct gp_arena *arena, const char *str)
{
	char storage[SHOWN_MAX * 4 + 8];
	struct gp_text text;

	gp_text_init_fixed(&text, storage, sizeof(storage));
	gp_text_add_escaped(&text, str, strlen(str), SHOWN_MAX);
	return gp_arena_strdup(arena, storage);
}

static const char *address_text(struct gp_arena *arena, const uint8_t *bytes)
{
	struct gp_address address;
	struct gp_text text;
	char storage[64];

	gp_address_from_bytes(bytes, 16, &address);
	gp_text_init_fixed(&text, storage, sizeof(storage));
	gp_address_print(&address, &text);
	return gp_arena_strdup(arena, storage);
}

#define FAIL(input, ...) \
	(*(input)->error_r = gp_arena_printf((input)->arena, __VA_ARGS__), -1)

static bool only_of(const char *str, const char *chars)
{
	return *str != '\0' && str[strspn(str, chars)] == '\0';
}

static unsigned int count_char(const char *str, char c)
{
	unsigned int count = 0;

	for (; *str != '\0'; str++)
		count += *str == c ? 1 : 0;
	return count;
}

/* "192.0.02.001" without the zeros that make some programs read octal. */
static char *without_zeros(struct gp_arena *arena, const char *str)
{
	char *copy = gp_arena_strdup(arena, str), *to = copy;
	bool start = true;

	for (; *str != '\0'; str++) {
		if (start && *str == '0' && str[1] >= '0' && str[1] <= '9')
			continue;
		start = *str == '.';
		*to++ = *str;
	}
	*to = '\0';
	return copy;
}

/* "192.0.2", "192.0.2." and "192.0.2.*" mean 192.0.2.0/24. NULL when str is
   nothing of that kind. */
static const char *
partial_as_cidr(struct gp_arena *arena, const char *str)
{
	static const char *const rest[] = { "", ".0.0.0", ".0.0", ".0" };
	size_t len = strspn(str, "0123456789.");
	struct gp_address address;
	unsigned int parts;
	char *whole;

	if (str[len] != '\0' && (!only_of(str + len, "*.") || len == 0))
		return NULL;
	while (len > 0 && str[len - 1] == '.')
		len--;
	whole = gp_arena_strndup(arena, str, len);
	parts = count_char(whole, '.') + 1;
	if (len == 0 || parts > 3)
		return NULL;
	whole = gp_arena_printf(arena, "%s%s", whole, rest[parts]);
	if (gp_address_parse(whole, &address) < 0)
		return NULL;
	return gp_arena_printf(arena, "%s/%u", whole, parts * 8);
}

static int address_error(struct input *input, const char *str)
{
	struct gp_address address;
	const char *better;

	if (*str == '\0')
		return FAIL(input, "%s lacks an address; write an IP address "
			    "like 192.0.2.1 or 2001:db8::1", input->shown);
	better = without_zeros(input->arena, str);
	if (strcmp(better, str) != 0 && only_of(str, "0123456789.") &&
	    gp_address_parse(better, &address) == 0)
		return FAIL(input, "%s has leading zeros; write %s",
			    input->shown, better);
	better = partial_as_cidr(input->arena, str);
	if (better != NULL)
		return FAIL(input, "%s is not a whole address; write %s for "
			    "the network", input->shown, better);
	return FAIL(input, "%s is not an IP address or network; write one like "
		    "192.0.2.1, 192.0.2.0/24 or 2001:db8::/32", input->shown);
}

static int read_address(struct input *input, const char *str, uint8_t bytes[16])
{
	struct gp_address address;
	size_t bare = strcspn(str, "%");

	if (gp_address_parse(str, &address) < 0)
		return address_error(input, str);
	if (str[bare] != '\0')
		return FAIL(input, "%s names an interface, which networks know "
			    "nothing of; write %.*s", input->shown, (int)bare,
			    str);
	memcpy(bytes, address.bytes, 16);
	return 0;
}

static bool is_ipv4(const uint8_t bytes[16])
{
	return memcmp(bytes, gp_network_ipv4.first, 12) == 0;
}

/* Sets all bits behind the first prefix ones. */
static void fill_bits(uint8_t bytes[16], unsigned int prefix, bool value)
{
	unsigned int bit;

	for (bit = prefix; bit < 128; bit++) {
		if (value)
			bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		else
			bytes[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
	}
}

/* The number of ones that an IPv4 netmask begins with, or -1. */
static int netmask_prefix(const char *str)
{
	struct gp_address mask;
	uint8_t all[16];
	int prefix;

	if (gp_address_parse(str, &mask) < 0 || strchr(str, ':') != NULL)
		return -1;
	for (prefix = 0; prefix <= 32; prefix++) {
		memcpy(all, gp_network_ipv4.last, 16);
		fill_bits(all, 96 + (unsigned int)prefix, false);
		if (memcmp(all, mask.bytes, 16) == 0)
			return prefix;
	}
	return -1;
}

static int prefix_error(struct input *input, const char *address,
			const char *prefix)
{
	int ones = netmask_prefix(prefix);

	if (*prefix == '\0')
		return FAIL(input, "%s lacks the length of its prefix; write "
			    "one like 192.0.2.0/24, or the address alone",
			    input->shown);
	if (ones >= 0)
		return FAIL(input, "%s has a netmask; write %s/%d",
			    input->shown, address, ones);
	if (only_of(prefix, "0123456789") && prefix[0] == '0')
		return FAIL(input, "%s has leading zeros; write %s/%lu",
			    input->shown, address, strtoul(prefix, NULL, 10));
	return FAIL(input, "%s: the length of a prefix is a number, as in "
		    "192.0.2.0/24 or 2001:db8::/32", input->shown);
}

/* Reads what follows the slash. *prefix_r counts from the first of 128 bits;
   written_as_ipv4 says whether the text did. */
static int read_prefix(struct input *input, const char *address,
		       const char *str, bool written_as_ipv4,
		       unsigned int *prefix_r)
{
	unsigned int most = written_as_ipv4 ? 32 : 128;
	unsigned long prefix;

	if (!only_of(str, "0123456789") || (str[0] == '0' && str[1] != '\0'))
		return prefix_error(input, address, str);
	prefix = strlen(str) > 3 ? 1000 : strtoul(str, NULL, 10);
	if (prefix > most)
		return FAIL(input, "%s: the prefix of an %s network has at "
			    "most %u bits; write /%u for a single address",
			    input->shown, written_as_ipv4 ? "IPv4" : "IPv6",
			    most, most);
	*prefix_r = (unsigned int)prefix + (written_as_ipv4 ? 96 : 0);
	return 0;
}

static int host_bits_error(struct input *input, const struct gp_range *range,
			   const uint8_t address[16], unsigned int prefix)
{
	const char *network = address_text(input->arena, range->first);

	if (is_ipv4(address) && prefix <= 32)
		return FAIL(input, "%s reaches beyond the IPv4 addresses; "
			    "write %s/%u", input->shown,
			    address_text(input->arena, address), prefix);
	if (is_ipv4(address) && prefix < 96)
		return FAIL(input, "%s reaches beyond the IPv4 addresses; "
			    "write 0.0.0.0/0 for all of them", input->shown);
	return FAIL(input, "%s has host bits; write %s/%u for the network or "
		    "%s for the address", input->shown, network,
		    is_ipv4(address) ? prefix - 96 : prefix,
		    address_text(input->arena, address));
}

static int read_cidr(struct input *input, char *str, struct gp_range *range_r)
{
	char *slash = strchr(str, '/');
	unsigned int prefix;
	uint8_t address[16];

	*slash = '\0';
	if (read_address(input, str, address) < 0 ||
	    read_prefix(input, str, slash + 1, strchr(str, ':') == NULL,
			&prefix) < 0)
		return -1;
	memcpy(range_r->first, address, 16);
	memcpy(range_r->last, address, 16);
	fill_bits(range_r->first, prefix, false);
	fill_bits(range_r->last, prefix, true);
	if (memcmp(range_r->first, address, 16) != 0)
		return host_bits_error(input, range_r, address, prefix);
	return 0;
}

/* "192.0.2.200-210" is how many programs write it. */
static const char *
short_range_end(struct gp_arena *arena, const char *first, const char *last)
{
	const char *dot = strrchr(first, '.');
	struct gp_address address;
	const char *whole;

	if (dot == NULL || !only_of(last, "0123456789"))
		return NULL;
	whole = gp_arena_printf(arena, "%.*s.%s", (int)(dot - first), first,
				last);
	return gp_address_parse(whole, &address) < 0 ? NULL : whole;
}

static int read_range(struct input *input, char *str, struct gp_range *range_r)
{
	char *dash = strchr(str, '-');
	const char *better;

	*dash = '\0';
	if (strchr(dash + 1, '/') != NULL || strchr(str, '/') != NULL)
		return FAIL(input, "%s: a range has two addresses and no "
			    "prefix; write one like 192.0.2.1-192.0.2.9",
			    input->shown);
	if (read_address(input, str, range_r->first) < 0)
		return -1;
	better = short_range_end(input->arena, str, dash + 1);
	if (better != NULL)
		return FAIL(input, "%s: a range ends in a whole address; write "
			    "%s-%s", input->shown, str, better);
	if (read_address(input, dash + 1, range_r->last) < 0)
		return -1;
	if (is_ipv4(range_r->first) != is_ipv4(range_r->last))
		return FAIL(input, "%s mixes IPv4 and IPv6; write one range "
			    "for each", input->shown);
	if (memcmp(range_r->first, range_r->last, 16) > 0)
		return FAIL(input, "%s is upside down; write %s-%s",
			    input->shown, dash + 1, str);
	return 0;
}

/* "[2001:db8::1]", "[2001:db8::]/32", "[2001:db8::1]:143". */
static int check_brackets(struct input *input, const char *str)
{
	const char *open = strchr(str, '['), *close = strchr(str, ']');
	const char *bare;

	if (open == NULL && close == NULL)
		return 0;
	if (open != str || close == NULL)
		return FAIL(input, "%s: no brackets are written here",
			    input->shown);
	bare = gp_arena_printf(input->arena, "%.*s%s", (int)(close - open - 1),
			       open + 1, close[1] == '/' ? close + 1 : "");
	return FAIL(input, "%s: no brackets are written here; write %s",
		    input->shown, shown(input->arena, bare));
}

/* Cuts the IPv4 addresses out of a range of IPv6 ones. */
static size_t without_ipv4(const struct gp_range *range,
			   struct gp_range ranges_r[GP_NETWORK_RANGES])
{
	ranges_r[0] = *range;
	if (is_ipv4(range->first) ||
	    memcmp(range->last, gp_network_below_ipv4, 16) <= 0 ||
	    memcmp(range->first, gp_network_above_ipv4, 16) >= 0)
		return 1;
	memcpy(ranges_r[0].last, gp_network_below_ipv4, 16);
	if (memcmp(range->last, gp_network_above_ipv4, 16) < 0)
		return 1;
	ranges_r[1] = *range;
	memcpy(ranges_r[1].first, gp_network_above_ipv4, 16);
	return 2;
}

int gp_network_parse(const char *str,
		     struct gp_range ranges_r[GP_NETWORK_RANGES],
		     size_t *count_r, struct gp_arena *arena,
		     const char **error_r)
{
	struct input input = { shown(arena, str), arena, error_r };
	char *copy = gp_arena_strdup(arena, str);
	struct gp_range range;
	int ret;

	if (*str == '\0')
		return FAIL(&input, "an empty network; write one like "
			    "192.0.2.0/24 or 2001:db8::/32");
	if (check_brackets(&input, str) < 0)
		return -1;
	if (strchr(str, '-') != NULL) {
		ret = read_range(&input, copy, &range);
	} else if (strchr(str, '/') != NULL) {
		ret = read_cidr(&input, copy, &range);
	} else {
		ret = read_address(&input, copy, range.first);
		if (ret == 0)
			memcpy(range.last, range.first, 16);
	}
	if (ret == 0)
		*count_r = without_ipv4(&range, ranges_r);
	return ret;
}

/* The prefix (of 128 bits) when the range is one network, or -1. */
static int range_prefix(const struct gp_range *range)
{
	uint8_t filled[16];
	int prefix = 0;

	while (prefix < 128 &&
	       ((range->first[prefix / 8] ^ range->last[prefix / 8]) &
		0x80 >> prefix % 8) == 0)
		prefix++;
	memcpy(filled, range->first, 16);
	fill_bits(filled, (unsigned int)prefix, false);
	if (memcmp(filled, range->first, 16) != 0)
		return -1;
	fill_bits(filled, (unsigned int)prefix, true);
	return memcmp(filled, range->last, 16) == 0 ? prefix : -1;
}

void gp_network_print(const struct gp_range *range, struct gp_text *text)
{
	struct gp_address first, last;
	int prefix = range_prefix(range);

	gp_address_from_bytes(range->first, 16, &first);
	gp_address_from_bytes(range->last, 16, &last);
	gp_address_print(&first, text);
	if (prefix < 0) {
		gp_text_add_char(text, '-');
		gp_address_print(&last, text);
	} else if (prefix < 128) {
		gp_text_addf(text, "/%d",
			     gp_address_is_ipv4(&first) ? prefix - 96 : prefix);
	}
}
