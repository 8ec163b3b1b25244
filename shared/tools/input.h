#ifndef GP_TOOLS_INPUT_H
#define GP_TOOLS_INPUT_H

#include <stdint.h>
#include <sys/stat.h>
#include "shared/map/image.h"
#include "shared/rules/parse.h"
#include "shared/tools/progress.h"

/* The rules as they lie on disk: one file, or a folder whose files are read in
   the order of their names (as LC_ALL=C sorts them). Left out are names that
   begin with a dot and what editors and packages leave behind (a "~" at the
   end, .bak, .orig, .rej, .swp, .dpkg-*, .rpm*, .ucf-*). */

struct gp_input;

/* Opens without reading. Returns 0, or an exit code with the message
   written. */
int gp_input_open(const char *path, struct gp_input **input_r);
void gp_input_free(struct gp_input **input);

/* To be called when the lock is held that keeps writers apart: takes the file
   that stands at the path now, should it have been replaced since it was
   opened. Returns 0, or an exit code with the message written. */
int gp_input_renew(struct gp_input *input);

/* Who owns it, and so on. */
const struct stat *gp_input_stat(const struct gp_input *input);

/* Looks which files there are: one, or those of the folder. Returns 0, or an
   exit code with the message written. */
int gp_input_list(struct gp_input *input);
size_t gp_input_count(const struct gp_input *input);
/* A file's path, which begins as it was given. */
const char *gp_input_path(const struct gp_input *input, size_t file);
/* From here on the file is read from memory. data must stay. */
void gp_input_replace(struct gp_input *input, size_t file, const char *data,
		      size_t len);

/* Where the contents go. Files get their numbers from first_file on. */
struct gp_input_reader {
	struct gp_parser *parser;
	struct gp_image *image;
	struct gp_diagnostics *diagnostics;
	struct gp_progress *progress;
	uint32_t first_file;
};

/* Reads everything, and says what it was: the SHA-256 of a file's bytes; for a
   folder that of what "sha256sum *" prints there. Returns 0, or an exit code
   with the message written. reader may be NULL when only that is asked. */
int gp_input_read(struct gp_input *input, const struct gp_input_reader *reader,
		  uint8_t sha256_r[32]);

#endif
