#ifndef GP_TOOLS_LISTING_H
#define GP_TOOLS_LISTING_H

#include <stdbool.h>
#include "shared/rules/source.h"

/* Rules of a map on standard output: "gatemap -q" and "gatemap -s". */

struct gp_listing {
	const struct gp_source *source;
	/* One JSON object a line: key, file, line, attributes (all text, as
	   in a rules file); key and networks for a net. */
	bool json;
};

/* Prints the lines of a key as it was typed ("net:" and "profile:" too), their
   attributes alone or behind the key and a tab. Returns 1, 0 when there is no
   such key, or -1 with a message written when the key is none, or the map is
   damaged; then *status_r is the exit code. */
int gp_listing_key(const struct gp_listing *listing, const char *key,
		   bool with_key, int *status_r);

/* Prints source that compiles to the same rules: nets, profiles, "*", and the
   rest. Returns 0, or -1 with a message written. */
int gp_listing_all(const struct gp_listing *listing);

#endif
