/* inet_pton(3) reads, because it is strict (no leading zeros, no "1.2"); the
   text is written by hand, because inet_ntop(3) writes the address ::c000:201
   in dotted form, which RFC 5952 does not. */

#include <arpa/inet.h>
#include <string.h>
#include "shared/net/address.h"

static const uint8_t mapped_prefix[12] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

static int parse_ipv6(const char *str, struct gp_address *address_r)
{
	const char *zone = strchr(str, '%');
	size_t len = zone == NULL ? strlen(str) : (size_t)(zone - str);
	char bare[INET6_ADDRSTRLEN];

	if (len >= sizeof(bare) || (zone != NULL && zone[1] == '\0'))
		return -1;
	memcpy(bare, str, len);
	bare[len] = '\0';
	return inet_pton(AF_INET6, bare, address_r->bytes) == 1 ? 0 : -1;
}

int gp_address_parse(const char *str, struct gp_address *address_r)
{
	memset(address_r, 0, sizeof(*address_r));
	if (inet_pton(AF_INET, str, address_r->bytes + 12) == 1) {
		memcpy(address_r->bytes, mapped_prefix, sizeof(mapped_prefix));
	} else if (parse_ipv6(str, address_r) < 0) {
		memset(address_r, 0, sizeof(*address_r));
		return -1;
	}
	address_r->known = true;
	return 0;
}

void gp_address_from_bytes(const void *bytes, size_t len,
			   struct gp_address *address_r)
{
	memset(address_r, 0, sizeof(*address_r));
	if (len == 4) {
		memcpy(address_r->bytes, mapped_prefix, sizeof(mapped_prefix));
		memcpy(address_r->bytes + 12, bytes, 4);
		address_r->known = true;
	} else if (len == 16) {
		memcpy(address_r->bytes, bytes, 16);
		address_r->known = true;
	}
}

bool gp_address_is_ipv4(const struct gp_address *address)
{
	return address->known && memcmp(address->bytes, mapped_prefix,
					sizeof(mapped_prefix)) == 0;
}

bool gp_address_equal(const struct gp_address *a, const struct gp_address *b)
{
	return a->known && b->known &&
		memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static unsigned int group_at(const struct gp_address *address, unsigned int i)
{
	return (unsigned int)address->bytes[i * 2] << 8 |
		address->bytes[i * 2 + 1];
}

/* How many groups from there on are zero. */
static unsigned int zeros_at(const struct gp_address *address, unsigned int i)
{
	unsigned int count = 0;

	while (i + count < 8 && group_at(address, i + count) == 0)
		count++;
	return count;
}

/* The first of the longest runs of two zero groups or more; length 0 when
   there is none. */
static void longest_zeros(const struct gp_address *address,
			  unsigned int *start_r, unsigned int *count_r)
{
	unsigned int i, count;

	*start_r = 0;
	*count_r = 0;
	for (i = 0; i < 8; i += count == 0 ? 1 : count) {
		count = zeros_at(address, i);
		if (count >= 2 && count > *count_r) {
			*start_r = i;
			*count_r = count;
		}
	}
}

static void print_ipv6(const struct gp_address *address, struct gp_text *text)
{
	unsigned int i, start, count;

	longest_zeros(address, &start, &count);
	for (i = 0; i < 8; i++) {
		if (count > 0 && i == start) {
			gp_text_add(text, "::");
			i += count - 1;
			continue;
		}
		if (i > 0 && (count == 0 || i != start + count))
			gp_text_add_char(text, ':');
		gp_text_addf(text, "%x", group_at(address, i));
	}
}

void gp_address_print(const struct gp_address *address, struct gp_text *text)
{
	const uint8_t *ipv4 = address->bytes + 12;

	if (!address->known)
		gp_text_add(text, "unknown");
	else if (gp_address_is_ipv4(address))
		gp_text_addf(text, "%u.%u.%u.%u", ipv4[0], ipv4[1], ipv4[2],
			     ipv4[3]);
	else
		print_ipv6(address, text);
}
