#ifndef GP_TOOLS_CHANGES_H
#define GP_TOOLS_CHANGES_H

#include <stddef.h>
#include "shared/base/text.h"
#include "shared/rules/source.h"

/* Adds what differs between two sources in source form, the lines of each key
   that are only in the old one ("- KEY ATTRIBUTES") or only in the new one
   ("+ KEY ATTRIBUTES"); after a thousand lines, how many more there are.
   Returns 0, or -1 when a source is damaged. */
int gp_changes_list(const struct gp_source *old, const struct gp_source *new,
		    struct gp_text *text, size_t *count_r,
		    const char **error_r);

#endif
