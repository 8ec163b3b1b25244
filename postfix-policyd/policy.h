#ifndef GP_POLICYD_POLICY_H
#define GP_POLICYD_POLICY_H

#include <stdbool.h>
#include "postfix-policyd/protocol.h"
#include "postfix-policyd/stats.h"
#include "shared/rules/request.h"
#include "shared/settings/settings.h"

/* What a policy request means, and what Postfix is told. */

/* Turns the attributes into a request to be judged. request_r points into
   attributes. Returns true, or false when there is nothing to judge: mail from
   outside, or a client of a submission service that can still authenticate. */
bool gp_policy_read(const struct gp_settings *settings,
		    const struct gp_protocol_request *attributes,
		    struct gp_request *request_r);

/* The door: settings, the map, and what is needed for one answer. */
struct gp_policy_door;

/* Takes the settings over. verbose logs each request. */
struct gp_policy_door *gp_policy_door_new(struct gp_settings *settings,
					  bool verbose);
void gp_policy_door_free(struct gp_policy_door **door);
/* Takes new settings over. The map stays open unless it is another one. */
void gp_policy_door_set(struct gp_policy_door *door,
			struct gp_settings *settings);

/* To be called now and then: tells what was left out of the log. With
   everything set, at once. */
void gp_policy_door_sweep(struct gp_policy_door *door, bool everything);

/* Where the door counts, one of count; without it in itself. */
void gp_policy_door_count_in(struct gp_policy_door *door,
			     struct gp_stats *all, unsigned count,
			     unsigned own);
/* The counters of all as OpenMetrics text, until the next call. */
const char *gp_policy_door_stats(struct gp_policy_door *door);

/* A gp_server_begin, a gp_server_expect and a gp_server_answer; context is the
   door. */
void gp_policy_door_begin(void *context);
void gp_policy_door_expect(void *context,
			   const struct gp_protocol_request *attributes);
void gp_policy_door_answer(void *context,
			   const struct gp_protocol_request *attributes,
			   struct gp_protocol_reply *reply_r);

#endif
