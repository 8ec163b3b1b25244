#ifndef GP_TOOLS_EFFECT_H
#define GP_TOOLS_EFFECT_H

#include <stdbool.h>
#include "shared/rules/resolve.h"

/* What holds for a name when all is said: every attribute as the doors' code
   resolves it, sets of networks spelled out, ready to be compared. */

#define EFFECT_ATTRS GP_ATTR_PROFILE

struct effect {
	uint8_t service[GP_SERVICES];
	uint8_t tls_min;
	struct {
		bool any;
		struct gp_netset set;
	} nets[GP_NETLISTS];
	/* Of which services the networks of trusted_nets and cleartext_nets
	   soften the value (GP_ATTR_BIT): what stands where it softens none is
	   of no effect. */
	uint32_t softened[GP_NETLISTS];
	const char *message;
	const char *help;
	/* Who set each; line is NULL for what is built in. */
	struct gp_origin origin[EFFECT_ATTRS];
	/* A line on trial stands among the name's lines. */
	bool has_trial;
};

struct effect_for {
	int64_t now;
	bool with_trials;
};

/* Of whom a key (source.h) speaks: the mailbox; any mailbox of the domain that
   no line names; of a domain below it, or of any domain, that no line names. */
int effect_of_key(const struct gp_source *source, const char *key,
		  size_t key_len, const struct effect_for *what,
		  struct gp_arena *arena, struct effect *effect_r,
		  const char **error_r);

/* What would hold if the key's own lines were not there: that of its domain, of
   the domains around it, or what is built in. */
int effect_around_key(const struct gp_source *source, const char *key,
		      size_t key_len, const struct effect_for *what,
		      struct gp_arena *arena, struct effect *effect_r,
		      const char **error_r);

enum effect_change {
	EFFECT_SAME,
	/* Less is allowed. */
	EFFECT_LOSS,
	EFFECT_GAIN,
	/* Neither: another text, other networks. */
	EFFECT_OTHER
};

enum effect_change effect_compare(const struct effect *before,
				  const struct effect *after,
				  enum gp_attribute attr);

/* Adds the value as it is written in rules; a text that is not set is "".
   Networks of cleartext_nets that soften only some of the services that ask for
   encryption say which: "192.0.2.0/24 for submission". */
void effect_print(const struct effect *effect, enum gp_attribute attr,
		  struct gp_text *text);

#endif
