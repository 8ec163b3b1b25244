/* The printer writes what the parser reads. Values are quoted where they would
   not survive as a word; nothing that needs an escape can be in one. */

#include <string.h>
#include "shared/base/clock.h"
#include "shared/rules/key.h"
#include "shared/rules/print.h"

void gp_print_key(const char *key, size_t key_len, struct gp_text *text)
{
	size_t domain_len = gp_key_domain_len(key, key_len);

	if (gp_key_is_every(key, key_len)) {
		gp_text_add_char(text, '*');
		return;
	}
	if (gp_key_is_mailbox(key, key_len))
		gp_text_add_mem(text, key + domain_len + 1,
				key_len - domain_len - 1);
	if (gp_key_is_mailbox(key, key_len) || domain_len == 0)
		gp_text_add_char(text, '@');
	gp_text_add_mem(text, key, domain_len);
}

/* A name that cannot be read any more is no reason to crash: it is only
   shown. */
static void print_name(const char *name, struct gp_text *text)
{
	gp_text_add(text, name == NULL ? "?" : name);
}

void gp_print_profile(const struct gp_source *source, uint32_t number,
		      struct gp_text *text)
{
	print_name(source->profile_name(source->context, number), text);
}

static void print_list(const struct gp_source *source,
		       const struct gp_netlist *list, bool is_allow,
		       struct gp_text *text)
{
	size_t i;

	if (list->any) {
		gp_text_add(text, "any");
		return;
	}
	gp_netset_print(&list->own, text);
	for (i = 0; i < list->named_count; i++) {
		if (i > 0 || list->own.count > 0)
			gp_text_add_char(text, ',');
		print_name(source->net_name(source->context, list->named[i]),
			   text);
	}
	if (list->own.count == 0 && list->named_count == 0 && !is_allow)
		gp_text_add(text, "none");
}

static void print_profiles(const struct gp_source *source,
			   const struct gp_line *line, struct gp_text *text)
{
	size_t i;

	for (i = 0; i < line->profile_count; i++) {
		if (i > 0)
			gp_text_add_char(text, ',');
		gp_print_profile(source, line->profiles[i], text);
	}
}

void gp_print_value(const struct gp_source *source,
		    const struct gp_line *line, enum gp_attribute attr,
		    struct gp_text *text)
{
	switch (attr) {
	case GP_ATTR_TLS_MIN:
		gp_text_add(text, gp_tls_version_name(line->tls_min));
		break;
	case GP_ATTR_ALLOW_NETS:
	case GP_ATTR_TRUSTED_NETS:
	case GP_ATTR_CLEARTEXT_NETS:
	case GP_ATTR_UNAUTHENTICATED_NETS:
		print_list(source, gp_line_nets(line, attr),
			   attr == GP_ATTR_ALLOW_NETS, text);
		break;
	case GP_ATTR_MESSAGE:
		gp_text_add(text, line->message);
		break;
	case GP_ATTR_HELP:
		gp_text_add(text, line->help);
		break;
	case GP_ATTR_PROFILE:
		print_profiles(source, line, text);
		break;
	case GP_ATTR_SAME_AS:
		gp_print_key(line->same_as, line->same_as_len, text);
		break;
	case GP_ATTR_NOTE:
		gp_text_add(text, line->note);
		break;
	default:
		gp_text_add(text, gp_value_name(line->service[attr]));
		break;
	}
}

/* Begins "name=" behind what was printed since start. */
static void begin(struct gp_text *text, size_t start, const char *name)
{
	if (text->len > start)
		gp_text_add_char(text, ' ');
	gp_text_add(text, name);
}

/* The value that most of these services have, when the line sets all of them
   and at least so many are alike; else 0. */
static int group_value(const struct gp_line *line, uint32_t bits,
		       unsigned least)
{
	unsigned count[GP_CLEARTEXT + 1] = { 0 };
	int service, value;

	if ((line->set & bits) != bits)
		return 0;
	for (service = 0; service < GP_SERVICES; service++) {
		if ((bits & GP_ATTR_BIT(service)) == 0)
			continue;
		value = line->service[service];
		if (++count[value] == least)
			return value;
	}
	return 0;
}

/* The widest group that says most with one word, and what differs from it. */
static void print_services(const struct gp_line *line, struct gp_text *text,
			   size_t start)
{
	static const struct {
		uint32_t bits;
		unsigned least;
		const char *name;
	} groups[] = {
		{ GP_SERVICE_BITS, 5, "all=" },
		{ GP_CLIENT_BITS, 4, "clients=" },
		{ GP_SERVICE_BITS, 3, "all=" },
		{ GP_CLIENT_BITS, 3, "clients=" }
	};
	uint32_t grouped = 0;
	int service, value = 0;
	size_t i;

	for (i = 0; value == 0 && i < sizeof(groups) / sizeof(groups[0]); i++) {
		value = group_value(line, groups[i].bits, groups[i].least);
		if (value == 0)
			continue;
		grouped = groups[i].bits;
		begin(text, start, groups[i].name);
		gp_text_add(text, gp_value_name(value));
	}
	for (service = 0; service < GP_SERVICES; service++) {
		if ((line->set & GP_ATTR_BIT(service)) == 0 ||
		    ((grouped & GP_ATTR_BIT(service)) != 0 &&
		     line->service[service] == value))
			continue;
		begin(text, start, gp_service_name(service));
		gp_text_add_char(text, '=');
		gp_text_add(text, gp_value_name(line->service[service]));
	}
}

static void print_time(const char *name, int64_t seconds, int64_t unset,
		       struct gp_text *text, size_t start)
{
	if (seconds == unset)
		return;
	begin(text, start, name);
	gp_time_print(seconds, text);
}

static void print_lock(const struct gp_line *line, struct gp_text *text,
		       size_t start)
{
	int attr;
	bool first = true;

	if (line->locked == 0)
		return;
	begin(text, start, "lock");
	if (line->locked == (line->set & GP_LOCKABLE_BITS))
		return;
	for (attr = 0; attr < GP_ATTRS; attr++) {
		if ((line->locked & GP_ATTR_BIT(attr)) == 0)
			continue;
		gp_text_add_char(text, first ? '=' : ',');
		gp_text_add(text, gp_attribute_name(attr));
		first = false;
	}
}

static void print_attribute(const struct gp_source *source,
			    const struct gp_line *line, int attr,
			    struct gp_text *text, size_t start)
{
	bool quote = attr == GP_ATTR_MESSAGE || attr == GP_ATTR_NOTE;

	begin(text, start, gp_attribute_name(attr));
	gp_text_add_char(text, '=');
	if (quote)
		gp_text_add_char(text, '"');
	gp_print_value(source, line, attr, text);
	if (quote)
		gp_text_add_char(text, '"');
}

void gp_print_attributes(const struct gp_source *source,
			 const struct gp_line *line, struct gp_text *text)
{
	size_t start = text->len;
	int attr;

	print_services(line, text, start);
	for (attr = GP_SERVICES; attr < GP_ATTRS; attr++) {
		if (attr != GP_ATTR_NOTE &&
		    (line->set & GP_ATTR_BIT(attr)) != 0)
			print_attribute(source, line, attr, text, start);
	}
	if (line->trial)
		begin(text, start, "mode=trial");
	print_time("from=", line->from, GP_TIME_FIRST, text, start);
	print_time("until=", line->until, GP_TIME_LAST, text, start);
	print_lock(line, text, start);
	if ((line->set & GP_ATTR_BIT(GP_ATTR_NOTE)) != 0)
		print_attribute(source, line, GP_ATTR_NOTE, text, start);
	/* A line that sets nothing still names its key. */
	if (text->len == start)
		gp_text_add(text, "all=inherit");
}
