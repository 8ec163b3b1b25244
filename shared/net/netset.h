#ifndef GP_NET_NETSET_H
#define GP_NET_NETSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "shared/base/arena.h"
#include "shared/base/text.h"
#include "shared/net/address.h"

/* A set of networks: ranges of addresses, sorted, without overlap, ends
   included. The ranges have no alignment and are the same bytes in memory and
   in a compiled map, where a set is used in place. */

struct gp_range {
	uint8_t first[16];
	uint8_t last[16];
};

struct gp_netset {
	const struct gp_range *ranges;
	size_t count;
};

/* In time logarithmic in the number of ranges. The unknown address is in no
   set. */
bool gp_netset_contains(const struct gp_netset *set,
			const struct gp_address *address);
/* True when the ranges are sorted, apart from each other and not upside down:
   for sets that come from outside. */
bool gp_netset_is_sound(const struct gp_netset *set);
/* Adds the set as it is written in a rules file: CIDR where a range is one
   network, an address or FIRST-LAST otherwise, separated by commas. */
void gp_netset_print(const struct gp_netset *set, struct gp_text *text);

/* Collects ranges in any order. Lives on the heap until deinit. */
struct gp_netset_builder {
	struct gp_range *ranges;
	size_t count;
	size_t size;
};

void gp_netset_builder_init(struct gp_netset_builder *builder);
void gp_netset_builder_deinit(struct gp_netset_builder *builder);
/* Adds one network: CIDR without host bits, a single address, or a range
   FIRST-LAST of one family. Returns 0, or -1 with the reason, which names the
   right form where one can be guessed ("192.0.2.1/24 has host bits; write
   192.0.2.0/24"). The reason is allocated from arena. */
int gp_netset_builder_add(struct gp_netset_builder *builder, const char *str,
			  struct gp_arena *arena, const char **error_r);
void gp_netset_builder_add_set(struct gp_netset_builder *builder,
			       const struct gp_netset *set);
/* Sorts, joins what overlaps or touches, and copies the result to arena. The
   builder is empty afterwards and may be used again. */
void gp_netset_builder_finish(struct gp_netset_builder *builder,
			      struct gp_arena *arena,
			      struct gp_netset *set_r);

#endif
