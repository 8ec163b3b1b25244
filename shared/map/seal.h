#ifndef GP_MAP_SEAL_H
#define GP_MAP_SEAL_H

#include "shared/map/publish.h"

/* Makes of a new file of which LMDB wrote size bytes a map (mapfile.h), and
   reads it again: as readers do, and each of its rules against the image it was
   made of. Returns 0, or -1 with the reason and errno. */
int gp_seal(const struct gp_publish *publish, const struct gp_image *image,
	    uint64_t size, const char **error_r);

#endif
