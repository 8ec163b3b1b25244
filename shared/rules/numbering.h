#ifndef GP_RULES_NUMBERING_H
#define GP_RULES_NUMBERING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "shared/rules/diagnostics.h"

/* Names of nets or of profiles and the numbers that stand for them: given at
   the first mention, wherever that is. Remembers who mentioned a name that is
   not defined yet. */

struct gp_numbering;

/* Called once for each new number. */
typedef void gp_numbering_new_name(void *context, uint32_t number,
				   const char *name);

/* what is "net" or "profile". */
struct gp_numbering *gp_numbering_new(const char *what,
				      gp_numbering_new_name *each,
				      void *context);
void gp_numbering_free(struct gp_numbering **numbering);

/* The number of a name that is used at that place. */
uint32_t gp_numbering_mention(struct gp_numbering *numbering, const char *name,
			      size_t len, uint32_t file, uint32_t line,
			      uint32_t column);
/* The number of a name that is defined in that file. *again_r says whether it
   was defined in the same file already. */
uint32_t gp_numbering_define(struct gp_numbering *numbering, const char *name,
			     size_t len, uint32_t file, bool *again_r);
/* A name that is defined elsewhere (in the map to be changed). */
void gp_numbering_know(struct gp_numbering *numbering, const char *name);

/* Reports every mention of a name that was never defined. */
void gp_numbering_finish(struct gp_numbering *numbering,
			 struct gp_diagnostics *diagnostics);

/* A name of a net or profile: a letter, then letters, digits, "_", "-", ".";
   at most 63 bytes. */
bool gp_numbering_is_name(const char *name, size_t len);

#endif
