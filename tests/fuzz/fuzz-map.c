/* What stands in a map, behind its checks: bytes that pass for records must
   decode to something within the model, which encodes to bytes that decode to
   the same, and which the decision and the printer can bear. The first byte
   says what the others are. */

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "shared/map/image.h"
#include "shared/map/record.h"
#include "shared/map/summary.h"
#include "shared/rules/decide.h"
#include "shared/rules/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) \
	do { if (!(condition)) abort(); } while (0)

#define NUMBERED 3

static const struct gp_codec_limits limits = { NUMBERED, NUMBERED, NUMBERED };
static const char mailbox[] = "example.com\0alice";

static void check_line(const struct gp_line *line)
{
	unsigned i;

	REQUIRE(line->set < GP_ATTR_BIT(GP_ATTRS));
	REQUIRE((line->locked & ~(line->set & GP_LOCKABLE_BITS)) == 0);
	REQUIRE(line->file < NUMBERED);
	for (i = 0; i < GP_SERVICES; i++)
		REQUIRE((line->set & GP_ATTR_BIT(i)) == 0 ||
			gp_value_name(line->service[i]) != NULL);
	for (i = 0; i < GP_NETLISTS; i++)
		REQUIRE(gp_netset_is_sound(&line->nets[i].own));
	REQUIRE(line->message == NULL ||
		strlen(line->message) <= GP_MESSAGE_MAX_LEN);
}

/* Encoded, decoded and encoded: the same bytes. */
static void check_round_trip(const struct gp_line *line,
			     struct gp_arena *arena)
{
	struct gp_text first, second;
	struct gp_line again = { .set = 0 };
	struct gp_wire wire;

	gp_text_init(&first);
	gp_text_init(&second);
	gp_codec_put_line(&first, line);
	gp_wire_init(&wire, first.data, first.len);
	gp_codec_get_line(&wire, &limits, arena, &again);
	REQUIRE(!wire.bad && gp_wire_left(&wire) == 0);
	gp_codec_put_line(&second, &again);
	REQUIRE(first.len == second.len &&
		memcmp(first.data, second.data, first.len) == 0);
	gp_text_deinit(&first);
	gp_text_deinit(&second);
}

static void decide(const struct gp_source *source, struct gp_arena *arena)
{
	static const struct gp_policy policy = {
		.local_is_encrypted = true,
		.unknown_tls_version = GP_TLS_1_2
	};
	struct gp_request request = {
		.login = "alice@example.com",
		.login_len = 17,
		.authenticated = true
	};
	struct gp_verdict verdict;
	unsigned service;

	REQUIRE(gp_address_parse("192.0.2.1", &request.client) == 0);
	request.connection = request.client;
	for (service = GP_IMAP; service < GP_WEBMAIL; service++) {
		request.service = service;
		request.tls = service;
		gp_decide(source, &policy, &request, 1700000000, arena,
			  &verdict);
		REQUIRE(gp_verdict_name(verdict.kind) != NULL);
		REQUIRE(gp_cause_name(verdict.finding.cause) != NULL);
	}
}

static void add_names(const struct gp_parse_sink *sink)
{
	static const char *const names[NUMBERED] = { "one", "two", "three" };
	static const struct gp_netset empty;
	uint32_t i;

	for (i = 0; i < NUMBERED; i++) {
		sink->net_name(sink->context, i, names[i]);
		sink->net(sink->context, i, &empty);
		sink->profile_name(sink->context, i, names[i]);
	}
}

/* The lines as those of a mailbox, of a profile and of everybody. */
static void use_lines(const struct gp_lines *lines, struct gp_arena *arena)
{
	struct gp_image *image = gp_image_new();
	const struct gp_parse_sink *sink = gp_image_sink(image);
	const struct gp_source *source;
	struct gp_text text;
	size_t i;

	add_names(sink);
	gp_text_init(&text);
	for (i = 0; i < lines->count; i++) {
		const struct gp_line *line = &lines->line[i];

		sink->line(sink->context, mailbox, sizeof(mailbox) - 1, line);
		sink->line(sink->context, GP_KEY_EVERY, GP_KEY_EVERY_LEN,
			   line);
		sink->profile_line(sink->context, i % NUMBERED, line);
	}
	source = gp_image_source(image);
	for (i = 0; i < lines->count; i++)
		gp_print_attributes(source, &lines->line[i], &text);
	decide(source, arena);
	gp_text_deinit(&text);
	gp_image_free(&image);
}

static void fuzz_lines(struct gp_wire *wire, struct gp_arena *arena)
{
	struct gp_lines lines;
	size_t i;

	if (!gp_record_get_lines(wire, &limits, arena, &lines))
		return;
	for (i = 0; i < lines.count; i++) {
		check_line(&lines.line[i]);
		check_round_trip(&lines.line[i], arena);
	}
	use_lines(&lines, arena);
}

static void fuzz_meta(struct gp_wire *wire)
{
	struct gp_record_meta meta, again;
	struct gp_text text;

	if (!gp_record_get_meta(wire, &meta))
		return;
	gp_text_init(&text);
	gp_record_put_meta(&text, &meta);
	gp_wire_init(wire, text.data, text.len);
	REQUIRE(gp_record_get_meta(wire, &again));
	REQUIRE(meta.meta.keys == again.meta.keys);
	REQUIRE(strcmp(meta.recipient_delimiter,
		       again.recipient_delimiter) == 0);
	gp_text_deinit(&text);
}

static void fuzz_netset(struct gp_wire *wire)
{
	struct gp_netset set;
	struct gp_text text;

	gp_codec_get_netset(wire, &set);
	REQUIRE(gp_netset_is_sound(&set));
	gp_text_init(&text);
	gp_netset_print(&set, &text);
	gp_text_deinit(&text);
}

static void fuzz_summary(const uint8_t *data, size_t size)
{
	unsigned char bytes[GP_SUMMARY_MAX];
	struct gp_summary summary;

	if (gp_summary_decode(data, size, &summary) < 0)
		return;
	REQUIRE(gp_netset_is_sound(&summary.networks));
	REQUIRE(gp_summary_encode(&summary, bytes) <= sizeof(bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *arena;
	struct gp_wire wire;

	if (size == 0)
		return 0;
	arena = gp_arena_new();
	gp_wire_init(&wire, data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		fuzz_lines(&wire, arena);
		break;
	case 1:
		fuzz_meta(&wire);
		break;
	case 2:
		fuzz_netset(&wire);
		break;
	case 3:
		fuzz_summary(data + 1, size - 1);
		break;
	}
	gp_arena_free(&arena);
	return 0;
}
