#ifndef GP_MAP_LOADED_H
#define GP_MAP_LOADED_H

#include <sys/stat.h>
#include "shared/map/reader.h"
#include "shared/map/wire.h"

/* One map file, open, as a source of rules. */

struct gp_loaded;

/* The file was found whole; stat is what was seen then, name what it is called
   in reasons. Returns 1; 0 when the path leads to another file by now; or -1
   with the reason and errno. */
int gp_loaded_open(const char *path, const char *name, const struct stat *stat,
		   struct gp_loaded **loaded_r, const char **error_r);
void gp_loaded_free(struct gp_loaded **loaded);

/* A login that is going to be judged together with others; and fetching what
   was found for them before. */
void gp_loaded_expect(struct gp_loaded *loaded, const char *login,
		      size_t login_len);
void gp_loaded_fetch(struct gp_loaded *loaded);

const struct gp_source *gp_loaded_source(const struct gp_loaded *loaded);
const struct gp_map_meta *gp_loaded_meta(const struct gp_loaded *loaded);

/* Decodes every record and compares the counts. Returns 0, or -1 with the
   reason. */
int gp_loaded_verify(struct gp_loaded *loaded, const char **error_r);

/* Decodes what is numbered, and has each look at the bytes of every rule's
   record, in the order of keys; false from it ends that. Returns 0, or -1 with
   the reason. */
typedef bool gp_loaded_rule(void *context, const char *key, size_t key_len,
			    struct gp_wire *wire);
int gp_loaded_verify_rules(struct gp_loaded *loaded, gp_loaded_rule *each,
			   void *context, const char **error_r);

#endif
