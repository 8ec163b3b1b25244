/* Lines as bytes: what goes in comes out, and nothing else is taken. */

#include <stdlib.h>
#include <string.h>
#include "tests/unit/arena-fixture.h"
#include "shared/base/clock.h"
#include "shared/map/codec.h"
#include "shared/map/record.h"

static const struct gp_codec_limits limits = { 3, 3, 3 };

static const struct gp_range ranges[2] = {
	{ { [15] = 1 }, { [15] = 7 } },
	{ { [15] = 9 }, { [14] = 1 } },
};
static const uint32_t numbers[] = { 2, 0, 1 };

static struct gp_line plain(void)
{
	struct gp_line line = {
		.set = GP_ATTR_BIT(GP_IMAP),
		.from = GP_TIME_FIRST,
		.until = GP_TIME_LAST,
		.number = 7
	};

	line.service[GP_IMAP] = GP_OFF;
	return line;
}

/* Every attribute, flag and list at once. */
static struct gp_line full(void)
{
	struct gp_line line = plain();
	unsigned i;

	line.set = GP_ATTR_BIT(GP_ATTRS) - 1;
	line.locked = GP_LOCKABLE_BITS;
	line.trial = true;
	line.from = -5;
	line.until = INT64_MAX - 1;
	for (i = 0; i < GP_SERVICES; i++)
		line.service[i] = i + 1;
	line.tls_min = GP_TLS_1_3;
	for (i = 0; i < GP_NETLISTS; i++) {
		line.nets[i].any = i == 0;
		line.nets[i].own.ranges = ranges;
		line.nets[i].own.count = i % 3;
		line.nets[i].named = numbers;
		line.nets[i].named_count = 3 - i;
	}
	line.message = "no";
	line.help = "https://help.example.com/";
	line.note = "caf\xc3\xa9, ticket 4711";
	line.same_as = "example.com\0alice";
	line.same_as_len = 17;
	line.profiles = numbers;
	line.profile_count = 3;
	line.file = 2;
	line.number = UINT32_MAX;
	return line;
}

static void assert_same_nets(const struct gp_netlist *a,
			     const struct gp_netlist *b)
{
	assert_int_equal(a->any, b->any);
	assert_int_equal(a->own.count, b->own.count);
	if (a->own.count > 0)
		assert_memory_equal(a->own.ranges, b->own.ranges,
				    a->own.count * sizeof(*ranges));
	assert_int_equal(a->named_count, b->named_count);
	if (a->named_count > 0)
		assert_memory_equal(a->named, b->named,
				    a->named_count * sizeof(*a->named));
}

static void assert_same_lines(const struct gp_line *a, const struct gp_line *b)
{
	unsigned i;

	assert_int_equal(a->set, b->set);
	assert_int_equal(a->locked, b->locked);
	assert_int_equal(a->trial, b->trial);
	assert_true(a->from == b->from && a->until == b->until);
	assert_memory_equal(a->service, b->service, sizeof(a->service));
	assert_int_equal(a->tls_min, b->tls_min);
	for (i = 0; i < GP_NETLISTS; i++)
		assert_same_nets(&a->nets[i], &b->nets[i]);
	assert_int_equal(a->file, b->file);
	assert_int_equal(a->number, b->number);
	assert_int_equal(a->same_as_len, b->same_as_len);
	if ((a->set & GP_ATTR_BIT(GP_ATTR_MESSAGE)) == 0)
		return;
	assert_string_equal(a->message, b->message);
	assert_string_equal(a->help, b->help);
	assert_string_equal(a->note, b->note);
	assert_memory_equal(a->same_as, b->same_as, a->same_as_len);
	assert_int_equal(a->profile_count, b->profile_count);
	assert_memory_equal(a->profiles, b->profiles, sizeof(numbers));
}

/* Decodes exactly these bytes; true when they are one line. */
static bool decode(const void *data, size_t len, struct gp_line *line_r)
{
	struct gp_wire wire;

	memset(line_r, 0, sizeof(*line_r));
	gp_wire_init(&wire, data, len);
	gp_codec_get_line(&wire, &limits, arena, line_r);
	return !wire.bad && gp_wire_left(&wire) == 0;
}

static void assert_round_trip(const struct gp_line *line)
{
	struct gp_line found;
	struct gp_text text;

	gp_text_init(&text);
	gp_codec_put_line(&text, line);
	assert_true(decode(text.data, text.len, &found));
	assert_same_lines(line, &found);
	gp_text_deinit(&text);
}

static void test_lines_return(void **state)
{
	struct gp_line line = plain();
	unsigned service, value;

	(void)state;
	assert_round_trip(&line);
	for (service = 0; service < GP_SERVICES; service++) {
		for (value = GP_OFF; value <= GP_CLEARTEXT; value++) {
			line = plain();
			line.set = GP_ATTR_BIT(service);
			line.service[GP_IMAP] = 0;
			line.service[service] = value;
			assert_round_trip(&line);
		}
	}
	line = plain();
	line.set = 0;
	line.service[GP_IMAP] = 0;
	assert_round_trip(&line);
	line = full();
	assert_round_trip(&line);
}

static void test_a_typical_line_is_small(void **state)
{
	struct gp_line line = plain();
	struct gp_text text;

	(void)state;
	line.number = 1000000;
	gp_text_init(&text);
	gp_codec_put_line(&text, &line);
	assert_in_range(text.len, 1, 6);
	gp_text_deinit(&text);
}

/* What cannot be locked, or is not set, is not stored as locked. */
static void test_locks_are_cut_to_what_is_set(void **state)
{
	struct gp_line line = plain(), found;
	struct gp_text text;

	(void)state;
	line.locked = UINT32_MAX;
	gp_text_init(&text);
	gp_codec_put_line(&text, &line);
	assert_true(decode(text.data, text.len, &found));
	assert_int_equal(found.locked, line.set);
	gp_text_deinit(&text);
}

static void test_no_part_is_a_line(void **state)
{
	struct gp_line line = full(), found;
	unsigned char *exact;
	struct gp_text text;
	size_t len;

	(void)state;
	gp_text_init(&text);
	gp_codec_put_line(&text, &line);
	for (len = 0; len < text.len; len++) {
		/* On the heap, where sanitizers see one byte too many. */
		exact = malloc(len + 1);
		memcpy(exact, text.data, len);
		assert_false(decode(exact, len, &found));
		free(exact);
	}
	gp_text_add_char(&text, 'x');
	assert_false(decode(text.data, text.len, &found));
	gp_text_deinit(&text);
}

/* Whatever a flipped bit makes of a line: no crash, and nothing outside the
   model. */
static void test_flipped_bits(void **state)
{
	struct gp_line line = full(), found;
	struct gp_text text;
	size_t bit;

	(void)state;
	gp_text_init(&text);
	gp_codec_put_line(&text, &line);
	for (bit = 0; bit < text.len * 8; bit++) {
		unsigned i;

		text.data[bit / 8] ^= 1 << bit % 8;
		if (decode(text.data, text.len, &found)) {
			assert_true(found.set < GP_ATTR_BIT(GP_ATTRS));
			assert_int_equal(found.locked & ~found.set, 0);
			assert_true(found.file < limits.files);
			for (i = 0; i < found.profile_count; i++)
				assert_true(found.profiles[i] <
					    limits.profiles);
		}
		text.data[bit / 8] ^= 1 << bit % 8;
		gp_arena_reset(arena);
	}
	gp_text_deinit(&text);
}

static const struct {
	const char *what;
	const char *bytes;
	size_t len;
} wrong[] = {
	{ "an attribute that does not exist", "\x80\x80\x02\x00\x07", 5 },
	{ "a flag that does not exist", "\x01\x20\x07\x01", 4 },
	{ "a service's value 0", "\x01\x00\x07\x00", 4 },
	{ "a service's value 6", "\x01\x00\x07\x06", 4 },
	{ "half a byte too many", "\x01\x00\x07\x11", 4 },
	{ "tls_min 0", "\x20\x00\x07\x00", 4 },
	{ "tls_min unknown", "\x20\x00\x07\x05", 4 },
	{ "a lock of what is not set", "\x01\x08\x07\x02\x01", 5 },
	{ "a file that does not exist", "\x01\x10\x07\x03\x01", 5 },
	{ "a net that does not exist", "\x40\x00\x07\x04\x01\x03", 6 },
	{ "a net list's flag", "\x40\x00\x07\x08", 4 },
	{ "more nets than bytes", "\x40\x00\x07\x04\x7f\x01", 6 },
	{ "more ranges than bytes", "\x40\x00\x07\x02\x01", 5 },
	{ "ranges that overflow a size",
	  "\x40\x00\x07\x02\x80\x80\x80\x80\x80\x80\x80\x80\x08", 13 },
	{ "a range upside down",
	  "\x40\x00\x07\x02\x01" "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 37 },
	{ "a profile that does not exist", "\x80\x20\x00\x07\x01\x03", 6 },
	{ "a message with a control character",
	  "\x80\x08\x00\x07\x02" "a\n\0", 8 },
	{ "a message with a NUL", "\x80\x08\x00\x07\x02" "a\0\0", 8 },
	{ "a message that is not ASCII", "\x80\x08\x00\x07\x01\xe9\0", 7 },
	{ "a message without its NUL", "\x80\x08\x00\x07\x01" "ab", 7 },
	{ "a note with a NUL", "\x80\x80\x01\x00\x07\x02" "a\0\0", 9 },
	{ "same_as without a NUL in it", "\x80\x40\x00\x07\x01" "a\0", 7 },
	{ "same_as with two NULs in it", "\x80\x40\x00\x07\x02\0\0\0", 8 },
	{ "a number of eleven bytes",
	  "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x00\x07", 13 },
	{ "a number of 65 bits",
	  "\x01\x02\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x01", 14 },
};

static void test_wrong_lines(void **state)
{
	struct gp_line line;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (decode(wrong[i].bytes, wrong[i].len, &line))
			fail_msg("%s was taken", wrong[i].what);
	}
}

static void test_long_texts(void **state)
{
	struct gp_line line = plain(), found;
	char message[GP_MESSAGE_MAX_LEN + 2];
	struct gp_text text;

	(void)state;
	memset(message, 'x', sizeof(message));
	message[GP_MESSAGE_MAX_LEN] = '\0';
	line.set = GP_ATTR_BIT(GP_ATTR_MESSAGE);
	line.message = message;
	gp_text_init(&text);
	gp_codec_put_line(&text, &line);
	assert_true(decode(text.data, text.len, &found));
	message[GP_MESSAGE_MAX_LEN] = 'x';
	message[GP_MESSAGE_MAX_LEN + 1] = '\0';
	gp_text_clear(&text);
	gp_codec_put_line(&text, &line);
	assert_false(decode(text.data, text.len, &found));
	gp_text_deinit(&text);
}

static void test_numbers(void **state)
{
	static const int64_t table[] = { 0, 1, -1, 63, -64, 64, 127, 128,
					 INT64_MAX, INT64_MIN };
	struct gp_text text;
	struct gp_wire wire;
	size_t i;

	(void)state;
	gp_text_init(&text);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		gp_text_clear(&text);
		gp_wire_put_signed(&text, table[i]);
		gp_wire_put_number(&text, (uint64_t)table[i]);
		gp_wire_init(&wire, text.data, text.len);
		assert_true(gp_wire_signed(&wire) == table[i]);
		assert_true(gp_wire_number(&wire) == (uint64_t)table[i]);
		assert_false(wire.bad);
		assert_int_equal(gp_wire_left(&wire), 0);
	}
	gp_text_deinit(&text);
}

/* A record's check covers its key and each of its bytes. */
static void test_records_are_checked(void **state)
{
	struct gp_text value;
	struct gp_wire wire;
	size_t i;

	(void)state;
	gp_text_init(&value);
	gp_record_begin(&value);
	gp_wire_put_string(&value, "some bytes");
	gp_record_end(&value, "key", 3);
	assert_true(gp_record_open("key", 3, value.data, value.len, &wire));
	assert_string_equal(gp_wire_string(&wire), "some bytes");
	assert_false(gp_record_open("kez", 3, value.data, value.len, &wire));
	assert_false(gp_record_open("ke", 2, value.data, value.len, &wire));
	for (i = 0; i < value.len; i++) {
		assert_false(gp_record_open("key", 3, value.data, i, &wire));
		value.data[i] ^= 0x10;
		assert_false(gp_record_open("key", 3, value.data, value.len,
					    &wire));
		value.data[i] ^= 0x10;
	}
	gp_text_deinit(&value);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_lines_return),
		cmocka_unit_test(test_a_typical_line_is_small),
		cmocka_unit_test(test_locks_are_cut_to_what_is_set),
		cmocka_unit_test(test_no_part_is_a_line),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_wrong_lines),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_records_are_checked),
	};

	return cmocka_run_group_tests_name("codec", tests, arena_setup,
					   arena_teardown);
}
