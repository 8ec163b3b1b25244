#ifndef GP_PLUGIN_SETTINGS_MODULE_H
#define GP_PLUGIN_SETTINGS_MODULE_H

#include "lib.h"

/* Gatepost's settings in dovecot.conf, from 2.4 on. */

struct gatepost_settings {
	pool_t pool;
	/* Path of gatepost.conf. */
	const char *gatepost_config;
};

extern const struct setting_parser_info gatepost_setting_parser_info;

#endif
