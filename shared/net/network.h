#ifndef GP_NET_NETWORK_H
#define GP_NET_NETWORK_H

#include "shared/base/arena.h"
#include "shared/base/text.h"
#include "shared/net/netset.h"

/* One network as it is written: CIDR without host bits, a single address, or a
   range FIRST-LAST.

   IPv4 addresses lie inside the IPv6 ones (::ffff:0:0/96), but an IPv6 network
   that is wider than that block does not hold them: ::/0 is every IPv6
   address, 0.0.0.0/0 every IPv4 address. Who writes ::/0 means IPv6. */

/* A network is at most two ranges: what lies in front of the IPv4 addresses,
   and what lies behind them. */
#define GP_NETWORK_RANGES 2

/* Returns 0, or -1 with the reason, which names the right form where one can
   be guessed. It is allocated from arena. */
int gp_network_parse(const char *str,
		     struct gp_range ranges_r[GP_NETWORK_RANGES],
		     size_t *count_r, struct gp_arena *arena,
		     const char **error_r);

/* Adds one range as it is written. Both ends are of one family. */
void gp_network_print(const struct gp_range *range, struct gp_text *text);

/* The IPv4 addresses, and the IPv6 ones that stand next to them. */
extern const struct gp_range gp_network_ipv4;
extern const uint8_t gp_network_below_ipv4[16];
extern const uint8_t gp_network_above_ipv4[16];

#endif
