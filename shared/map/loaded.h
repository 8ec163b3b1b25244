#ifndef GP_MAP_LOADED_H
#define GP_MAP_LOADED_H

#include <sys/stat.h>
#include "shared/map/reader.h"

/* One map file, open, as a source of rules. */

struct gp_loaded;

/* The file was found whole; stat is what was seen then. Returns 1; 0 when the
   path leads to another file by now; or -1 with the reason and errno. */
int gp_loaded_open(const char *path, const struct stat *stat,
		   struct gp_loaded **loaded_r, const char **error_r);
void gp_loaded_free(struct gp_loaded **loaded);

const struct gp_source *gp_loaded_source(const struct gp_loaded *loaded);
const struct gp_map_meta *gp_loaded_meta(const struct gp_loaded *loaded);

/* Decodes every record and compares the counts. Returns 0, or -1 with the
   reason. */
int gp_loaded_verify(struct gp_loaded *loaded, const char **error_r);

#endif
