#ifndef GP_TOOLS_REFERENCES_H
#define GP_TOOLS_REFERENCES_H

#include "shared/rules/source.h"

/* Looks for lines that name a net or profile which is no longer there, after
   one was deleted. Returns 0, or an exit code with the lines written. */
int gp_references_check(const struct gp_source *source);

#endif
