/* gatemap -q and -s: what stands in the map, as source. */

#include "shared/tools/gatemap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/tools/listing.h"
#include "shared/tools/program.h"

/* As postmap -q - does: found when at least one key was. */
static int query_each(const struct gp_listing *listing)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	bool found = false;
	int failure = 0;

	while ((len = getline(&line, &size, stdin)) >= 0) {
		int status;
		int result;

		if (len > 0 && line[len - 1] == '\n')
			line[len - 1] = '\0';
		result = gp_listing_key(listing, line, true, &status);
		found = found || result > 0;
		if (result < 0)
			failure = status;
	}
	free(line);
	if (failure != 0)
		return failure;
	return found ? 0 : GP_EXIT_NOT_FOUND;
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
