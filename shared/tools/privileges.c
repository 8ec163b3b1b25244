/* Who owns the source can put a symbolic link where the map goes; with root's
   rights that would be a way to write anywhere. Rights are given up before the
   first byte is read, and cannot be taken back. */

#include "gatepost-config.h"
#include "shared/tools/privileges.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/memory.h"
#include "shared/tools/program.h"

static int drop_to(uid_t uid, gid_t gid)
{
	if (setgroups(1, &gid) == 0 && setresgid(gid, gid, gid) == 0 &&
	    setresuid(uid, uid, uid) == 0)
		return 0;
	gp_program_error("cannot give up root's rights: %s", strerror(errno));
	return EX_OSERR;
}

static int refuse_owner(const char *path, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	if (user == NULL) {
		gp_program_error("%s belongs to user %lu, who does not exist; "
				 "chown it to root, or use -o", path,
				 (unsigned long)uid);
		return EX_NOPERM;
	}
	gp_program_error("%s belongs to %s, and a map of %s's would not be "
			 "trusted: set map_owner = %s in gatepost.conf, "
			 "chown the file to root, or use -o", path,
			 user->pw_name, user->pw_name, user->pw_name);
	return EX_NOPERM;
}

static void warn_of_folder(const char *path)
{
	char *copy = gp_strdup(path);
	const char *folder;
	struct stat st;

	folder = dirname(copy);
	if (stat(folder, &st) == 0 && st.st_uid != 0)
		gp_program_warning("%s belongs to root, but its folder %s "
				   "does not: who owns that can replace rules "
				   "and map", path, folder);
	free(copy);
}

int gp_privileges_drop(const char *path, const struct stat *source,
		       const struct gp_settings *settings)
{
	if (geteuid() != 0)
		return 0;
	if (source->st_uid == 0) {
		warn_of_folder(path);
		return 0;
	}
	if (source->st_uid != settings->map_owner_uid)
		return refuse_owner(path, source->st_uid);
	return drop_to(source->st_uid, source->st_gid);
}
