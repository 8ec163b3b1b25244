#ifndef GP_TOOLS_HISTORY_H
#define GP_TOOLS_HISTORY_H

#include "shared/tools/journal.h"
#include "shared/tools/scope.h"

/* The journal's changes, the newest first, each with what became of it. */

struct history {
	struct gp_journal *journal;
	/* The line behind, which tells the state of the change before. */
	json_t *state;
};

void history_init(struct history *history, struct gp_journal *journal);
/* "state" is "done", "void" or "interrupted". NULL at the beginning. The object
   is the caller's. */
json_t *history_previous(struct history *history);
void history_deinit(struct history *history);

/* A text of the entry, or "?". */
const char *history_text(const json_t *entry, const char *name);
/* Whether the change touched keys inside the scope only. */
bool history_is_within(const json_t *entry, const struct scope *scope);
void history_print(const json_t *entry);

#endif
