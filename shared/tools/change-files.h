#ifndef GP_TOOLS_CHANGE_FILES_H
#define GP_TOOLS_CHANGE_FILES_H

#include "shared/tools/change.h"

/* The files of a change: read, written beside, put in place; for change.c. */

/* Each returns 0, or an exit code with the message written. */
int change_file_read(struct change_file *file);
/* Writes what the file is to be into a new one, with its owner, mode and
   extended attributes, and syncs it. */
int change_file_prepare(struct change_file *file);
void change_file_deinit(struct change_file *file);

/* The file that a record of the journal names, or NULL. */
struct change_file *change_find_file(struct change *change,
				     const json_t *record);
/* A text of the journal as bytes. */
void change_get_text(const json_t *value, bool bytes, struct gp_text *text);

/* "e3b0c442..." */
void change_digest_text(const uint8_t digest[32], char text_r[65]);

/* Puts files and map in place; entry is for the journal, or NULL. Returns 0,
   or an exit code with the message written. */
int change_make_visible(struct change *change, json_t *entry);
/* Tells the journal what became of a change. Returns 0, or an exit code with
   the message written. */
int change_end_entry(struct change *change, json_int_t id,
		     const char *state);

#endif
