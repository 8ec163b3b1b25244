#ifndef GP_TOOLS_POSTCONF_H
#define GP_TOOLS_POSTCONF_H

#include <stdbool.h>
#include <stddef.h>
#include "shared/base/arena.h"

/* What "postconf -n", "postconf -M" and "postconf -P" print. Pure. */

struct gp_postconf_parameter {
	const char *name;
	const char *value;
	struct gp_postconf_parameter *next;
};

/* A line of master.cf. */
struct gp_postconf_service {
	const char *name;
	const char *type;
	/* "y", "n" or "-". */
	const char *chroot;
	const char *command;
	/* What stands behind the command, as printed. */
	const char *arguments;
	/* -o NAME=VALUE. */
	struct gp_postconf_parameter *overrides;
	struct gp_postconf_service *next;
};

struct gp_postconf {
	struct gp_arena *arena;
	struct gp_postconf_parameter *parameters;
	struct gp_postconf_service *services;
};

/* Takes the three outputs. Everything lies in arena. Returns 0, or -1 with the
   reason, a constant. */
int gp_postconf_parse(const char *main_cf, const char *master_cf,
		      const char *overrides, struct gp_arena *arena,
		      struct gp_postconf *conf_r, const char **error_r);

/* The value for that service (NULL: in main.cf), $names expanded; missing
   where it is set nowhere. */
const char *gp_postconf_value(const struct gp_postconf *conf,
			      const struct gp_postconf_service *service,
			      const char *name, const char *missing);
/* Whether master.cf sets it for that service. */
bool gp_postconf_overrides(const struct gp_postconf_service *service,
			   const char *name);
/* The service of that type and name, or NULL. */
const struct gp_postconf_service *
gp_postconf_service(const struct gp_postconf *conf, const char *type,
		    const char *name);

/* Takes the next element of a list: words separated by commas or white space;
   what stands in braces is one element, braces included. NULL at the end. */
const char *gp_postconf_next(const char **list, struct gp_arena *arena);
/* Without the braces around it, and the white space inside them. */
const char *gp_postconf_unbrace(const char *element, struct gp_arena *arena);
/* "NAME = VALUE", with or without braces around it: returns the value when it
   is that name, else NULL. */
const char *gp_postconf_named(const char *element, const char *name,
			      struct gp_arena *arena);

#endif
