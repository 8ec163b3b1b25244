#ifndef GP_MAP_MEMO_H
#define GP_MAP_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the values of keys looked up lately stand in a file that never changes,
   or that there is none. Of fixed size; what is new takes the place of what was
   there. */

struct gp_memo;

struct gp_memo *gp_memo_new(size_t entries);
void gp_memo_free(struct gp_memo **memo);

/* What the others want to be told of a key. */
uint64_t gp_memo_hash(const char *key, size_t key_len);

/* True when the key is known; *value_r is NULL then when it has no value. */
bool gp_memo_get(const struct gp_memo *memo, uint64_t hash, const char *key,
		 size_t key_len, const void **value_r, size_t *value_len_r);
void gp_memo_put(struct gp_memo *memo, uint64_t hash, const char *key,
		 size_t key_len, const void *value, size_t value_len);
/* A key of this hash is going to be asked for. */
void gp_memo_expect(const struct gp_memo *memo, uint64_t hash);

#endif
