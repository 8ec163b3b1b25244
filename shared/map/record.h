#ifndef GP_MAP_RECORD_H
#define GP_MAP_RECORD_H

#include "shared/map/codec.h"
#include "shared/map/reader.h"

/* The records of a map: their keys, their checks, and what stands in them. A
   record's value begins with a check over its key and the rest, so that a
   value which turns up under another key is damaged, too.

   Names' keys and GP_KEY_EVERY: a count and that many lines.
   "\1f" NUMBER: the name of a file.
   "\1m": meta.
   "\1n" NUMBER: the name of a net, 1 and its ranges (0: not defined).
   "\1p" NUMBER: the name of a profile, a count and that many lines. */

/* Of what is written. Readers know this one and the one before (there is none
   yet). */
#define GP_RECORD_FORMAT 1

#define GP_RECORD_FILE 'f'
#define GP_RECORD_META 'm'
#define GP_RECORD_NET 'n'
#define GP_RECORD_PROFILE 'p'

/* "\1", a letter, and the number with its highest byte first. */
#define GP_RECORD_KEY_LEN 6
#define GP_RECORD_META_KEY "\1m"
#define GP_RECORD_META_KEY_LEN 2

void gp_record_key(char kind, uint32_t number, char key[GP_RECORD_KEY_LEN]);

/* True for the keys of mailboxes, domains and "*", which a walk shows. */
static inline bool gp_record_is_rule(const char *key, size_t key_len)
{
	return key_len > 0 && (key[0] != '\1' ||
			       (key_len == GP_KEY_EVERY_LEN && key[1] == '*'));
}

/* Empties the text and leaves room for the check; what is added afterwards is
   the record. */
void gp_record_begin(struct gp_text *value);
/* Sets the check. */
void gp_record_end(struct gp_text *value, const char *key, size_t key_len);
/* Looks at the check and hands out what follows. Returns false when the value
   is damaged. */
bool gp_record_open(const char *key, size_t key_len, const void *value,
		    size_t value_len, struct gp_wire *wire_r);

/* All lines to the end of the record. Returns false when it is damaged. */
bool gp_record_get_lines(struct gp_wire *wire,
			 const struct gp_codec_limits *limits,
			 struct gp_arena *scratch, struct gp_lines *lines_r);

/* The meta record. */
struct gp_record_meta {
	struct gp_map_meta meta;
	struct gp_codec_limits counts;
	uint64_t parent_depths;
	const char *default_domain;
	const char *recipient_delimiter;
};

void gp_record_put_meta(struct gp_text *value,
			const struct gp_record_meta *meta);
bool gp_record_get_meta(struct gp_wire *wire, struct gp_record_meta *meta_r);

#endif
