#ifndef GP_TOOLS_RULEBOOK_H
#define GP_TOOLS_RULEBOOK_H

#include "shared/map/image.h"
#include "shared/map/reader.h"
#include "shared/settings/settings.h"
#include "shared/tools/options.h"

/* Rules to look at, from a compiled map or from a rules file (or a folder of
   them), which is compiled in memory then. */

struct rulebook {
	struct gp_map *map;
	struct gp_image *image;
	const struct gp_source *source;
};

/* Each returns 0, or an exit code with the message written. From the map or the
   rules that were named, else from the settings' map. */
int rulebook_open_named(struct rulebook *book, const char *map,
			const char *rules, const struct gp_settings *settings);
/* What the path is shows in the file. */
int rulebook_open(struct rulebook *book, const char *path,
		  const struct gp_settings *settings);
void rulebook_close(struct rulebook *book);

/* The options that name them, for a struct with map and file: one of both. */
#define RULEBOOK_OPTIONS(options) \
	GP_OPTION_TEXT("map", 'm', &(options)->map), \
	GP_OPTION_TEXT("file", 'f', &(options)->file)
int rulebook_check_options(const char *map, const char *rules);

/* The doors' time: not before the map was made. */
int64_t rulebook_now(const struct rulebook *book);

#endif
