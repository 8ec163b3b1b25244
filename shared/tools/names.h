#ifndef GP_TOOLS_NAMES_H
#define GP_TOOLS_NAMES_H

#include "shared/rules/source.h"

/* The numbers of nets and profiles by their names, or -1. */
int64_t gp_names_net(const struct gp_source *source, const char *name);
int64_t gp_names_profile(const struct gp_source *source, const char *name);

#endif
