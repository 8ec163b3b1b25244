/* One stat(2) by path for each decision tells whether another file stands
   there; that also sees a folder or a symbolic link which was switched, as no
   look at the open file would. A new file is opened and checked in full before
   the old one is let go.

   Trouble with a new file leaves the old one in force, which is still what was
   found whole: its pages are held by the open descriptor. Only when the very
   file that is open was written into is it dropped, for then its pages are no
   longer those that were checked. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/base/memory.h"
#include "shared/map/error.h"
#include "shared/map/loaded.h"
#include "shared/map/mapfile.h"

/* Seconds between two tries at a file that did not change, and between two
   lines in the log. */
#define PATIENCE 60

/* How often a file may be replaced between two looks at it. */
#define ATTEMPTS 5

struct gp_map {
	struct gp_map *next;
	unsigned openers;
	char *path;
	uid_t owner;

	struct gp_loaded *loaded;
	/* Of the file that is loaded. */
	struct stat loaded_stat;

	/* The last file looked at could not be taken over; NULL: it is
	   loaded. */
	char *trouble;
	int trouble_errno;
	struct stat trouble_stat;
	int64_t trouble_tried;
	int64_t trouble_logged;
};

static struct gp_map *open_maps;

struct gp_map *gp_map_new(const char *path, uid_t owner)
{
	struct gp_map *map;

	for (map = open_maps; map != NULL; map = map->next) {
		if (strcmp(map->path, path) == 0 && map->owner == owner) {
			map->openers++;
			return map;
		}
	}
	map = gp_alloc(sizeof(*map));
	map->openers = 1;
	map->path = gp_strdup(path);
	map->owner = owner;
	map->next = open_maps;
	open_maps = map;
	return map;
}

void gp_map_free(struct gp_map **map_p)
{
	struct gp_map *map = *map_p, **link = &open_maps;

	*map_p = NULL;
	if (map == NULL || --map->openers > 0)
		return;
	while (*link != map)
		link = &(*link)->next;
	*link = map->next;
	gp_loaded_free(&map->loaded);
	free(map->trouble);
	free(map->path);
	free(map);
}

/* Checks and opens what stands at the path. Returns 1, 0 when it was replaced
   meanwhile, or -1 with the reason. */
static int try_load(const struct gp_map *map, struct gp_loaded **loaded_r,
		    struct stat *stat_r, const char **error_r)
{
	int fd = gp_mapfile_open(map->path, stat_r, error_r);
	int ret = -1, saved_errno;

	if (fd < 0)
		return -1;
	if (gp_mapfile_check_access(map->path, stat_r, map->owner,
				    error_r) == 0 &&
	    gp_mapfile_check_bytes(fd, map->path, stat_r, error_r) == 0)
		ret = gp_loaded_open(map->path, map->path, stat_r, loaded_r,
				     error_r);
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return ret;
}

static int load(const struct gp_map *map, struct gp_loaded **loaded_r,
		struct stat *stat_r, const char **error_r)
{
	int attempt, ret;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		ret = try_load(map, loaded_r, stat_r, error_r);
		if (ret != 0)
			return ret;
	}
	errno = EAGAIN;
	return gp_map_error(error_r, "map %s is replaced faster than it can "
			    "be read", map->path);
}

static void forget_trouble(struct gp_map *map)
{
	free(map->trouble);
	map->trouble = NULL;
}

/* error lies in a buffer that the next error takes. */
static void set_trouble(struct gp_map *map, const struct stat *stat,
			const char *error, int error_errno)
{
	char *trouble = gp_strdup(error);

	forget_trouble(map);
	map->trouble = trouble;
	map->trouble_errno = error_errno;
	map->trouble_stat = *stat;
	map->trouble_tried = gp_time_now();
}

/* True when the path still leads to the file that is open, and somebody wrote
   into it. Another owner or mode alone does no harm to its bytes. */
static bool was_overwritten(const struct gp_map *map)
{
	const struct stat *loaded = &map->loaded_stat;
	struct stat stat;
	const char *error;
	bool damaged;
	int fd = gp_mapfile_open(map->path, &stat, &error);

	if (fd < 0)
		return false;
	damaged = stat.st_dev == loaded->st_dev &&
		stat.st_ino == loaded->st_ino &&
		gp_mapfile_check_bytes(fd, map->path, &stat, &error) < 0 &&
		errno == EINVAL;
	close(fd);
	return damaged;
}

static void take_over(struct gp_map *map, const struct stat *seen)
{
	struct stat stat = *seen;
	struct gp_loaded *loaded;
	const char *error;

	if (load(map, &loaded, &stat, &error) > 0) {
		gp_loaded_free(&map->loaded);
		map->loaded = loaded;
		map->loaded_stat = stat;
		forget_trouble(map);
		return;
	}
	set_trouble(map, &stat, error, errno);
	if (map->loaded != NULL && was_overwritten(map))
		gp_loaded_free(&map->loaded);
}

static void miss(struct gp_map *map, int stat_errno)
{
	static const struct stat nothing;
	size_t len = strlen(map->path);
	const char *error;

	if (len > 5 && strcmp(map->path + len - 5, ".lmdb") == 0)
		len -= 5;
	if (stat_errno == ENOENT)
		gp_map_error(&error, "map %s does not exist; compile the "
			     "rules with \"gatemap %.*s\"", map->path,
			     (int)len, map->path);
	else
		gp_map_error(&error, "cannot look at map %s: %s", map->path,
			     strerror(stat_errno));
	set_trouble(map, &nothing, error, stat_errno);
}

/* What costs nothing to try again, and may be better the next moment. */
static bool is_passing(int trouble_errno)
{
	return trouble_errno == EMFILE || trouble_errno == ENFILE ||
		trouble_errno == EAGAIN;
}

/* True when this file could not be taken over before, did not change since,
   and it is too early to try again. */
static bool is_refused(const struct gp_map *map, const struct stat *stat)
{
	int64_t now = gp_time_now();

	return !is_passing(map->trouble_errno) &&
		gp_mapfile_is_same(stat, &map->trouble_stat) &&
		now >= map->trouble_tried &&
		now < map->trouble_tried + PATIENCE;
}

static void look(struct gp_map *map)
{
	struct stat seen;

	if (stat(map->path, &seen) < 0) {
		miss(map, errno);
	} else if (map->loaded != NULL &&
		   gp_mapfile_is_same(&seen, &map->loaded_stat)) {
		forget_trouble(map);
	} else if (map->trouble == NULL || !is_refused(map, &seen)) {
		take_over(map, &seen);
	}
}

static void log_trouble(struct gp_map *map)
{
	int64_t now = gp_time_now();

	if (now >= map->trouble_logged &&
	    now < map->trouble_logged + PATIENCE)
		return;
	map->trouble_logged = now;
	gp_log(GP_LOG_ERROR, "%s; the rules read before stay in force",
	       map->trouble);
}

const struct gp_source *gp_map_source_held(struct gp_map *map,
					   const char **error_r)
{
	if (map->loaded == NULL) {
		*error_r = map->trouble;
		errno = map->trouble_errno;
		return NULL;
	}
	if (map->trouble != NULL)
		log_trouble(map);
	return gp_loaded_source(map->loaded);
}

const struct gp_source *gp_map_source(struct gp_map *map,
				      const char **error_r)
{
	look(map);
	return gp_map_source_held(map, error_r);
}

void gp_map_expect(struct gp_map *map, const char *login, size_t login_len)
{
	if (map->loaded != NULL)
		gp_loaded_expect(map->loaded, login, login_len);
}

void gp_map_fetch(struct gp_map *map)
{
	if (map->loaded != NULL)
		gp_loaded_fetch(map->loaded);
}

const struct gp_map_meta *gp_map_meta(const struct gp_map *map)
{
	return gp_loaded_meta(map->loaded);
}

int gp_map_verify(struct gp_map *map, const char **error_r)
{
	if (gp_map_source(map, error_r) == NULL)
		return -1;
	return gp_loaded_verify(map->loaded, error_r);
}
