#ifndef GP_MAP_IMAGE_H
#define GP_MAP_IMAGE_H

#include <stdbool.h>
#include "shared/rules/parse.h"
#include "shared/rules/source.h"

/* Compiled rules in memory, in the bytes of a map: what the writer writes, and
   what "explain -f" looks rules up in without writing anything. Compact: ten
   million rules must stay below 150 bytes each. */

struct gp_image;

struct gp_image *gp_image_new(void);
void gp_image_free(struct gp_image **image);

/* The sink for a parser that fills the image. */
const struct gp_parse_sink *gp_image_sink(struct gp_image *image);
/* A piece of a file may be parsed into an image of its own and then be added
   stretch by stretch, with other lines in between: a stretch lies between two
   marks. A mark of zeros is the beginning. */
struct gp_image_mark {
	size_t entries;
	uint64_t bytes;
	uint64_t lines;
	uint64_t keys;
};

void gp_image_mark(struct gp_image *image, struct gp_image_mark *mark_r);
void gp_image_add_stretch(struct gp_image *image, const struct gp_image *piece,
			  const struct gp_image_mark *from,
			  const struct gp_image_mark *to);
/* Takes all lines out, for the next piece. */
void gp_image_clear(struct gp_image *piece);

/* The names of files, by number, from 0. */
void gp_image_add_file(struct gp_image *image, const char *name);
void gp_image_set_names(struct gp_image *image, const char *default_domain,
			const char *recipient_delimiter);
/* The SHA-256 of the source, and when it was compiled. */
void gp_image_set_origin(struct gp_image *image, const uint8_t sha256[32],
			 int64_t compiled);

/* Starts from what another source (a map) holds: for updates. Returns 0, or -1
   when that is damaged. */
int gp_image_add_source(struct gp_image *image, const struct gp_source *source,
			const char **error_r);
/* Takes all lines of a key out. Returns how many there were. Logarithmic,
   except that everything is sorted first when lines were added out of order:
   for many keys, first remove all, then add. */
size_t gp_image_remove(struct gp_image *image, const char *key,
		       size_t key_len);
/* The same for the lines of a profile; its number and name stay. */
size_t gp_image_remove_profile(struct gp_image *image, uint32_t number);
/* Takes the networks of a net out; its number and name stay. Returns false
   when it had none. */
bool gp_image_remove_net(struct gp_image *image, uint32_t number);

/* Sorts what was added since. To be called before the image is read. Lines of
   one key keep the order in which they came. */
void gp_image_finish(struct gp_image *image);
/* Holds until the image is changed or freed. */
const struct gp_source *gp_image_source(struct gp_image *image);
/* How many lines, and how many keys. */
void gp_image_counts(const struct gp_image *image, uint64_t *lines_r,
		     uint64_t *keys_r);

#endif
