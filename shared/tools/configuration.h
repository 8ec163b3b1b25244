#ifndef GP_TOOLS_CONFIGURATION_H
#define GP_TOOLS_CONFIGURATION_H

#include "shared/settings/settings.h"

/* gatepost.conf for a command: the file named with -c, a folder that holds
   one, or the usual place. Returns 0, or an exit code with the message
   written. */
int gp_configuration_load(const char *named, struct gp_settings **settings_r);

#endif
