#ifndef GP_RULES_RESOLVE_H
#define GP_RULES_RESOLVE_H

#include "shared/base/arena.h"
#include "shared/base/text.h"
#include "shared/rules/name.h"
#include "shared/rules/source.h"

/* The rules of one name: each attribute on its own, the first found wins, in
   the order of the design: what is locked at "*", at parent domains (the
   widest first) and at the domain; then mailbox, its profiles, domain, its
   profiles, parent domains (the nearest first), "*". What no line sets is the
   built-in rule's business. */

/* One key's or profile's lines that count. */
struct gp_level {
	/* NULL for a profile, which has a number. */
	const char *key;
	size_t key_len;
	uint32_t profile;
	/* A later one beats an earlier one; lines on trial stand behind the
	   others. */
	const struct gp_line *const *line;
	size_t count;
};

/* A value, and where it came from. */
struct gp_origin {
	/* NULL when nothing sets the attribute. */
	const struct gp_line *line;
	const struct gp_level *level;
	/* Found among what is locked, which comes before all else. */
	bool locked;
	/* The levels of its half of the order (locked or not) in front of it,
	   and then the lines of its level. */
	size_t level_place;
	size_t line_place;
};

struct gp_resolved;

/* What to look up. */
struct gp_resolve_for {
	/* With the lines on trial. */
	bool with_trials;
	/* As if no line named the mailbox. */
	bool unnamed_mailbox;
	/* Only the lines that count at all times and in both decisions. */
	bool lasting;
	int64_t now;
};

/* The longest chain of same_as; rules with a longer one do not compile. */
#define GP_SAME_AS_MAX 64

/* Looks up all lines that bear on the name. Returns 0, or -1 with the reason
   when the source is damaged or a chain of same_as does not end. The result
   lies in scratch. */
int gp_resolve(const struct gp_source *source, const struct gp_name *name,
	       const struct gp_resolve_for *what, struct gp_arena *scratch,
	       const struct gp_resolved **resolved_r, const char **error_r);

/* True when an active line on trial stands among the name's lines, whether it
   was looked up with trials or without. */
bool gp_resolved_has_trial(const struct gp_resolved *resolved);

/* Who sets the attribute. */
void gp_resolved_origin(const struct gp_resolved *resolved,
			enum gp_attribute attr, struct gp_origin *origin_r);

/* The same for the n-th place (0: the winner), to show what was beaten; line
   is NULL behind the last. */
void gp_resolved_nth(const struct gp_resolved *resolved,
		     enum gp_attribute attr, size_t n,
		     struct gp_origin *origin_r);

/* Whether both are the same line, which may have been looked up twice. Its number
   alone does not tell: a map that was updated has several first lines of
   standard input. */
bool gp_origin_is_same(const struct gp_origin *a, const struct gp_origin *b);

/* Whether the network list (trusted_nets or cleartext_nets) found at list may
   soften the value found at value: never a value that stands in front of it,
   never a lock that is wider. value->line may be NULL (the built-in rule). */
bool gp_resolved_softens(const struct gp_resolved *resolved,
			 enum gp_attribute attr,
			 const struct gp_origin *list,
			 const struct gp_origin *value);

/* Adds the level's key as it is written in rules ("*", "profile:sales"). */
void gp_level_print(const struct gp_source *source,
		    const struct gp_level *level, struct gp_text *text);

#endif
