#ifndef GP_MAP_PLACES_H
#define GP_MAP_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where in a map records lie that were looked up before: sixteen bytes a
   record, so that a service which is asked all day finds nearly all of a
   million. And for several look-ups that are about to come: fetching together
   what they will read. */

struct gp_places;

/* For so many records. anchor is anywhere in the map, which must stay where it
   is. */
struct gp_places *gp_places_new(const void *anchor, size_t records);
void gp_places_free(struct gp_places **places);

/* hash is the key's, from gp_memo_hash(). */
bool gp_places_get(const struct gp_places *places, uint64_t hash,
		   const char *key, size_t key_len, const void **value_r,
		   size_t *value_len_r);
/* Returns false when it is no place that can be remembered. */
bool gp_places_put(struct gp_places *places, uint64_t hash, const char *key,
		   size_t key_len, const void *value, size_t value_len);

/* A key of this hash is going to be looked up; of too many the last are left
   out. */
void gp_places_expect(struct gp_places *places, uint64_t hash);
/* Fetches what is expected, and expects nothing any more. */
void gp_places_fetch(struct gp_places *places);

#endif
