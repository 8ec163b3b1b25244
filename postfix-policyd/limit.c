/* A table of fixed size: a label has a few places, and takes the one that was
   begun longest ago when all are taken. A mail program that tries again every
   second with a forbidden mailbox then costs the log ten lines a minute and
   one with the count, and no number of mailboxes costs more memory. */

#include <stdlib.h>
#include <string.h>
#include "postfix-policyd/limit.h"

#define SETS 256
#define PLACES 4
#define LINES_PER_MINUTE 10
#define MINUTE 60

struct entry {
	/* When its minute began; 0 for a free place. */
	int64_t begun;
	unsigned lines;
	char label[GP_LIMIT_LABEL_MAX];
};

struct gp_limit {
	gp_limit_tell *tell;
	struct entry entries[SETS][PLACES];
};

struct gp_limit *gp_limit_new(gp_limit_tell *tell)
{
	struct gp_limit *limit = calloc(1, sizeof(*limit));

	if (limit != NULL)
		limit->tell = tell;
	return limit;
}

void gp_limit_free(struct gp_limit **limit)
{
	free(*limit);
	*limit = NULL;
}

static void end_minute(const struct gp_limit *limit, struct entry *entry)
{
	if (entry->begun != 0 && entry->lines > LINES_PER_MINUTE)
		limit->tell(entry->label, entry->lines - LINES_PER_MINUTE);
	entry->begun = 0;
}

/* FNV-1a. */
static uint32_t hash(const char *str)
{
	uint32_t value = UINT32_C(2166136261);

	for (; *str != '\0'; str++)
		value = (value ^ (unsigned char)*str) * UINT32_C(16777619);
	return value;
}

/* The label's place, its own or one that was made free for it. */
static struct entry *place_for(struct gp_limit *limit, const char *label)
{
	struct entry *set = limit->entries[hash(label) % SETS];
	struct entry *oldest = set;
	size_t i;

	for (i = 0; i < PLACES; i++) {
		if (set[i].begun != 0 && strcmp(set[i].label, label) == 0)
			return &set[i];
		if (set[i].begun < oldest->begun)
			oldest = &set[i];
	}
	end_minute(limit, oldest);
	return oldest;
}

bool gp_limit_pass(struct gp_limit *limit, const char *label, int64_t now)
{
	char cut[GP_LIMIT_LABEL_MAX];
	size_t len = strlen(label);
	struct entry *entry;

	if (len >= sizeof(cut))
		len = sizeof(cut) - 1;
	memcpy(cut, label, len);
	cut[len] = '\0';
	entry = place_for(limit, cut);
	/* A clock that was set back ends the minute, too. */
	if (entry->begun != 0 &&
	    (now >= entry->begun + MINUTE || now < entry->begun))
		end_minute(limit, entry);
	if (entry->begun == 0) {
		entry->begun = now;
		entry->lines = 0;
		memcpy(entry->label, cut, len + 1);
	}
	return ++entry->lines <= LINES_PER_MINUTE;
}

void gp_limit_sweep(struct gp_limit *limit, int64_t now, bool everything)
{
	struct entry *entry = limit->entries[0];
	size_t i;

	for (i = 0; i < SETS * PLACES; i++, entry++) {
		if (everything || now >= entry->begun + MINUTE ||
		    now < entry->begun)
			end_minute(limit, entry);
	}
}
