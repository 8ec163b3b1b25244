#ifndef GP_MAP_CODEC_H
#define GP_MAP_CODEC_H

#include "shared/base/arena.h"
#include "shared/map/wire.h"
#include "shared/rules/line.h"

/* One line of the rules as bytes, the same in memory (image.h) and in a
   map. */

/* What the numbers in a line must stay below. */
struct gp_codec_limits {
	uint32_t nets;
	uint32_t profiles;
	uint32_t files;
};

void gp_codec_put_line(struct gp_text *out, const struct gp_line *line);

/* The line must be zeroed. Strings and networks stay where they are, lists of
   numbers are put into scratch. What a line from damaged bytes holds is of no
   use; wire->bad tells. */
void gp_codec_get_line(struct gp_wire *wire,
		       const struct gp_codec_limits *limits,
		       struct gp_arena *scratch, struct gp_line *line_r);

/* A set of networks: its count and its ranges. */
void gp_codec_put_netset(struct gp_text *out, const struct gp_netset *set);
/* In place. Whether the set is sound is checked as well. */
void gp_codec_get_netset(struct gp_wire *wire, struct gp_netset *set_r);

#endif
