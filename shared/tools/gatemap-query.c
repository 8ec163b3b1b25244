/* gatemap -q and -s: what stands in the map, as source. */

#include "shared/tools/gatemap.h"

#include <string.h>

#include "shared/tools/listing.h"
#include "shared/tools/program.h"

struct query {
	const struct gp_listing *listing;
	bool found;
};

static int query_key(void *context, const char *key)
{
	struct query *query = context;
	int status;
	int found = gp_listing_key(query->listing, key, true, &status);

	if (found > 0)
		query->found = true;
	return found < 0 ? status : 0;
}

/* As postmap -q - does: found when at least one key was. */
static int query_each(const struct gp_listing *listing)
{
	struct query query = { .listing = listing };
	int status = gatemap_each_key(query_key, &query);

	if (status != 0)
		return status;
	return query.found ? 0 : GP_EXIT_NOT_FOUND;
}

static int query_one(const struct gp_listing *listing, const char *key)
{
	int status;
	int found = gp_listing_key(listing, key, false, &status);

	if (found < 0)
		return status;
	return found > 0 ? 0 : GP_EXIT_NOT_FOUND;
}

int gatemap_query(const struct gatemap_options *options)
{
	struct gp_listing listing = { .json = options->json };
	struct gp_map *map;
	int status = gatemap_open(options, &map, &listing.source);

	if (status != 0)
		return status;
	if (strcmp(options->key, "-") == 0)
		status = query_each(&listing);
	else
		status = query_one(&listing, options->key);
	gp_map_free(&map);
	return gp_program_finish(status);
}

int gatemap_list(const struct gatemap_options *options)
{
	struct gp_listing listing = { .json = options->json };
	struct gp_map *map;
	int status = gatemap_open(options, &map, &listing.source);

	if (status != 0)
		return status;
	if (gp_listing_all(&listing) < 0)
		status = EX_CONFIG;
	gp_map_free(&map);
	return gp_program_finish(status);
}
