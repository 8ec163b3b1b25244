/* The modules themselves: built for this Dovecot, readable, with room for two
   maps. A module says for which Dovecot it was built by a string in it, and so
   does Dovecot's auth program; Dovecot compares them up to the bracket. */

#include "shared/tools/check.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/tools/abi.h"

/* What a process needs for itself. */
#define OWN_ROOM (64ULL << 20)
#define DEFAULT_VSZ_LIMIT (256ULL << 20)

struct file {
	void *data;
	size_t size;
};

static bool open_file(const char *path, struct file *file_r)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return false;
	file_r->data = MAP_FAILED;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		file_r->size = (size_t)st.st_size;
		file_r->data = mmap(NULL, file_r->size, PROT_READ, MAP_PRIVATE,
				    fd, 0);
	}
	close(fd);
	return file_r->data != MAP_FAILED;
}

static void close_file(struct file *file)
{
	munmap(file->data, file->size);
}

static bool has_abi(const char *path, char *abi_r, size_t size)
{
	struct file file;
	bool found;

	if (!open_file(path, &file))
		return false;
	found = gp_abi_find(file.data, file.size, abi_r, size) > 0;
	close_file(&file);
	return found;
}

static bool has_build(const char *path, struct gp_abi_build *build_r)
{
	struct file file;
	bool found;

	if (!open_file(path, &file))
		return false;
	found = gp_abi_find_build(file.data, file.size, build_r) > 0;
	close_file(&file);
	return found;
}

/* A file that is not there is no build at all. */
static bool is_another_build(const struct gp_abi_build *build)
{
	struct file file;
	bool found;

	if (!open_file(build->path, &file))
		return false;
	found = memmem(file.data, file.size, build->id,
		       build->id_len) != NULL;
	close_file(&file);
	return !found;
}

static bool find_bad_module(const struct check_dovecot *dovecot,
			    const char *path, struct gp_text *what)
{
	const char *server = gp_arena_printf(dovecot->check->arena, "%s/auth",
					     dovecot->libexec_dir);
	char of_module[GP_ABI_SIZE], of_server[GP_ABI_SIZE];

	if (!has_abi(path, of_module, sizeof(of_module))) {
		gp_text_addf(what, "%s is missing, or no module of Dovecot",
			     path);
		return true;
	}
	if (!has_abi(server, of_server, sizeof(of_server))) {
		gp_text_addf(what, "%s does not say which Dovecot it is",
			     server);
		return true;
	}
	if (strcmp(of_module, of_server) == 0)
		return false;
	gp_text_addf(what, "%s was built for Dovecot's interface %s, and "
		     "Dovecot has %s", path, of_module, of_server);
	return true;
}

static bool has_gatepost(const struct check_dovecot *dovecot)
{
	return check_gatepost_passdb(dovecot->conf.root.blocks) != NULL;
}

/* Where the modules that the configuration names are looked for; NULL when it
   names them not. */
static const char *auth_module(const struct check_dovecot *dovecot)
{
	if (!has_gatepost(dovecot))
		return NULL;
	return gp_arena_printf(dovecot->check->arena,
			       "%s/auth/libauthdb_gatepost.so",
			       dovecot->module_dir);
}

static const char *login_module(const struct check_dovecot *dovecot)
{
	const char *folder = gp_dove_value(&dovecot->conf.root,
					   "login_plugin_dir");

	if (!gp_dove_list_has(&dovecot->conf.root, "login_plugins",
			      "gatepost_login"))
		return NULL;
	if (folder == NULL)
		folder = gp_arena_printf(dovecot->check->arena, "%s/login",
					 dovecot->module_dir);
	return gp_arena_printf(dovecot->check->arena,
			       "%s/libgatepost_login.so", folder);
}

static bool find_auth_module(const struct check_dovecot *dovecot,
			     struct gp_text *what, struct gp_text *write)
{
	const char *path = auth_module(dovecot);

	(void)write;
	return path != NULL && find_bad_module(dovecot, path, what);
}

static bool find_login_module(const struct check_dovecot *dovecot,
			      struct gp_text *what, struct gp_text *write)
{
	const char *path = login_module(dovecot);

	(void)write;
	return path != NULL && find_bad_module(dovecot, path, what);
}

/* Security updates of distributions change structures and leave the ABI's name
   as it was. */
static bool find_other_build(const struct check_dovecot *dovecot,
			     struct gp_text *what, struct gp_text *write)
{
	const char *const modules[] = {
		auth_module(dovecot), login_module(dovecot)
	};
	struct gp_abi_build build;
	size_t i;

	(void)write;
	for (i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		if (modules[i] == NULL || !has_build(modules[i], &build) ||
		    !is_another_build(&build))
			continue;
		gp_text_addf(what, "%s was built beside another build of %s "
			     "than the one that is installed", modules[i],
			     build.path);
		return true;
	}
	return false;
}

static bool find_settings_module(const struct check_dovecot *dovecot,
				 struct gp_text *what, struct gp_text *write)
{
	const char *path = gp_arena_printf(
		dovecot->check->arena, "%s/settings/libgatepost_settings.so",
		dovecot->module_dir);

	(void)write;
	return dovecot->conf.is_2_4 && has_gatepost(dovecot) &&
	       find_bad_module(dovecot, path, what);
}

static const struct gp_dove_block *
auth_service(const struct check_dovecot *dovecot)
{
	static const struct gp_dove_block none = { .type = "", .name = "" };
	const struct gp_dove_block *auth = gp_dove_block_find(
		dovecot->conf.root.blocks, "service", "auth");

	return auth != NULL ? auth : &none;
}

/* 0 and the largest number stand for "no limit of its own". */
static unsigned long long vsz_limit(const struct check_dovecot *dovecot)
{
	unsigned long long size;
	const char *value = gp_dove_value_or(auth_service(dovecot),
					     "vsz_limit", "");

	if (strcmp(value, "unlimited") == 0)
		return 0;
	if (gp_dove_size(value, &size) && size < 1ULL << 62)
		return size;
	value = gp_dove_value_or(&dovecot->conf.root, "default_vsz_limit",
				 "");
	if (strcmp(value, "unlimited") == 0)
		return 0;
	return gp_dove_size(value, &size) ? size : DEFAULT_VSZ_LIMIT;
}

static unsigned long long cache_size(const struct check_dovecot *dovecot)
{
	unsigned long long size;

	return gp_dove_size(gp_dove_value_or(&dovecot->conf.root,
					     "auth_cache_size", "0"),
			    &size) ? size : 0;
}

/* What the auth process needs while it takes over a new map. */
static unsigned long long room_for_maps(const struct check_dovecot *dovecot)
{
	struct stat st;

	if (stat(dovecot->check->settings->map, &st) < 0)
		return OWN_ROOM;
	return OWN_ROOM + 2 * (unsigned long long)st.st_size;
}

static void say_limit(const struct check_dovecot *dovecot,
		      unsigned long long needed, struct gp_text *what,
		      struct gp_text *write)
{
	gp_text_addf(what, "vsz_limit of the service auth is %llu MiB; two "
		     "maps of the present size need %llu MiB",
		     vsz_limit(dovecot) >> 20, (needed + 0xfffff) >> 20);
	gp_text_addf(write, "service auth {\n  vsz_limit = %lluM\n}",
		     (needed * 2) >> 20);
}

static bool find_vsz_limit(const struct check_dovecot *dovecot,
			   struct gp_text *what, struct gp_text *write)
{
	unsigned long long limit = vsz_limit(dovecot);
	unsigned long long needed = room_for_maps(dovecot);

	if (limit == 0 || needed <= limit)
		return false;
	say_limit(dovecot, needed, what, write);
	return true;
}

static bool find_cache(const struct check_dovecot *dovecot,
		       struct gp_text *what, struct gp_text *write)
{
	unsigned long long limit = vsz_limit(dovecot);
	unsigned long long maps = room_for_maps(dovecot);
	unsigned long long needed = maps + cache_size(dovecot);

	if (limit == 0 || maps > limit || needed <= limit)
		return false;
	say_limit(dovecot, needed, what, write);
	gp_text_addf(what, " together with auth_cache_size (%llu MiB)",
		     cache_size(dovecot) >> 20);
	return true;
}

/* Who it is when the configuration says nothing else. */
static const char *auth_user(const struct check_dovecot *dovecot)
{
	const char *user = gp_dove_value_or(auth_service(dovecot), "user", "$");

	if (strchr("$%", *user) == NULL)
		return user;
	return gp_dove_value_or(&dovecot->conf.root, "default_internal_user",
				"dovecot");
}

static bool find_unreadable(const struct check_dovecot *dovecot,
			    struct gp_text *what, struct gp_text *write)
{
	const char *map = dovecot->check->settings->map;
	const char *user = auth_user(dovecot);

	(void)write;
	if (!has_gatepost(dovecot) || dovecot->check->source == NULL ||
	    check_may_read(map, user,
			   gp_dove_value_or(auth_service(dovecot),
					    "extra_groups", "")))
		return false;
	gp_text_addf(what, "%s: Dovecot's auth process (user %s) may not read "
		     "it", map, user);
	return true;
}

#define REFUSED "Dovecot refuses the module, and with it every login"
#define REBUILD "./configure && make && make install\n" \
	"with the headers of this Dovecot (dovecot-dev)"

const struct check_dovecot_row check_module_rows[] = {
	{ "dovecot-module-auth", find_auth_module, REFUSED, REBUILD, NULL },
	{ "dovecot-module-login", find_login_module, REFUSED, REBUILD, NULL },
	{ "dovecot-module-settings", find_settings_module,
	  "Dovecot does not know \"passdb gatepost\" and does not start",
	  REBUILD, NULL },
	{ "dovecot-module-build", find_other_build,
	  "where the update of Dovecot changed its inner structures, each login "
	  "ends in a crash, although the ABI has the same name",
	  REBUILD ", anew for each update of Dovecot", NULL },
	{ "dovecot-map-unreadable", find_unreadable,
	  "a new map is not taken over: the one that was opened as root stays "
	  "in force until the next restart",
	  "service auth {\n  extra_groups = gatepost\n}\n"
	  "and the map's group is gatepost, mode 0640", NULL },
	{ "dovecot-vsz-limit", find_vsz_limit,
	  "a new map is not taken over for lack of address space, or the auth "
	  "process ends and nobody can log in", "", NULL },
	{ "dovecot-auth-cache", find_cache,
	  "with a full cache a new map is not taken over, or the auth process "
	  "ends and nobody can log in", "", NULL },
};

const size_t check_module_row_count = CHECK_ROWS(check_module_rows);
