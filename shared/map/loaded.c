/* A map as a source: look-ups in LMDB, each value's own check, and the decoder.
   Nothing is copied that can stay in the map. A set of networks may be
   megabytes: it is checked when it is first asked for and remembered as
   checked, for a decision must not read all of it.

   A damaged record fails the decision that needs it and no other. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "shared/map/error.h"
#include "shared/map/loaded.h"
#include "shared/map/memo.h"
#include "shared/map/places.h"
#include "shared/map/record.h"
#include "shared/map/store.h"
#include "shared/rules/key.h"
#include "shared/rules/name.h"

/* Entries of the memo. */
#define MEMO_SMALL 4096
#define MEMO_LARGE 32768

struct checked_net {
	bool checked;
	bool defined;
	const char *name;
	struct gp_netset set;
};

struct gp_loaded {
	struct gp_arena *arena;
	struct gp_store *store;
	struct gp_memo *memo;
	/* Only where look-ups are expected. */
	struct gp_places *places;
	struct gp_record_meta meta;
	struct gp_source source;
	struct checked_net *nets;
	/* What map_find() says of "*", which every decision looks up. */
	struct gp_lines every;
	int every_found;
	/* What is said of a record that is damaged. */
	const char *damaged;
};

static void remember(const struct gp_loaded *loaded, uint64_t hash,
		     const char *key, size_t key_len, const void *value,
		     size_t value_len)
{
	if (value == NULL || loaded->places == NULL ||
	    !gp_places_put(loaded->places, hash, key, key_len, value,
			   value_len))
		gp_memo_put(loaded->memo, hash, key, key_len, value,
			    value_len);
}

static int get_value(const struct gp_loaded *loaded, const char *key,
		     size_t key_len, const void **value_r,
		     size_t *value_len_r)
{
	uint64_t hash = gp_memo_hash(key, key_len);
	int ret;

	if (loaded->places != NULL &&
	    gp_places_get(loaded->places, hash, key, key_len, value_r,
			  value_len_r))
		return 1;
	if (gp_memo_get(loaded->memo, hash, key, key_len, value_r,
			value_len_r))
		return *value_r == NULL ? 0 : 1;
	ret = gp_store_get(loaded->store, key, key_len, value_r, value_len_r);
	if (ret == 0) {
		*value_r = NULL;
		*value_len_r = 0;
	}
	if (ret >= 0)
		remember(loaded, hash, key, key_len, *value_r, *value_len_r);
	return ret;
}

/* Returns 1 with what follows the check, 0, or -1. */
static int get_record(const struct gp_loaded *loaded, const char *key,
		      size_t key_len, struct gp_wire *wire_r,
		      const char **error_r)
{
	const void *value;
	size_t value_len;
	int ret = get_value(loaded, key, key_len, &value, &value_len);

	if (ret > 0 &&
	    !gp_record_open(key, key_len, value, value_len, wire_r))
		ret = -1;
	if (ret < 0)
		*error_r = loaded->damaged;
	return ret;
}

static int get_lines(const struct gp_loaded *loaded, struct gp_wire *wire,
		     struct gp_arena *scratch, struct gp_lines *lines_r,
		     const char **error_r)
{
	if (gp_record_get_lines(wire, &loaded->meta.counts, scratch, lines_r))
		return 1;
	*error_r = loaded->damaged;
	return -1;
}

static int find(const struct gp_loaded *loaded, const char *key,
		size_t key_len, struct gp_arena *scratch,
		struct gp_lines *lines_r, const char **error_r)
{
	struct gp_wire wire;
	int ret = get_record(loaded, key, key_len, &wire, error_r);

	if (ret <= 0)
		return ret;
	return get_lines(loaded, &wire, scratch, lines_r, error_r);
}

static int map_find(void *context, const char *key, size_t key_len,
		    struct gp_arena *scratch, struct gp_lines *lines_r,
		    const char **error_r)
{
	const struct gp_loaded *loaded = context;

	if (!gp_key_is_every(key, key_len))
		return find(loaded, key, key_len, scratch, lines_r, error_r);
	*lines_r = loaded->every;
	if (loaded->every_found < 0)
		*error_r = loaded->damaged;
	return loaded->every_found;
}

/* The record of a numbered thing, behind its name. One that the meta record
   counts must be there. */
static int get_named(const struct gp_loaded *loaded, char kind,
		     uint32_t number, struct gp_wire *wire_r,
		     const char **name_r, const char **error_r)
{
	char key[GP_RECORD_KEY_LEN];

	gp_record_key(kind, number, key);
	if (get_record(loaded, key, sizeof(key), wire_r, error_r) > 0) {
		*name_r = gp_wire_string(wire_r);
		if (!wire_r->bad)
			return 1;
	}
	*error_r = loaded->damaged;
	return -1;
}

static int map_profile(void *context, uint32_t number,
		       struct gp_arena *scratch, struct gp_lines *lines_r,
		       const char **error_r)
{
	const struct gp_loaded *loaded = context;
	struct gp_wire wire;
	const char *name;

	if (number >= loaded->source.profile_count)
		return 0;
	if (get_named(loaded, GP_RECORD_PROFILE, number, &wire, &name,
		      error_r) < 0 ||
	    get_lines(loaded, &wire, scratch, lines_r, error_r) < 0)
		return -1;
	return lines_r->count > 0 ? 1 : 0;
}

static int check_net(const struct gp_loaded *loaded, uint32_t number,
		     const char **error_r)
{
	struct checked_net *net = &loaded->nets[number];
	struct gp_wire wire;

	if (get_named(loaded, GP_RECORD_NET, number, &wire, &net->name,
		      error_r) < 0)
		return -1;
	net->defined = gp_wire_below(&wire, 1) != 0;
	if (net->defined)
		gp_codec_get_netset(&wire, &net->set);
	net->checked = !wire.bad && gp_wire_left(&wire) == 0;
	if (net->checked)
		return 0;
	*error_r = loaded->damaged;
	return -1;
}

static int map_net(void *context, uint32_t number, struct gp_netset *set_r,
		   const char **error_r)
{
	const struct gp_loaded *loaded = context;
	const struct checked_net *net;

	if (number >= loaded->source.net_count)
		return 0;
	net = &loaded->nets[number];
	if (!net->checked && check_net(loaded, number, error_r) < 0)
		return -1;
	*set_r = net->set;
	return net->defined ? 1 : 0;
}

struct walk {
	const struct gp_loaded *loaded;
	struct gp_arena *scratch;
	gp_source_each *each;
	void *each_context;
	const char **error_r;
};

static int walk_record(void *context, const char *key, size_t key_len,
		       const void *value, size_t value_len)
{
	struct walk *walk = context;
	struct gp_lines lines;
	struct gp_wire wire;

	if (!gp_record_is_rule(key, key_len))
		return 0;
	gp_arena_reset(walk->scratch);
	if (!gp_record_open(key, key_len, value, value_len, &wire)) {
		*walk->error_r = walk->loaded->damaged;
		return -1;
	}
	if (get_lines(walk->loaded, &wire, walk->scratch, &lines,
		      walk->error_r) < 0)
		return -1;
	return walk->each(walk->each_context, key, key_len, &lines);
}

static int map_walk(void *context, const char *from, size_t from_len,
		    gp_source_each *each, void *each_context,
		    const char **error_r)
{
	struct walk walk = {
		.loaded = context,
		.scratch = gp_arena_new(),
		.each = each,
		.each_context = each_context,
		.error_r = error_r
	};
	bool damaged;
	int ret = gp_store_walk(walk.loaded->store, from, from_len,
				walk_record, &walk, &damaged);

	gp_arena_free(&walk.scratch);
	if (damaged)
		*error_r = walk.loaded->damaged;
	return ret;
}

static const char *get_name(const struct gp_loaded *loaded, char kind,
			    uint32_t number)
{
	struct gp_wire wire;
	const char *name, *error;

	if (get_named(loaded, kind, number, &wire, &name, &error) < 0)
		return NULL;
	return name;
}

static const char *map_profile_name(void *context, uint32_t number)
{
	const struct gp_loaded *loaded = context;

	return number < loaded->source.profile_count ?
		get_name(loaded, GP_RECORD_PROFILE, number) : NULL;
}

static const char *map_net_name(void *context, uint32_t number)
{
	const struct gp_loaded *loaded = context;
	const char *error;

	if (number >= loaded->source.net_count)
		return NULL;
	if (!loaded->nets[number].checked &&
	    check_net(loaded, number, &error) < 0)
		return NULL;
	return loaded->nets[number].name;
}

static const char *map_file_name(void *context, uint32_t number)
{
	const struct gp_loaded *loaded = context;

	return number < loaded->source.file_count ?
		get_name(loaded, GP_RECORD_FILE, number) : NULL;
}

static void init_source(struct gp_loaded *loaded)
{
	struct gp_source *source = &loaded->source;

	source->context = loaded;
	source->find = map_find;
	source->profile = map_profile;
	source->net = map_net;
	source->walk = map_walk;
	source->profile_name = map_profile_name;
	source->net_name = map_net_name;
	source->file_name = map_file_name;
	source->parent_depths = loaded->meta.parent_depths;
	source->profile_count = loaded->meta.counts.profiles;
	source->net_count = loaded->meta.counts.nets;
	source->file_count = loaded->meta.counts.files;
	source->default_domain = loaded->meta.default_domain;
	source->recipient_delimiter = loaded->meta.recipient_delimiter;
	source->compiled = loaded->meta.meta.compiled;
}

/* Reads the meta record; afterwards the counts are those of records that are
   there. */
static int load_meta(struct gp_loaded *loaded, const char **error_r)
{
	const struct gp_record_meta *meta = &loaded->meta;
	struct gp_wire wire;
	uint64_t count = gp_store_count(loaded->store);

	if (get_record(loaded, GP_RECORD_META_KEY, GP_RECORD_META_KEY_LEN,
		       &wire, error_r) <= 0 ||
	    !gp_record_get_meta(&wire, &loaded->meta) ||
	    meta->meta.format != GP_RECORD_FORMAT ||
	    meta->meta.keys > count ||
	    meta->meta.keys + meta->counts.nets + meta->counts.profiles +
	    meta->counts.files + 1 != count) {
		*error_r = loaded->damaged;
		errno = EINVAL;
		return -1;
	}
	loaded->nets = gp_arena_alloc(loaded->arena, meta->counts.nets *
				      sizeof(*loaded->nets));
	init_source(loaded);
	return 0;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Whoever expects is asked often, and has memory for it. */
static void start_expecting(struct gp_loaded *loaded)
{
	gp_memo_free(&loaded->memo);
	loaded->memo = gp_memo_new(MEMO_LARGE);
	loaded->places = gp_places_new(loaded->meta.default_domain,
				       gp_store_count(loaded->store));
}

static void expect_key(struct gp_loaded *loaded, const char *key,
		       size_t key_len)
{
	uint64_t hash = gp_memo_hash(key, key_len);

	gp_memo_expect(loaded->memo, hash);
	gp_places_expect(loaded->places, hash);
}

/* As most logins are written. For one that is normalised to something else,
   other memory is fetched, and nothing else happens. */
void gp_loaded_expect(struct gp_loaded *loaded, const char *login,
		      size_t login_len)
{
	const char *at = memchr(login, '@', login_len);
	size_t local_len, domain_len, i;
	char key[GP_NAME_MAX + 1];

	if (at == NULL || login_len > GP_NAME_MAX)
		return;
	if (loaded->places == NULL)
		start_expecting(loaded);
	local_len = at - login;
	domain_len = login_len - local_len - 1;
	for (i = 0; i < domain_len; i++)
		key[i] = lower(at[1 + i]);
	key[domain_len] = '\0';
	for (i = 0; i < local_len; i++)
		key[domain_len + 1 + i] = lower(login[i]);
	expect_key(loaded, key, domain_len + 1);
	expect_key(loaded, key, login_len);
}

void gp_loaded_fetch(struct gp_loaded *loaded)
{
	if (loaded->places != NULL)
		gp_places_fetch(loaded->places);
}

int gp_loaded_open(const char *path, const char *name, const struct stat *stat,
		   struct gp_loaded **loaded_r, const char **error_r)
{
	struct gp_arena *arena = gp_arena_new();
	struct gp_loaded *loaded = gp_arena_alloc(arena, sizeof(*loaded));
	int ret;

	loaded->arena = arena;
	loaded->memo = gp_memo_new(MEMO_SMALL);
	loaded->damaged = gp_arena_printf(arena, "map %s has a damaged "
					  "record; compile the rules again "
					  "with gatemap", name);
	ret = gp_store_open(path, name, stat, &loaded->store, error_r);
	if (ret > 0 && load_meta(loaded, error_r) < 0)
		ret = gp_map_error(error_r, "%s", *error_r);
	if (ret > 0)
		loaded->every_found = find(loaded, GP_KEY_EVERY,
					   GP_KEY_EVERY_LEN, arena,
					   &loaded->every, error_r);
	if (ret <= 0)
		gp_loaded_free(&loaded);
	*loaded_r = loaded;
	return ret;
}

void gp_loaded_free(struct gp_loaded **loaded)
{
	struct gp_arena *arena;
	int saved_errno = errno;

	if (*loaded == NULL)
		return;
	arena = (*loaded)->arena;
	gp_store_close(&(*loaded)->store);
	gp_memo_free(&(*loaded)->memo);
	gp_places_free(&(*loaded)->places);
	*loaded = NULL;
	gp_arena_free(&arena);
	errno = saved_errno;
}

const struct gp_source *gp_loaded_source(const struct gp_loaded *loaded)
{
	return &loaded->source;
}

const struct gp_map_meta *gp_loaded_meta(const struct gp_loaded *loaded)
{
	return &loaded->meta.meta;
}

struct counts {
	uint64_t lines;
	uint64_t keys;
};

static int count_key(void *context, const char *key, size_t key_len,
		     const struct gp_lines *lines)
{
	struct counts *counts = context;

	(void)key;
	(void)key_len;
	counts->keys++;
	counts->lines += lines->count;
	return 0;
}

static int verify_named(struct gp_loaded *loaded, const char **error_r)
{
	struct gp_arena *scratch = gp_arena_new();
	struct gp_lines lines;
	struct gp_netset set;
	int ret = 0;
	uint32_t i;

	for (i = 0; ret >= 0 && i < loaded->source.net_count; i++)
		ret = map_net(loaded, i, &set, error_r);
	for (i = 0; ret >= 0 && i < loaded->source.profile_count; i++) {
		gp_arena_reset(scratch);
		ret = map_profile(loaded, i, scratch, &lines, error_r);
	}
	for (i = 0; ret >= 0 && i < loaded->source.file_count; i++) {
		if (map_file_name(loaded, i) == NULL) {
			*error_r = loaded->damaged;
			ret = -1;
		}
	}
	gp_arena_free(&scratch);
	return ret < 0 ? -1 : 0;
}

struct verify_rules {
	gp_loaded_rule *each;
	void *context;
};

static int verify_rule(void *context, const char *key, size_t key_len,
		       const void *value, size_t value_len)
{
	struct verify_rules *verify = context;
	struct gp_wire wire;

	if (!gp_record_is_rule(key, key_len))
		return 0;
	return gp_record_open(key, key_len, value, value_len, &wire) &&
	       verify->each(verify->context, key, key_len, &wire) ? 0 : -1;
}

int gp_loaded_verify_rules(struct gp_loaded *loaded, gp_loaded_rule *each,
			   void *context, const char **error_r)
{
	struct verify_rules verify = { each, context };
	bool damaged;

	if (verify_named(loaded, error_r) == 0 &&
	    gp_store_walk(loaded->store, "", 0, verify_rule, &verify,
			  &damaged) == 0)
		return 0;
	*error_r = loaded->damaged;
	errno = EINVAL;
	return -1;
}

int gp_loaded_verify(struct gp_loaded *loaded, const char **error_r)
{
	struct counts counts = { 0, 0 };

	if (verify_named(loaded, error_r) == 0 &&
	    map_walk(loaded, "", 0, count_key, &counts, error_r) == 0) {
		if (counts.keys == loaded->meta.meta.keys &&
		    counts.lines == loaded->meta.meta.lines)
			return 0;
		*error_r = loaded->damaged;
	}
	errno = EINVAL;
	return -1;
}
