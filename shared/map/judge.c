/* Where the rules, the clock and the decision come together, once for both
   doors. A host whose clock stands before the time at which the rules were
   compiled has a wrong clock (it was just started, and there is no battery):
   then the map's time is nearer to the truth. */

#include "shared/base/clock.h"
#include "shared/map/reader.h"

/* error is why there is no source. */
static void judge(const struct gp_source *source, const char *error,
		  const struct gp_policy *policy,
		  const struct gp_request *request, struct gp_arena *scratch,
		  struct gp_verdict *verdict_r)
{
	int64_t now;

	gp_arena_reset(scratch);
	if (source == NULL) {
		gp_decide_without_rules(policy, request,
					gp_arena_strdup(scratch, error),
					scratch, verdict_r);
		return;
	}
	now = gp_time_now();
	if (now < source->compiled)
		now = source->compiled;
	gp_decide(source, policy, request, now, scratch, verdict_r);
	/* A reason may lie in the map, which can be gone at the next look. */
	if (verdict_r->kind == GP_DEFER && verdict_r->error != NULL)
		verdict_r->error = gp_arena_strdup(scratch, verdict_r->error);
}

void gp_map_judge(struct gp_map *map, const struct gp_policy *policy,
		  const struct gp_request *request, struct gp_arena *scratch,
		  struct gp_verdict *verdict_r)
{
	const char *error = NULL;
	const struct gp_source *source = gp_map_source(map, &error);

	gp_map_fetch(map);
	judge(source, error, policy, request, scratch, verdict_r);
}

void gp_map_judge_held(struct gp_map *map, const struct gp_policy *policy,
		       const struct gp_request *request,
		       struct gp_arena *scratch, struct gp_verdict *verdict_r)
{
	const char *error = NULL;
	const struct gp_source *source = gp_map_source_held(map, &error);

	judge(source, error, policy, request, scratch, verdict_r);
}
