#ifndef GP_SETTINGS_CONF_H
#define GP_SETTINGS_CONF_H

#include <stddef.h>

/* main.cf's syntax: lines in, names and values out. */

struct gp_conf_sink {
	void *context;
	/* line is where the setting begins, counted from 1. Both strings hold
	   during the call; white space around them is gone. */
	void (*setting)(void *context, unsigned int line, const char *name,
			const char *value);
	void (*error)(void *context, unsigned int line, const char *error);
};

void gp_conf_parse(const char *data, size_t len,
		   const struct gp_conf_sink *sink);

#endif
