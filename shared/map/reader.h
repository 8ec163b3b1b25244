#ifndef GP_MAP_READER_H
#define GP_MAP_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "shared/base/arena.h"
#include "shared/rules/decide.h"
#include "shared/rules/source.h"

/* A compiled map as the doors and the commands use it. The file never changes
   once it is visible; a new one takes its place by rename(2), which is noticed
   at the next look. One process opens a file once, whoever asks: two openers
   of one path share it. Not for use by several threads. */

struct gp_map;

/* Never fails: the map may not exist yet. owner is who besides root may own
   the file; (uid_t)-1 for nobody. */
struct gp_map *gp_map_new(const char *path, uid_t owner);
void gp_map_free(struct gp_map **map);

/* Looks whether the file was replaced, and takes over the new one. Returns the
   rules in force: of the new file, or of the last one that was good (the
   trouble is logged, at most once a minute), or NULL with the reason when
   there was never a good one. The reason names the file and what to do, and
   errno says which kind it is: what open(2) set, or EINVAL for a file that is
   there and cannot be used. The source holds until the next call. */
const struct gp_source *gp_map_source(struct gp_map *map,
				      const char **error_r);
/* The same without looking: as the last look has found them. There must have
   been one. */
const struct gp_source *gp_map_source_held(struct gp_map *map,
					   const char **error_r);

/* What stands in the meta record of a map. */
struct gp_map_meta {
	unsigned format;
	int64_t compiled;
	uint8_t source_sha256[32];
	uint64_t lines;
	uint64_t keys;
	/* By -i or -d, since it was compiled from its source. */
	bool changed;
};

/* Of the rules that gp_map_source() returned last. */
const struct gp_map_meta *gp_map_meta(const struct gp_map *map);

/* Reads every record of the newest rules, for "gatepost check": what decisions
   would find out one by one. (That the file is whole is checked whenever it is
   opened.) Returns 0, or -1 with the reason. */
int gp_map_verify(struct gp_map *map, const char **error_r);

/* For a door that judges all day, and many at once: a login that is going to be
   judged. Where its lines lie is remembered from the last time, and the next
   gp_map_judge() fetches it from memory for all of them together, before it
   judges the first. Sixteen bytes a record are taken for that, at most
   18 MiB. */
void gp_map_expect(struct gp_map *map, const char *login, size_t login_len);
void gp_map_fetch(struct gp_map *map);

/* One decision as a door makes it: the newest rules, the host's clock (or the
   map's own time where that clock stands before it), the map's verdict or what
   the policy says for the lack of one. Everything in verdict_r is the
   caller's; scratch is reset. */
void gp_map_judge(struct gp_map *map, const struct gp_policy *policy,
		  const struct gp_request *request, struct gp_arena *scratch,
		  struct gp_verdict *verdict_r);
/* The same by the rules that the last look has found, for a request that had
   come before that look: what came together needs one. */
void gp_map_judge_held(struct gp_map *map, const struct gp_policy *policy,
		       const struct gp_request *request,
		       struct gp_arena *scratch, struct gp_verdict *verdict_r);

#endif
