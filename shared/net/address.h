#ifndef GP_NET_ADDRESS_H
#define GP_NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include "shared/base/text.h"

struct sockaddr;

/* An IP address. IPv4 is kept as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2), so
   that ::ffff:192.0.2.1 is 192.0.2.1 and one order holds for both families. A
   plain value; all zero is the unknown address, which is equal to none and
   outside every network. */

struct gp_address {
	bool known;
	uint8_t bytes[16];
};

/* Reads IPv4 dotted decimal (no leading zeros) or IPv6 text (RFC 4291), bare:
   no port, no brackets. A zone ("%eth0") is dropped. Returns 0, or -1 and
   the unknown address. */
int gp_address_parse(const char *str, struct gp_address *address_r);
/* The address in network byte order, 4 or 16 bytes; the unknown address for
   any other length. */
void gp_address_from_bytes(const void *bytes, size_t len,
			   struct gp_address *address_r);
bool gp_address_is_ipv4(const struct gp_address *address);
/* False when either is unknown. */
bool gp_address_equal(const struct gp_address *a, const struct gp_address *b);
/* Adds the text of the address (RFC 5952), or "unknown". */
void gp_address_print(const struct gp_address *address, struct gp_text *text);

#endif
