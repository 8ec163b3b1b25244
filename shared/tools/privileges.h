#ifndef GP_TOOLS_PRIVILEGES_H
#define GP_TOOLS_PRIVILEGES_H

#include <sys/stat.h>
#include "shared/settings/settings.h"

/* As postmap(1) does: root compiles a source that root does not own with the
   rights of its owner, for ever. Only the map_owner of gatepost.conf can own
   a map besides root, so for anybody else's source this is an error that says
   what to do. Warns where root would write into somebody else's folder.
   Returns 0, or an exit code with the message written. */
int gp_privileges_drop(const char *path, const struct stat *source,
		       const struct gp_settings *settings);

#endif
