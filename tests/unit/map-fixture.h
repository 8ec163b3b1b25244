#ifndef GP_TESTS_MAP_FIXTURE_H
#define GP_TESTS_MAP_FIXTURE_H

/* What the tests of shared/map/ share: rules text to image to map, in a folder
   of their own. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/unit/cmocka-all.h"
#include "shared/map/image.h"
#include "shared/map/reader.h"
#include "shared/map/writer.h"

#define FIXTURE_COMPILED 1700000000

static inline void fixture_parse(struct gp_image *image, uint32_t file,
				 const char *rules)
{
	struct gp_diagnostics *diagnostics = gp_diagnostics_new();
	struct gp_parser *parser = gp_parser_new(gp_image_sink(image),
						 diagnostics);
	struct gp_text text;

	gp_parser_begin_file(parser, file);
	gp_parser_feed(parser, rules, strlen(rules));
	gp_parser_end_file(parser);
	gp_parser_finish(parser);
	gp_text_init(&text);
	gp_diagnostics_print(diagnostics, true, &text);
	if (text.len > 0)
		fail_msg("%s", text.data);
	gp_text_deinit(&text);
	gp_parser_free(&parser);
	gp_diagnostics_free(&diagnostics);
}

static inline struct gp_image *fixture_image(const char *rules)
{
	struct gp_image *image = gp_image_new();
	uint8_t sha256[32];

	memset(sha256, 0xab, sizeof(sha256));
	gp_image_add_file(image, "rules");
	gp_image_set_names(image, "example.com", "+");
	gp_image_set_origin(image, sha256, FIXTURE_COMPILED);
	fixture_parse(image, 0, rules);
	gp_image_finish(image);
	return image;
}

static inline void fixture_options(struct gp_map_options *options_r)
{
	memset(options_r, 0, sizeof(*options_r));
	options_r->owner = geteuid();
}

/* Compiles, or gives the reason. */
static inline int fixture_try(const char *path, const char *rules,
			      const char **error_r)
{
	struct gp_image *image = fixture_image(rules);
	struct gp_map_options options;
	int ret;

	fixture_options(&options);
	ret = gp_map_write(path, image, &options, error_r);
	gp_image_free(&image);
	return ret;
}

static inline void fixture_compile(const char *path, const char *rules)
{
	const char *error;

	if (fixture_try(path, rules, &error) < 0)
		fail_msg("%s", error);
}

static inline const struct gp_source *fixture_source(struct gp_map *map)
{
	const char *error;
	const struct gp_source *source = gp_map_source(map, &error);

	if (source == NULL)
		fail_msg("%s", error);
	return source;
}

/* How many lines stand under a key as it is written; -1 when it is
   damaged. */
static inline int fixture_lines(const struct gp_source *source,
				const char *name, struct gp_arena *scratch,
				struct gp_lines *lines_r)
{
	char key[GP_KEY_MAX];
	const char *error;
	size_t len;
	int found;

	if (gp_parse_key(name, strlen(name), key, &len, &error) < 0)
		fail_msg("%s: %s", name, error);
	found = source->find(source->context, key, len, scratch, lines_r,
			     &error);
	return found <= 0 ? found : (int)lines_r->count;
}

static char fixture_folder[64];

static inline const char *fixture_path(const char *name)
{
	static char path[4][128];
	static unsigned next;
	char *room = path[next++ % 4];

	snprintf(room, sizeof(path[0]), "%s/%s", fixture_folder, name);
	return room;
}

static inline int fixture_setup(void **state)
{
	(void)state;
	strcpy(fixture_folder, "/tmp/gp-test-XXXXXX");
	return mkdtemp(fixture_folder) == NULL ? -1 : 0;
}

static inline int fixture_teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", fixture_folder);
	return system(command);
}

static inline size_t fixture_read(const char *path, unsigned char **data_r)
{
	struct stat stat;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &stat), 0);
	*data_r = malloc(stat.st_size);
	assert_non_null(*data_r);
	assert_int_equal(read(fd, *data_r, stat.st_size), stat.st_size);
	close(fd);
	return stat.st_size;
}

/* Over the file that is there. */
static inline void fixture_overwrite(const char *path, const void *data,
				     size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0640);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, len), 0);
	assert_int_equal(pwrite(fd, data, len, 0), len);
	close(fd);
}

#endif
