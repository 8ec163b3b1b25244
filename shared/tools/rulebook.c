/* A map is told from a text by its bytes, not by its name: .prev, a copy, and
   what a backup calls it are maps too. */

#include "shared/tools/rulebook.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/tools/compile.h"
#include "shared/tools/program.h"

/* LMDB's page header has 16 bytes; then comes this number. */
#define LMDB_MAGIC UINT32_C(0xBEEFC0DE)

static bool is_map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint32_t magic = 0;
	bool is;

	is = fd >= 0 && pread(fd, &magic, sizeof(magic), 16) ==
			(ssize_t)sizeof(magic) && magic == LMDB_MAGIC;
	if (fd >= 0)
		close(fd);
	return is;
}

static int open_map(struct rulebook *book, const char *path,
		    const struct gp_settings *settings)
{
	uid_t owner = settings == NULL ? (uid_t)-1 : settings->map_owner_uid;
	const char *error;
	int status;

	memset(book, 0, sizeof(*book));
	book->map = gp_map_new(path, owner != (uid_t)-1 ? owner : geteuid());
	book->source = gp_map_source(book->map, &error);
	if (book->source != NULL)
		return 0;
	status = gp_program_exit_code_of_reading(errno);
	gp_program_error("%s", error);
	rulebook_close(book);
	return status;
}

static int open_rules(struct rulebook *book, const char *path,
		      const struct gp_settings *settings)
{
	struct gp_progress progress;
	struct gp_compile_options options = {
		.settings = settings, .quiet = true, .progress = &progress
	};
	struct gp_input *input;
	uint8_t sha256[32];
	int status;

	memset(book, 0, sizeof(*book));
	status = gp_input_open(path, &input);
	if (status != 0)
		return status;
	gp_progress_init(&progress);
	status = gp_compile(input, &options, &book->image, sha256);
	gp_progress_end(&progress);
	gp_input_free(&input);
	if (status == 0)
		book->source = gp_image_source(book->image);
	return status;
}

int rulebook_open_named(struct rulebook *book, const char *map,
			const char *rules, const struct gp_settings *settings)
{
	if (rules != NULL)
		return open_rules(book, rules, settings);
	return open_map(book, map != NULL ? map : settings->map, settings);
}

int rulebook_check_options(const char *map, const char *rules)
{
	return map == NULL || rules == NULL ? 0 :
	       gp_program_usage("specify only one of -m and -f");
}

int rulebook_open(struct rulebook *book, const char *path,
		  const struct gp_settings *settings)
{
	return is_map(path) ? open_map(book, path, settings) :
	       open_rules(book, path, settings);
}

void rulebook_close(struct rulebook *book)
{
	gp_map_free(&book->map);
	gp_image_free(&book->image);
	book->source = NULL;
}

int64_t rulebook_now(const struct rulebook *book)
{
	int64_t now = gp_time_now();

	return now < book->source->compiled ? book->source->compiled : now;
}
