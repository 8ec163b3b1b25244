/* gatemap FILE. The lock is taken before the source is read, so that of two
   compilers the one that read last also writes last. */

#include "shared/tools/gatemap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/map/writer.h"
#include "shared/tools/changes.h"
#include "shared/tools/compile.h"
#include "shared/tools/interrupt.h"
#include "shared/tools/privileges.h"
#include "shared/tools/program.h"

static int refuse_losses(const struct gatemap_options *options,
			 const struct gp_text *list)
{
	gp_program_error("%s was changed by -i or -d since it was compiled, "
			 "and this would be undone (- goes, + comes back):",
			 options->map);
	fwrite(list->data, 1, list->len, stderr);
	gp_program_error("write it into %s first, or run gatemap --force",
			 options->file);
	return EX_CANTCREAT;
}

/* A map that cannot be read holds nothing that could be lost: compiling is how
   it is repaired. */
int gatemap_check_losses(const struct gatemap_options *options,
			 struct gp_image *image)
{
	struct gp_map *map = gp_map_new(options->map, gatemap_owner(options));
	const char *error;
	const struct gp_source *old = gp_map_source(map, &error);
	struct gp_text list;
	size_t count = 0;
	int status = 0;

	gp_text_init(&list);
	if (old == NULL && errno != ENOENT)
		gp_program_warning("the map is replaced, though: %s", error);
	if (old != NULL && gp_map_meta(map)->changed && !options->force) {
		if (gp_changes_list(old, gp_image_source(image), &list,
				    &count, &error) < 0)
			gp_program_warning("the map is replaced, though: %s",
					   error);
		else if (count > 0)
			status = refuse_losses(options, &list);
	}
	gp_text_deinit(&list);
	gp_map_free(&map);
	return status;
}

static int read_and_write(const struct gatemap_options *options,
			  struct gp_input *input)
{
	struct gp_compile_options compile_options = {
		.settings = options->settings,
		.progress = options->progress,
		.quiet = options->quiet,
	};
	struct gp_image *image;
	uint8_t sha256[32];
	int status = gp_compile(input, &compile_options, &image, sha256);

	if (status != 0)
		return status;
	if (!options->check_only) {
		gp_image_set_origin(image, sha256, gp_time_now());
		status = gatemap_check_losses(options, image);
		if (status == 0)
			status = gatemap_write(options, image, false);
	}
	gp_image_free(&image);
	return status;
}

static int lock_and_compile(const struct gatemap_options *options,
			    struct gp_input *input)
{
	int status;
	int lock;

	if (options->check_only)
		return read_and_write(options, input);
	gp_interrupt_init();
	lock = gatemap_lock(options, &status);
	if (lock < 0)
		return status;
	/* Who held the lock may have put new rules in force. */
	status = gp_input_renew(input);
	if (status == 0)
		status = read_and_write(options, input);
	gp_map_unlock(&lock);
	return status;
}

int gatemap_compile(const struct gatemap_options *options)
{
	struct gp_input *input;
	int status = gp_input_open(options->file, &input);

	if (status != 0)
		return status;
	if (!options->keep_root)
		status = gp_privileges_drop(options->file,
					    gp_input_stat(input),
					    options->settings);
	if (status == 0)
		status = lock_and_compile(options, input);
	gp_input_free(&input);
	return status;
}
