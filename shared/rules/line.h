#ifndef GP_RULES_LINE_H
#define GP_RULES_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "shared/base/clock.h"
#include "shared/net/netset.h"

/* The model of a rule: one line of the rules file, groups resolved into their
   services. What stands here has no order among lines; that is the source's
   (source.h) and the resolution's (resolve.h) business. */

enum gp_service {
	GP_IMAP,
	GP_POP3,
	GP_SUBMISSION,
	GP_SIEVE,
	GP_WEBMAIL,
	GP_SERVICES
};

/* What a line says of a service, strictest first. The numbers stand in
   compiled maps. */
enum gp_value {
	GP_OFF = 1,
	GP_TRUSTED = 2,
	GP_IMPLICIT = 3,
	GP_TLS = 4,
	GP_CLEARTEXT = 5
};

enum gp_tls_version {
	GP_TLS_NONE = 0,
	GP_TLS_1_0 = 1,
	GP_TLS_1_1 = 2,
	GP_TLS_1_2 = 3,
	GP_TLS_1_3 = 4,
	/* Never in a rule. */
	GP_TLS_UNKNOWN = 5
};

/* The attributes; the first GP_SERVICES are the services. The numbers stand
   in compiled maps. */
enum gp_attribute {
	GP_ATTR_TLS_MIN = GP_SERVICES,
	GP_ATTR_ALLOW_NETS,
	GP_ATTR_TRUSTED_NETS,
	GP_ATTR_CLEARTEXT_NETS,
	GP_ATTR_UNAUTHENTICATED_NETS,
	GP_ATTR_MESSAGE,
	GP_ATTR_HELP,
	/* Those below cannot be locked and are not inherited as values. */
	GP_ATTR_PROFILE,
	GP_ATTR_SAME_AS,
	GP_ATTR_NOTE,
	GP_ATTRS
};

#define GP_ATTR_BIT(attr) (UINT32_C(1) << (attr))
#define GP_SERVICE_BITS ((UINT32_C(1) << GP_SERVICES) - 1)
/* What the group "clients" stands for. */
#define GP_CLIENT_BITS (GP_SERVICE_BITS & ~GP_ATTR_BIT(GP_WEBMAIL))
#define GP_LOCKABLE_BITS ((UINT32_C(1) << GP_ATTR_PROFILE) - 1)

/* A list of networks as an attribute names it. */
struct gp_netlist {
	/* allow_nets=any */
	bool any;
	/* The networks written on the line itself. */
	struct gp_netset own;
	/* Named sets, by number. */
	const uint32_t *named;
	size_t named_count;
};

#define GP_NETLISTS 4

/* A message is at most this long; so is the URL of help. */
#define GP_MESSAGE_MAX_LEN 200

struct gp_line {
	/* Which attributes stand on the line, and which of them are locked
	   (GP_ATTR_BIT). */
	uint32_t set;
	uint32_t locked;

	bool trial;
	/* Counts from (inclusive) until (exclusive); GP_TIME_FIRST and
	   GP_TIME_LAST where the line does not say. */
	int64_t from;
	int64_t until;

	/* Valid where the attribute's bit is set. */
	uint8_t service[GP_SERVICES];
	uint8_t tls_min;
	struct gp_netlist nets[GP_NETLISTS];
	const char *message;
	const char *help;
	const char *note;
	/* The target's key (struct gp_name). */
	const char *same_as;
	size_t same_as_len;
	/* Profiles, by number, in order. */
	const uint32_t *profiles;
	size_t profile_count;

	/* Where it was written: the number of the file (struct gp_source) and
	   the line there, counted from 1. */
	uint32_t file;
	uint32_t number;
};

/* All lines of one key, in the order in which they count: a later one beats
   an earlier one. */
struct gp_lines {
	const struct gp_line *line;
	size_t count;
};

static inline const struct gp_netlist *
gp_line_nets(const struct gp_line *line, enum gp_attribute attr)
{
	return &line->nets[attr - GP_ATTR_ALLOW_NETS];
}

/* Names as they are written in rules. NULL for numbers that name nothing. */
const char *gp_service_name(unsigned service);
const char *gp_value_name(unsigned value);
const char *gp_attribute_name(unsigned attr);
/* "1.2"; "none" and "unknown" for those. */
const char *gp_tls_version_name(unsigned version);

/* The numbers for the names, or -1. */
int gp_service_from_name(const char *name, size_t len);
int gp_value_from_name(const char *name, size_t len);
int gp_attribute_from_name(const char *name, size_t len);
/* 1.0 to 1.3 only. */
int gp_tls_version_from_name(const char *name, size_t len);

/* True when the line counts at that time. */
static inline bool gp_line_is_active(const struct gp_line *line, int64_t now)
{
	return line->from <= now && now < line->until;
}

/* True when the line counts at all times and in both decisions. */
static inline bool gp_line_is_lasting(const struct gp_line *line)
{
	return !line->trial && line->from == GP_TIME_FIRST &&
	       line->until == GP_TIME_LAST;
}

#endif
