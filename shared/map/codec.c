/* A typical line ("imap=off") comes to six or seven bytes: which attributes it
   has, flags, its line number, half a byte for each service; then what else
   there is, in the order of the attributes' numbers. Everything read is
   checked against what the model allows, so that nobody above has to fear a
   number that names nothing or a text that a client must not see. */

#include <string.h>
#include "shared/base/clock.h"
#include "shared/map/codec.h"
#include "shared/rules/name.h"

enum {
	LINE_TRIAL = 0x01,
	LINE_FROM = 0x02,
	LINE_UNTIL = 0x04,
	LINE_LOCKED = 0x08,
	LINE_FILE = 0x10,
	LINE_FLAGS = 0x1f
};

enum {
	NETS_ANY = 0x01,
	NETS_OWN = 0x02,
	NETS_NAMED = 0x04,
	NETS_FLAGS = 0x07
};

void gp_codec_put_netset(struct gp_text *out, const struct gp_netset *set)
{
	gp_wire_put_number(out, set->count);
	gp_text_add_mem(out, set->ranges,
			set->count * sizeof(struct gp_range));
}

static void put_numbers(struct gp_text *out, const uint32_t *numbers,
			size_t count)
{
	size_t i;

	gp_wire_put_number(out, count);
	for (i = 0; i < count; i++)
		gp_wire_put_number(out, numbers[i]);
}

static void put_netlist(struct gp_text *out, const struct gp_netlist *list)
{
	gp_wire_put_byte(out, (list->any ? NETS_ANY : 0) |
			 (list->own.count > 0 ? NETS_OWN : 0) |
			 (list->named_count > 0 ? NETS_NAMED : 0));
	if (list->own.count > 0)
		gp_codec_put_netset(out, &list->own);
	if (list->named_count > 0)
		put_numbers(out, list->named, list->named_count);
}

static unsigned char *write_services(unsigned char *pos,
				     const struct gp_line *line)
{
	uint32_t rest;
	bool half = false;
	unsigned i;

	for (rest = line->set & GP_SERVICE_BITS; rest != 0; rest &= rest - 1) {
		i = __builtin_ctz(rest);
		if (half)
			*pos++ |= line->service[i] << 4;
		else
			*pos = line->service[i];
		half = !half;
	}
	return half ? pos + 1 : pos;
}

static void put_attribute(struct gp_text *out, const struct gp_line *line,
			  enum gp_attribute attr)
{
	switch (attr) {
	case GP_ATTR_TLS_MIN:
		gp_wire_put_byte(out, line->tls_min);
		break;
	case GP_ATTR_ALLOW_NETS:
	case GP_ATTR_TRUSTED_NETS:
	case GP_ATTR_CLEARTEXT_NETS:
	case GP_ATTR_UNAUTHENTICATED_NETS:
		put_netlist(out, gp_line_nets(line, attr));
		break;
	case GP_ATTR_MESSAGE:
		gp_wire_put_string(out, line->message);
		break;
	case GP_ATTR_HELP:
		gp_wire_put_string(out, line->help);
		break;
	case GP_ATTR_PROFILE:
		put_numbers(out, line->profiles, line->profile_count);
		break;
	case GP_ATTR_SAME_AS:
		gp_wire_put_blob(out, line->same_as, line->same_as_len);
		break;
	case GP_ATTR_NOTE:
		gp_wire_put_string(out, line->note);
		break;
	case GP_ATTRS:
		break;
	}
}

static unsigned line_flags(const struct gp_line *line, uint32_t locked)
{
	return (line->trial ? LINE_TRIAL : 0) |
		(line->from != GP_TIME_FIRST ? LINE_FROM : 0) |
		(line->until != GP_TIME_LAST ? LINE_UNTIL : 0) |
		(locked != 0 ? LINE_LOCKED : 0) |
		(line->file != 0 ? LINE_FILE : 0);
}

/* What nearly all lines consist of, in one piece: seven numbers at most and the
   services. */
#define HEAD_MAX (7 * GP_WIRE_NUMBER_MAX + (GP_SERVICES + 1) / 2)

static size_t write_head(unsigned char *bytes, const struct gp_line *line)
{
	uint32_t locked = line->locked & line->set & GP_LOCKABLE_BITS;
	unsigned char *pos = gp_wire_write_number(bytes, line->set);

	*pos++ = line_flags(line, locked);
	pos = gp_wire_write_number(pos, line->number);
	if (line->file != 0)
		pos = gp_wire_write_number(pos, line->file);
	if (locked != 0)
		pos = gp_wire_write_number(pos, locked);
	if (line->from != GP_TIME_FIRST)
		pos = gp_wire_write_number(pos,
					   gp_wire_from_signed(line->from));
	if (line->until != GP_TIME_LAST)
		pos = gp_wire_write_number(pos,
					   gp_wire_from_signed(line->until));
	return write_services(pos, line) - bytes;
}

void gp_codec_put_line(struct gp_text *out, const struct gp_line *line)
{
	unsigned char *head = (void *)gp_text_room(out, HEAD_MAX);
	uint32_t rest;

	gp_text_grew(out, write_head(head, line));
	for (rest = line->set & ~GP_SERVICE_BITS; rest != 0; rest &= rest - 1)
		put_attribute(out, line, __builtin_ctz(rest));
}

void gp_codec_get_netset(struct gp_wire *wire, struct gp_netset *set_r)
{
	uint64_t count = gp_wire_number(wire);

	if (count > gp_wire_left(wire) / sizeof(struct gp_range)) {
		gp_wire_fail(wire);
		count = 0;
	}
	set_r->count = count;
	set_r->ranges = (const struct gp_range *)
		gp_wire_bytes(wire, count * sizeof(struct gp_range));
	if (!gp_netset_is_sound(set_r)) {
		gp_wire_fail(wire);
		set_r->count = 0;
	}
}

static const uint32_t *get_numbers(struct gp_wire *wire, uint32_t below,
				   struct gp_arena *scratch, size_t *count_r)
{
	/* Each takes a byte at least. */
	uint64_t count = gp_wire_below(wire, gp_wire_left(wire));
	uint32_t *numbers;
	size_t i;

	*count_r = count;
	if (count == 0)
		return NULL;
	numbers = gp_arena_alloc(scratch, count * sizeof(*numbers));
	for (i = 0; i < count; i++) {
		uint64_t number = gp_wire_number(wire);

		if (number >= below)
			gp_wire_fail(wire);
		numbers[i] = number;
	}
	return numbers;
}

static void get_netlist(struct gp_wire *wire, uint32_t below,
			struct gp_arena *scratch, struct gp_netlist *list)
{
	uint64_t flags = gp_wire_below(wire, NETS_FLAGS);

	list->any = (flags & NETS_ANY) != 0;
	if ((flags & NETS_OWN) != 0)
		gp_codec_get_netset(wire, &list->own);
	if ((flags & NETS_NAMED) != 0)
		list->named = get_numbers(wire, below, scratch,
					  &list->named_count);
}

static void get_services(struct gp_wire *wire, struct gp_line *line)
{
	unsigned char byte = 0;
	bool half = false;
	uint32_t rest;
	unsigned i;

	for (rest = line->set & GP_SERVICE_BITS; rest != 0; rest &= rest - 1) {
		i = __builtin_ctz(rest);
		if (!half) {
			const unsigned char *pos = gp_wire_bytes(wire, 1);

			byte = pos == NULL ? 0 : *pos;
		} else {
			byte >>= 4;
		}
		half = !half;
		line->service[i] = byte & 0x0f;
		if (line->service[i] < GP_OFF ||
		    line->service[i] > GP_CLEARTEXT)
			gp_wire_fail(wire);
	}
	if (half && byte > 0x0f)
		gp_wire_fail(wire);
}

/* A text that clients may be sent: nothing in it may end a line or steer a
   terminal. */
static const char *get_printable(struct gp_wire *wire)
{
	size_t len, i;
	const char *str = gp_wire_blob(wire, &len);

	for (i = 0; i < len; i++) {
		if (str[i] < 0x20 || str[i] > 0x7e)
			break;
	}
	if (i == len && len <= GP_MESSAGE_MAX_LEN)
		return str;
	gp_wire_fail(wire);
	return NULL;
}

/* A name's key has one NUL, and gp_name room for it. */
static void get_same_as(struct gp_wire *wire, struct gp_line *line)
{
	const char *nul;

	line->same_as = gp_wire_blob(wire, &line->same_as_len);
	if (line->same_as == NULL)
		return;
	nul = memchr(line->same_as, 0, line->same_as_len);
	if (nul == NULL || line->same_as_len > GP_NAME_MAX + 1 ||
	    memchr(nul + 1, 0,
		   line->same_as + line->same_as_len - nul - 1) != NULL)
		gp_wire_fail(wire);
}

static void get_attribute(struct gp_wire *wire,
			  const struct gp_codec_limits *limits,
			  enum gp_attribute attr, struct gp_arena *scratch,
			  struct gp_line *line)
{
	switch (attr) {
	case GP_ATTR_TLS_MIN:
		line->tls_min = gp_wire_below(wire, GP_TLS_1_3);
		if (line->tls_min < GP_TLS_1_0)
			gp_wire_fail(wire);
		break;
	case GP_ATTR_ALLOW_NETS:
	case GP_ATTR_TRUSTED_NETS:
	case GP_ATTR_CLEARTEXT_NETS:
	case GP_ATTR_UNAUTHENTICATED_NETS:
		get_netlist(wire, limits->nets, scratch,
			    &line->nets[attr - GP_ATTR_ALLOW_NETS]);
		break;
	case GP_ATTR_MESSAGE:
		line->message = get_printable(wire);
		break;
	case GP_ATTR_HELP:
		line->help = get_printable(wire);
		break;
	case GP_ATTR_PROFILE:
		line->profiles = get_numbers(wire, limits->profiles, scratch,
					     &line->profile_count);
		break;
	case GP_ATTR_SAME_AS:
		get_same_as(wire, line);
		break;
	case GP_ATTR_NOTE:
		line->note = gp_wire_string(wire);
		break;
	case GP_ATTRS:
		break;
	}
}

static void get_head(struct gp_wire *wire,
		     const struct gp_codec_limits *limits,
		     struct gp_line *line)
{
	uint64_t flags;

	line->set = gp_wire_below(wire, GP_ATTR_BIT(GP_ATTRS) - 1);
	flags = gp_wire_below(wire, LINE_FLAGS);
	line->trial = (flags & LINE_TRIAL) != 0;
	line->number = gp_wire_below(wire, UINT32_MAX);
	if ((flags & LINE_FILE) != 0)
		line->file = gp_wire_below(wire, UINT32_MAX);
	if (line->file >= limits->files)
		gp_wire_fail(wire);
	if ((flags & LINE_LOCKED) != 0)
		line->locked = gp_wire_below(wire, GP_LOCKABLE_BITS);
	if ((line->locked & ~line->set) != 0)
		gp_wire_fail(wire);
	line->from = (flags & LINE_FROM) == 0 ? GP_TIME_FIRST :
		gp_wire_signed(wire);
	line->until = (flags & LINE_UNTIL) == 0 ? GP_TIME_LAST :
		gp_wire_signed(wire);
}

void gp_codec_get_line(struct gp_wire *wire,
		       const struct gp_codec_limits *limits,
		       struct gp_arena *scratch, struct gp_line *line_r)
{
	uint32_t rest;

	get_head(wire, limits, line_r);
	get_services(wire, line_r);
	for (rest = line_r->set & ~GP_SERVICE_BITS; rest != 0;
	     rest &= rest - 1)
		get_attribute(wire, limits, __builtin_ctz(rest), scratch,
			      line_r);
}
