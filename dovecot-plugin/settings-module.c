/* Dovecot 2.4 wants to know every setting beforehand: its config process loads
   this as a module of its own (libgatepost_settings.so), and the auth module
   holds a copy. Without it "passdb gatepost { }" is an unknown setting and
   Dovecot does not start. */

#include "config.h"
#include "lib.h"
#include "settings-parser.h"

#include "shared/settings/settings.h"
#include "dovecot-plugin/settings-module.h"

extern const char *gatepost_settings_version;
extern const struct setting_parser_info *gatepost_settings_set_infos[];

const char *gatepost_settings_version = DOVECOT_ABI_VERSION;

static const struct setting_define gatepost_setting_defines[] = {
	/* Makes "passdb gatepost { }" a section that may be written. */
	{ .type = SET_FILTER_NAME, .key = "passdb_gatepost" },
	SETTING_DEFINE_STRUCT_STR("gatepost_config", gatepost_config,
				  struct gatepost_settings),
	SETTING_DEFINE_LIST_END
};

static const struct gatepost_settings gatepost_default_settings = {
	.gatepost_config = GP_SETTINGS_PATH
};

const struct setting_parser_info gatepost_setting_parser_info = {
	.name = "gatepost",
	.defines = gatepost_setting_defines,
	.defaults = &gatepost_default_settings,
	.struct_size = sizeof(struct gatepost_settings),
	.pool_offset1 = 1 + offsetof(struct gatepost_settings, pool)
};

const struct setting_parser_info *gatepost_settings_set_infos[] = {
	&gatepost_setting_parser_info,
	NULL
};
