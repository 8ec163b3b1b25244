/* Sorted ranges and a binary search: a set is used where it lies, in a map's
   pages too, without being unpacked, and a hundred thousand networks cost
   seventeen comparisons. IPv4 and IPv6 are one order (address.h), so that one
   search serves both. */

#include <stdlib.h>
#include <string.h>
#include "shared/base/memory.h"
#include "shared/net/netset.h"
#include "shared/net/network.h"

static int compare(const uint8_t a[16], const uint8_t b[16])
{
	return memcmp(a, b, 16);
}

bool gp_netset_contains(const struct gp_netset *set,
			const struct gp_address *address)
{
	size_t low = 0, high = set->count, middle;

	if (!address->known)
		return false;
	/* The first range that does not end before the address. */
	while (low < high) {
		middle = low + (high - low) / 2;
		if (compare(set->ranges[middle].last, address->bytes) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->count &&
		compare(set->ranges[low].first, address->bytes) <= 0;
}

/* The next address. False when there is none. */
static bool successor(const uint8_t address[16], uint8_t next_r[16])
{
	int i;

	memcpy(next_r, address, 16);
	for (i = 15; i >= 0; i--) {
		if (++next_r[i] != 0)
			return true;
	}
	return false;
}

/* True when the later range neither overlaps nor touches the earlier one. */
static bool stands_apart(const struct gp_range *earlier,
			 const struct gp_range *later)
{
	uint8_t next[16];

	return successor(earlier->last, next) &&
		compare(next, later->first) < 0;
}

bool gp_netset_is_sound(const struct gp_netset *set)
{
	size_t i;

	for (i = 0; i < set->count; i++) {
		if (compare(set->ranges[i].first, set->ranges[i].last) > 0)
			return false;
		if (i > 0 && !stands_apart(&set->ranges[i - 1],
					   &set->ranges[i]))
			return false;
	}
	return true;
}

/* The part of a range that lies between two addresses. False when there is
   none. */
static bool part_between(const struct gp_range *range, const uint8_t first[16],
			 const uint8_t last[16], struct gp_range *part_r)
{
	*part_r = *range;
	if (compare(part_r->first, first) < 0)
		memcpy(part_r->first, first, 16);
	if (compare(part_r->last, last) > 0)
		memcpy(part_r->last, last, 16);
	return compare(part_r->first, part_r->last) <= 0;
}

/* A printer that holds its last range back. */
struct printer {
	struct gp_text *text;
	struct gp_range held;
	bool holds;
	bool any;
};

static void print_held(struct printer *printer)
{
	if (!printer->holds)
		return;
	if (printer->any)
		gp_text_add_char(printer->text, ',');
	gp_network_print(&printer->held, printer->text);
	printer->holds = false;
	printer->any = true;
}

/* IPv6 networks leave the IPv4 addresses out (network.h): what reaches them
   from both sides was written as one network, and is printed as one. */
static void print_part(struct printer *printer, const struct gp_range *part)
{
	if (printer->holds &&
	    compare(printer->held.last, gp_network_below_ipv4) == 0 &&
	    compare(part->first, gp_network_above_ipv4) == 0) {
		memcpy(printer->held.last, part->last, 16);
		return;
	}
	print_held(printer);
	printer->held = *part;
	printer->holds = true;
}

void gp_netset_print(const struct gp_netset *set, struct gp_text *text)
{
	static const uint8_t lowest[16];
	uint8_t highest[16];
	struct printer printer = { .text = text };
	struct gp_range part;
	size_t i;

	memset(highest, 0xff, sizeof(highest));
	for (i = 0; i < set->count; i++) {
		if (part_between(&set->ranges[i], gp_network_ipv4.first,
				 gp_network_ipv4.last, &part))
			print_part(&printer, &part);
	}
	for (i = 0; i < set->count; i++) {
		if (part_between(&set->ranges[i], lowest,
				 gp_network_below_ipv4, &part))
			print_part(&printer, &part);
		if (part_between(&set->ranges[i], gp_network_above_ipv4,
				 highest, &part))
			print_part(&printer, &part);
	}
	print_held(&printer);
}

void gp_netset_builder_init(struct gp_netset_builder *builder)
{
	memset(builder, 0, sizeof(*builder));
}

void gp_netset_builder_deinit(struct gp_netset_builder *builder)
{
	free(builder->ranges);
	memset(builder, 0, sizeof(*builder));
}

static void add_ranges(struct gp_netset_builder *builder,
		       const struct gp_range *ranges, size_t count)
{
	if (count == 0)
		return;
	if (count > builder->size - builder->count) {
		builder->size = gp_grow(builder->size, builder->count + count);
		builder->ranges = gp_realloc(builder->ranges, builder->size,
					     sizeof(*builder->ranges));
	}
	memcpy(builder->ranges + builder->count, ranges,
	       count * sizeof(*ranges));
	builder->count += count;
}

int gp_netset_builder_add(struct gp_netset_builder *builder, const char *str,
			  struct gp_arena *arena, const char **error_r)
{
	struct gp_range ranges[GP_NETWORK_RANGES];
	size_t count;

	if (gp_network_parse(str, ranges, &count, arena, error_r) < 0)
		return -1;
	add_ranges(builder, ranges, count);
	return 0;
}

void gp_netset_builder_add_set(struct gp_netset_builder *builder,
			       const struct gp_netset *set)
{
	add_ranges(builder, set->ranges, set->count);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct gp_range *range_a = a, *range_b = b;

	return compare(range_a->first, range_b->first);
}

/* Joins sorted ranges in place. Returns how many are left. */
static size_t join_ranges(struct gp_range *ranges, size_t count)
{
	size_t i, last = 0;

	if (count == 0)
		return 0;
	for (i = 1; i < count; i++) {
		if (stands_apart(&ranges[last], &ranges[i]))
			ranges[++last] = ranges[i];
		else if (compare(ranges[last].last, ranges[i].last) < 0)
			memcpy(ranges[last].last, ranges[i].last, 16);
	}
	return last + 1;
}

void gp_netset_builder_finish(struct gp_netset_builder *builder,
			      struct gp_arena *arena, struct gp_netset *set_r)
{
	struct gp_range *ranges;
	size_t count;

	if (builder->count > 1)
		qsort(builder->ranges, builder->count,
		      sizeof(*builder->ranges), compare_ranges);
	count = join_ranges(builder->ranges, builder->count);
	ranges = gp_arena_bytes(arena, count * sizeof(*ranges));
	if (count > 0)
		memcpy(ranges, builder->ranges, count * sizeof(*ranges));
	builder->count = 0;
	set_r->ranges = ranges;
	set_r->count = count;
}
