#ifndef GP_TOOLS_JOURNAL_H
#define GP_TOOLS_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* The journal of changes: a file of JSON objects, one a line, to which is only
   ever added. A change is two lines: what is going to be done, written before
   anything is, and what became of it ("state": "done" or "void", with the same
   "id"). A change without the second was interrupted. */

struct gp_journal;

/* Where there is no file it is an empty one; the first line that is added makes
   it. Returns 0, or an exit code with the message written. */
int gp_journal_open(const char *path, bool for_adding,
		    struct gp_journal **journal_r);
void gp_journal_close(struct gp_journal **journal);

/* Adds a line and syncs it; the object is the journal's from then on. Returns
   0, or -1 with the reason and errno; the journal is as it was then. */
int gp_journal_add(struct gp_journal *journal, json_t *object,
		   const char **error_r);

/* Starts reading at the end. */
void gp_journal_rewind(struct gp_journal *journal);
/* The line before; NULL at the beginning. Lines that are torn, or longer than
   64 MiB, are left out with a warning. The object is the caller's. */
json_t *gp_journal_previous(struct gp_journal *journal);

/* Texts that need not be UTF-8: then each byte stands for one character, and
   the object says "bytes": true beside them. */
bool gp_journal_is_text(const char *str, size_t len);
json_t *gp_journal_text(const char *str, size_t len, bool bytes);
/* Keys and paths are texts by themselves, whatever stands beside them: a
   character for each byte only where they are no UTF-8. */
json_t *gp_journal_name(const char *str, size_t len);
/* A text of it on standard output, for a person. */
void gp_journal_print(const char *text);

#endif
