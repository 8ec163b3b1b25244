/* Who may read and write what. The answer is worked out from modes and groups,
   as another user than the one who asks; access control lists are not looked
   at. */

#include "shared/tools/check.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/base/memory.h"

#define GROUPS_MAX 256

struct person {
	uid_t uid;
	gid_t groups[GROUPS_MAX];
	int count;
};

static void add_groups(struct person *person, const char *groups,
		       struct gp_arena *arena)
{
	const char *word;

	while ((word = gp_dove_next_word(&groups, arena)) != NULL) {
		const struct group *group = getgrnam(word);

		if (group != NULL && person->count < GROUPS_MAX)
			person->groups[person->count++] = group->gr_gid;
	}
}

static bool find_person(const char *user, const char *groups,
			struct person *person_r)
{
	const struct passwd *passwd = getpwnam(user);
	struct gp_arena *arena;

	if (passwd == NULL)
		return false;
	person_r->uid = passwd->pw_uid;
	person_r->count = GROUPS_MAX;
	if (getgrouplist(user, passwd->pw_gid, person_r->groups,
			 &person_r->count) < 0)
		person_r->count = GROUPS_MAX;
	arena = gp_arena_new();
	add_groups(person_r, groups, arena);
	gp_arena_free(&arena);
	return true;
}

static bool is_member(const struct person *person, gid_t gid)
{
	for (int i = 0; i < person->count; i++) {
		if (person->groups[i] == gid)
			return true;
	}
	return false;
}

/* mode is of the owner: S_IRUSR, S_IWUSR or S_IXUSR. */
static bool may(const struct person *person, const char *path, mode_t mode)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	if (person->uid == 0)
		return true;
	if (st.st_uid == person->uid)
		return (st.st_mode & mode) != 0;
	if (is_member(person, st.st_gid))
		return (st.st_mode & (mode >> 3)) != 0;
	return (st.st_mode & (mode >> 6)) != 0;
}

static bool may_enter_folders(const struct person *person, char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		bool entered;

		*slash = '\0';
		entered = may(person, path, S_IXUSR);
		*slash = '/';
		if (!entered)
			return false;
	}
	return true;
}

static bool may_reach(const char *path, const char *user, const char *groups,
		      mode_t mode)
{
	struct person person;
	char *copy;
	bool entered;

	if (!find_person(user, groups, &person))
		return false;
	copy = gp_strdup(path);
	entered = may_enter_folders(&person, copy);
	free(copy);
	return entered && may(&person, path, mode);
}

bool check_may_read(const char *path, const char *user, const char *groups)
{
	return may_reach(path, user, groups, S_IRUSR);
}

bool check_may_connect(const char *path, const char *user)
{
	return may_reach(path, user, "", S_IWUSR);
}

bool check_is_open_to_all(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & S_IWOTH) != 0;
}
