/* A source numbers its nets and profiles; there are few, and only a command
   asks by name, so that looking through them will do. The last one counts: a
   name that was deleted and defined again has a new number. */

#include "shared/tools/names.h"

#include <string.h>

static int64_t find_number(void *context,
			   const char *(*name_of)(void *, uint32_t),
			   uint32_t count, const char *name)
{
	for (uint32_t i = count; i-- > 0; ) {
		const char *other = name_of(context, i);

		if (other != NULL && strcmp(other, name) == 0)
			return i;
	}
	return -1;
}

int64_t gp_names_net(const struct gp_source *source, const char *name)
{
	return find_number(source->context, source->net_name,
			   source->net_count, name);
}

int64_t gp_names_profile(const struct gp_source *source, const char *name)
{
	return find_number(source->context, source->profile_name,
			   source->profile_count, name);
}
