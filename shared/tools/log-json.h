#ifndef GP_TOOLS_LOG_JSON_H
#define GP_TOOLS_LOG_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include "shared/tools/log-line.h"

/* A line of "journalctl -o json": an entry of the journal as one object. No
   file, no clock. */

struct log_json;

struct log_json *log_json_new(void);
void log_json_free(struct log_json **json);

/* Whether the line may be one; also in the forms json-seq and json-sse. What
   stands in front of the object is then cut off. */
bool log_json_begins(struct log_piece *line);

/* Returns false for what is no entry. The line has no stamp; its pieces hold
   until the next call. */
bool log_json_read(struct log_json *json, const struct log_piece *object,
		   struct log_line *line_r, int64_t *time_r);

#endif
