#ifndef GP_TOOLS_LOG_JOURNAL_H
#define GP_TOOLS_LOG_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include "shared/tools/log-line.h"

/* The journal of systemd, read through libsystemd. */

/* Whether a path names journals: a file "*.journal" or a folder. */
bool log_journal_is_at(const char *path);

/* Called for each entry. The line has no stamp. Returns 0 to go on. */
typedef int log_journal_entry(void *context, const struct log_line *line,
			      int64_t time);

/* Reads what mail programs said from since on, from the host's journal (path
   NULL) or from the one at path. Returns 0, what entry returned, or an exit
   code with the message written. */
int log_journal_read(const char *path, int64_t since,
		     log_journal_entry *entry, void *context);

#endif
