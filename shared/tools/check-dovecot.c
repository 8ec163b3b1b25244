/* Reads Dovecot's configuration once and goes through the tables. */

#include "shared/tools/check.h"

#include <string.h>

static bool not_understood(const struct check_dovecot *dovecot,
			   const char *error)
{
	struct check *check = dovecot->check;

	check_add(check, "dovecot-config",
		  gp_arena_printf(check->arena, "what doveconf prints is not "
				  "understood: %s", error),
		  "Dovecot's configuration was not checked",
		  "take a newer Gatepost, or check by the manual");
	return false;
}

/* Modules lie in one folder, by kind; those of login processes in "login".
   What Dovecot was built with says where. */
static bool find_folders(struct check_dovecot *dovecot)
{
	static const char *const argv[] = {
		"doveconf", "-d", "login_plugin_dir", "libexec_dir", NULL
	};
	struct check *check = dovecot->check;
	const char *output = check_run(check, "dovecot-config", argv);
	const char *login, *slash, *error;
	struct gp_doveconf built;

	if (output == NULL)
		return false;
	if (gp_doveconf_parse(output, strlen(output), check->arena, &built,
			      &error) < 0)
		return not_understood(dovecot, error);
	dovecot->libexec_dir = gp_dove_value_or(&built.root, "libexec_dir",
						"");
	login = gp_dove_value_or(&built.root, "login_plugin_dir", "");
	slash = strrchr(login, '/');
	dovecot->module_dir = check->options->module_dir;
	if (dovecot->module_dir == NULL)
		dovecot->module_dir = slash == NULL ? login :
			gp_arena_strndup(check->arena, login,
					 (size_t)(slash - login));
	return true;
}

static bool read_configuration(struct check_dovecot *dovecot)
{
	struct check *check = dovecot->check;
	const char *file = check->options->dovecot_config;
	const char *argv[5] = { "doveconf" };
	const char *output, *error;
	size_t argc = 1;

	if (file != NULL) {
		argv[argc++] = "-c";
		argv[argc++] = file;
	}
	argv[argc++] = "-n";
	output = check_run(check, "dovecot-config", argv);
	if (output == NULL)
		return false;
	if (gp_doveconf_parse(output, strlen(output), check->arena,
			      &dovecot->conf, &error) < 0)
		return not_understood(dovecot, error);
	return true;
}

static void go_through(const struct check_dovecot *dovecot,
		       const struct check_dovecot_row *rows, size_t count)
{
	struct gp_text what, write;

	gp_text_init(&what);
	gp_text_init(&write);
	for (size_t i = 0; i < count; i++) {
		const struct check_dovecot_row *row = &rows[i];
		const char *line = row->write;

		gp_text_clear(&write);
		gp_text_clear(&what);
		if (!row->find(dovecot, &what, &write))
			continue;
		if (write.len > 0)
			line = write.data;
		else if (dovecot->conf.is_2_4 && row->write_2_4 != NULL)
			line = row->write_2_4;
		check_add_text(dovecot->check, row->id, &what, row->leads_to,
			       line);
	}
	gp_text_deinit(&what);
	gp_text_deinit(&write);
}

void check_dovecot(struct check *check)
{
	struct check_dovecot dovecot = { .check = check };

	if (!read_configuration(&dovecot) || !find_folders(&dovecot))
		return;
	go_through(&dovecot, check_passdb_rows, check_passdb_row_count);
	go_through(&dovecot, check_renames_rows, check_renames_row_count);
	go_through(&dovecot, check_login_rows, check_login_row_count);
	go_through(&dovecot, check_module_rows, check_module_row_count);
}
