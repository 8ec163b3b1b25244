/* A missing gatepost.conf stops a command even at its usual place: the file
   says as what logins without a domain are judged, and that goes into the map.
   A map that was compiled without it would quietly let in whom it
   names. */

#include "shared/tools/configuration.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "shared/base/text.h"
#include "shared/tools/program.h"

static int report(const char *path, int error, const char *reason)
{
	if (error != ENOENT) {
		gp_program_lines(reason);
		return error == EACCES || error == EPERM ? EX_NOINPUT :
			EX_CONFIG;
	}
	gp_program_error("%s: there is no such file; create it (an empty one "
			 "means the defaults of all settings) or name another "
			 "with -c", path);
	return EX_NOINPUT;
}

int gp_configuration_load(const char *named, struct gp_settings **settings_r)
{
	struct gp_text path;
	struct stat st;
	char *error = NULL;
	int status = 0;

	gp_text_init(&path);
	gp_text_add(&path, named != NULL ? named : GP_SETTINGS_PATH);
	if (stat(path.data, &st) == 0 && S_ISDIR(st.st_mode))
		gp_text_add(&path, "/gatepost.conf");
	if (gp_settings_load(path.data, GP_SETTINGS_STOP, settings_r,
			     &error) < 0) {
		status = report(path.data, errno, error);
		free(error);
	}
	gp_text_deinit(&path);
	return status;
}
