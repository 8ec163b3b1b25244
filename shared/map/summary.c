/* The file is written over, not replaced: a login process holds a descriptor
   from before its chroot and sees each new state through it. A reader that
   meets a writer reads a mixture; the check at the front finds that, and then
   the auth module decides alone, as it does anyway.

   Wherever a value of cleartext stands, cleartext is accepted from anywhere as
   far as this file goes: which allow_nets would hold beside it is the
   resolution's business, and the file may only err to that side. */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include "shared/map/error.h"
#include "shared/map/summary.h"

#define MAGIC "GPsummry"

struct header {
	char magic[8];
	/* Over all that follows it. */
	uint8_t check[8];
	uint32_t format;
	uint32_t anywhere;
	uint32_t count;
	uint32_t zero;
};

#define FORMAT 1
#define CHECKED_FROM 16
#define COUNT_MAX ((GP_SUMMARY_MAX - sizeof(struct header)) / \
		   sizeof(struct gp_range))

/* So many ranges are collected before it is looked whether they come to few:
   ten million lines may name the same network. */
#define COLLECT_MAX 65536

struct make {
	const struct gp_source *source;
	struct gp_netset_builder networks;
	/* Which named sets are among them. */
	bool *named;
	bool anywhere;
	const char **error_r;
};

static void join(struct make *make)
{
	struct gp_arena *arena;
	struct gp_netset set;

	if (make->networks.count < COLLECT_MAX)
		return;
	arena = gp_arena_new();
	gp_netset_builder_finish(&make->networks, arena, &set);
	make->anywhere = set.count > COUNT_MAX;
	gp_netset_builder_add_set(&make->networks, &set);
	gp_arena_free(&arena);
}

static int make_named(struct make *make, uint32_t number)
{
	struct gp_netset set;
	int found;

	if (make->named[number])
		return 0;
	found = make->source->net(make->source->context, number, &set,
				  make->error_r);
	if (found < 0)
		return -1;
	if (found > 0)
		gp_netset_builder_add_set(&make->networks, &set);
	make->named[number] = true;
	return 0;
}

static int make_nets(struct make *make, const struct gp_netlist *list)
{
	size_t i;

	gp_netset_builder_add_set(&make->networks, &list->own);
	for (i = 0; i < list->named_count; i++) {
		if (make_named(make, list->named[i]) < 0)
			return -1;
	}
	join(make);
	return 0;
}

static int make_line(struct make *make, const struct gp_line *line)
{
	uint32_t bit = GP_ATTR_BIT(GP_ATTR_CLEARTEXT_NETS);
	unsigned i;

	for (i = 0; i < GP_SERVICES; i++) {
		if ((line->set & GP_ATTR_BIT(i)) != 0 &&
		    line->service[i] == GP_CLEARTEXT)
			make->anywhere = true;
	}
	if (make->anywhere || (line->set & bit) == 0)
		return 0;
	return make_nets(make, gp_line_nets(line, GP_ATTR_CLEARTEXT_NETS));
}

/* Returns 1 to end a walk when there is nothing left to find out. */
static int make_key(void *context, const char *key, size_t key_len,
		    const struct gp_lines *lines)
{
	struct make *make = context;
	size_t i;

	(void)key;
	(void)key_len;
	for (i = 0; i < lines->count; i++) {
		if (make_line(make, &lines->line[i]) < 0)
			return -1;
	}
	return make->anywhere ? 1 : 0;
}

static int make_profiles(struct make *make, struct gp_arena *arena)
{
	const struct gp_source *source = make->source;
	struct gp_lines lines;
	uint32_t i;

	for (i = 0; i < source->profile_count && !make->anywhere; i++) {
		int found = source->profile(source->context, i, arena, &lines,
					    make->error_r);

		if (found < 0)
			return -1;
		if (found > 0 && make_key(make, NULL, 0, &lines) < 0)
			return -1;
	}
	return 0;
}

int gp_summary_make(const struct gp_source *source, struct gp_arena *arena,
		    struct gp_summary *summary_r, const char **error_r)
{
	struct make make = {
		.source = source,
		.named = gp_arena_alloc(arena, source->net_count),
		.error_r = error_r
	};
	int ret;

	gp_netset_builder_init(&make.networks);
	ret = make_profiles(&make, arena);
	if (ret == 0 && !make.anywhere)
		ret = source->walk(source->context, "", 0, make_key, &make,
				   error_r);
	gp_netset_builder_finish(&make.networks, arena, &summary_r->networks);
	gp_netset_builder_deinit(&make.networks);
	summary_r->anywhere = make.anywhere;
	return ret < 0 ? -1 : 0;
}

static void compute_check(const unsigned char *bytes, size_t len,
			  uint8_t check[8])
{
	XXH64_canonical_t canonical;

	XXH64_canonicalFromHash(&canonical, XXH3_64bits(bytes + CHECKED_FROM,
							len - CHECKED_FROM));
	memcpy(check, canonical.digest, 8);
}

size_t gp_summary_encode(const struct gp_summary *summary,
			 unsigned char bytes[GP_SUMMARY_MAX])
{
	struct header header = { .format = htole32(FORMAT) };
	size_t count = summary->networks.count;
	size_t len;

	if (summary->anywhere || count > COUNT_MAX) {
		header.anywhere = htole32(1);
		count = 0;
	}
	memcpy(header.magic, MAGIC, sizeof(header.magic));
	header.count = htole32(count);
	len = sizeof(header) + count * sizeof(struct gp_range);
	memcpy(bytes, &header, sizeof(header));
	if (count > 0)
		memcpy(bytes + sizeof(header), summary->networks.ranges,
		       count * sizeof(struct gp_range));
	compute_check(bytes, len, header.check);
	memcpy(bytes, &header, sizeof(header));
	return len;
}

int gp_summary_decode(const unsigned char *bytes, size_t len,
		      struct gp_summary *summary_r)
{
	struct header header;
	uint8_t check[8];
	size_t count;

	if (len < sizeof(header))
		return -1;
	memcpy(&header, bytes, sizeof(header));
	count = le32toh(header.count);
	if (memcmp(header.magic, MAGIC, sizeof(header.magic)) != 0 ||
	    le32toh(header.format) != FORMAT ||
	    le32toh(header.anywhere) > 1 || count > COUNT_MAX ||
	    len != sizeof(header) + count * sizeof(struct gp_range))
		return -1;
	compute_check(bytes, len, check);
	summary_r->anywhere = le32toh(header.anywhere) != 0;
	summary_r->networks.ranges =
		(const struct gp_range *)(bytes + sizeof(header));
	summary_r->networks.count = count;
	if (memcmp(check, header.check, sizeof(check)) != 0 ||
	    !gp_netset_is_sound(&summary_r->networks))
		return -1;
	return 0;
}

/* In one call, so that few readers meet half of it. */
static int write_over(int fd, const unsigned char *bytes, size_t len)
{
	ssize_t put = pwrite(fd, bytes, len, 0);

	if (put >= 0 && (size_t)put < len)
		errno = ENOSPC;
	if (put < 0 || (size_t)put < len)
		return -1;
	if (ftruncate(fd, len) < 0)
		return -1;
	return fsync(fd);
}

int gp_summary_write(int fd, const char *path,
		     const struct gp_summary *summary, const char **error_r)
{
	unsigned char bytes[GP_SUMMARY_MAX];
	size_t len = gp_summary_encode(summary, bytes);

	if (write_over(fd, bytes, len) < 0)
		return gp_map_error(error_r, "cannot write summary %s: %s",
				    path, strerror(errno));
	return 0;
}

void gp_summary_name(const char *map, char *name_r, size_t size)
{
	size_t len = strlen(map);

	if (len > 5 && strcmp(map + len - 5, ".lmdb") == 0)
		len -= 5;
	snprintf(name_r, size, "%.*s.summary", (int)len, map);
}

int gp_summary_read(const char *path, unsigned char bytes[GP_SUMMARY_MAX],
		    struct gp_summary *summary_r)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	ssize_t len;

	if (fd < 0)
		return -1;
	len = pread(fd, bytes, GP_SUMMARY_MAX, 0);
	close(fd);
	return len < 0 ? -1 : gp_summary_decode(bytes, len, summary_r);
}
