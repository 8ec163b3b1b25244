#ifndef GP_MAP_SUMMARY_H
#define GP_MAP_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include "shared/net/netset.h"
#include "shared/rules/source.h"

/* The summary: from which networks cleartext is accepted by any line at all,
   at any time, trials and locks aside. It is all that a chrooted login process
   may see of the rules. A small file, written in place under a checksum, so
   that a descriptor which was opened before a chroot sees every new state. */

#define GP_SUMMARY_MAX 4096

/* The name of the summary beside a map: PATH with .summary instead of
   .lmdb. */
void gp_summary_name(const char *map, char *name_r, size_t size);

struct gp_summary {
	/* Cleartext may be accepted from anywhere. */
	bool anywhere;
	struct gp_netset networks;
};

/* What the rules of that source come to. Networks lie in arena. Returns 0, or
   -1 when the source is damaged. */
int gp_summary_make(const struct gp_source *source, struct gp_arena *arena,
		    struct gp_summary *summary_r, const char **error_r);

/* The bytes of the file; when the networks do not fit into GP_SUMMARY_MAX,
   "anywhere" is said instead. Returns the length. */
size_t gp_summary_encode(const struct gp_summary *summary,
			 unsigned char bytes[GP_SUMMARY_MAX]);
/* Networks point into bytes. Returns 0, or -1 when the bytes are no whole
   summary: then nothing may be concluded. */
int gp_summary_decode(const unsigned char *bytes, size_t len,
		      struct gp_summary *summary_r);

/* Writes over an open file (it must stay the same for those who hold it open)
   and syncs it. path is what it is called. Returns 0, or -1 with the reason and
   errno. */
int gp_summary_write(int fd, const char *path,
		     const struct gp_summary *summary, const char **error_r);

/* Reads PATH. Networks point into bytes. Returns 0, or -1 when there is no
   whole summary. */
int gp_summary_read(const char *path, unsigned char bytes[GP_SUMMARY_MAX],
		    struct gp_summary *summary_r);

#endif
