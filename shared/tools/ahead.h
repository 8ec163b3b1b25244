#ifndef GP_TOOLS_AHEAD_H
#define GP_TOOLS_AHEAD_H

#include "shared/map/image.h"
#include "shared/rules/parse.h"

/* A rules file into a parser and its image, as gp_parser_feed() has it, but on
   all processors: the file is cut where keys begin, its pieces are parsed at
   the same time, and added in their order. What comes out, numbers of nets and
   profiles and errors included, is the same. */

struct gp_ahead;

/* How many threads help where there are that many processors. */
#define GP_AHEAD_THREADS 3

/* The parser's sink is the image's. size is that of a piece. Besides the caller
   at most so many threads are at work, and none for a file of one piece. */
struct gp_ahead *gp_ahead_new(struct gp_parser *parser, struct gp_image *image,
			      uint32_t file, size_t size, unsigned threads);
/* GP_AHEAD_THREADS, or less. */
unsigned gp_ahead_threads(void);
/* Where the next bytes of the file go, and how many at most (one at least). */
char *gp_ahead_room(struct gp_ahead *ahead, size_t *len_r);
/* So many were put there. */
void gp_ahead_filled(struct gp_ahead *ahead, size_t len);
/* The file ends here. Frees everything and clears the pointer. */
void gp_ahead_finish(struct gp_ahead **ahead);

#endif
