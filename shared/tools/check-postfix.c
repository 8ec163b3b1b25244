/* Reads Postfix's configuration once and goes through the tables for each
   smtpd of master.cf: what counts is what holds for that service, main.cf and
   its own overrides together. */

#include "shared/tools/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

const char *check_smtpd_value(const struct check_postfix *postfix,
			      const char *name, const char *missing)
{
	return gp_postconf_value(&postfix->conf, postfix->service, name,
				 missing);
}

bool check_smtpd_is_yes(const struct check_postfix *postfix, const char *name)
{
	return strcmp(check_smtpd_value(postfix, name, "no"), "yes") == 0;
}

bool check_has_word(const char *const *words, const char *word)
{
	for (; *words != NULL; words++) {
		if (strcmp(*words, word) == 0)
			return true;
	}
	return false;
}

/* What postconf prints with that option ("-n"). */
static const char *run_postconf(struct check *check, const char *option)
{
	const char *folder = check->options->postfix_config;
	const char *argv[5] = { "postconf" };
	size_t argc = 1;

	if (folder != NULL) {
		argv[argc++] = "-c";
		argv[argc++] = folder;
	}
	argv[argc++] = option;
	return check_run(check, "postfix-config", argv);
}

static bool read_configuration(struct check_postfix *postfix)
{
	struct check *check = postfix->check;
	const char *main_cf = run_postconf(check, "-n");
	const char *master_cf, *overrides, *error;

	if (main_cf == NULL)
		return false;
	master_cf = run_postconf(check, "-M");
	if (master_cf == NULL)
		return false;
	overrides = run_postconf(check, "-P");
	if (overrides == NULL)
		return false;
	if (gp_postconf_parse(main_cf, master_cf, overrides, check->arena,
			      &postfix->conf, &error) == 0)
		return true;
	check_add(check, "postfix-config",
		  gp_arena_printf(check->arena, "what postconf prints is not "
				  "understood: %s", error),
		  "Postfix's configuration was not checked",
		  "take a newer Gatepost, or check by the manual");
	return false;
}

/* The port of "submission", "587" or "192.0.2.1:587"; 0 for a name that is
   none of mail's. */
static unsigned port_of(const char *service)
{
	static const struct {
		const char *name;
		unsigned port;
	} known[] = {
		{ "smtp", 25 }, { "submission", 587 }, { "submissions", 465 },
		{ "smtps", 465 },
	};
	const char *colon = strrchr(service, ':');
	const char *name = colon != NULL ? colon + 1 : service;

	for (size_t i = 0; i < CHECK_ROWS(known); i++) {
		if (strcmp(name, known[i].name) == 0)
			return known[i].port;
	}
	return (unsigned)strtoul(name, NULL, 10);
}

static bool has_port(const unsigned short *ports, unsigned port)
{
	for (; *ports != 0; ports++) {
		if (*ports == port)
			return true;
	}
	return false;
}

/* Port 25 is mail from outside, and so is what postscreen hands on. Else who
   takes logins, or says so, is a submission service. */
static enum check_smtpd kind_of(const struct check_postfix *postfix)
{
	const struct gp_settings *settings = postfix->check->settings;
	const struct gp_postconf_service *service = postfix->service;
	const char *context = check_smtpd_value(
		postfix, "smtpd_policy_service_policy_context", "");
	unsigned port = port_of(service->name);

	if (port == 25 || strcmp(service->type, "pass") == 0)
		return CHECK_OUTSIDE;
	if (has_port(settings->submission_ports, port) ||
	    has_port(settings->implicit_tls_ports, port) ||
	    check_has_word(settings->submission_contexts, context) ||
	    check_has_word(settings->implicit_tls_contexts, context) ||
	    strcmp(context, "webmail") == 0 ||
	    check_smtpd_is_yes(postfix, "smtpd_sasl_auth_enable"))
		return CHECK_SUBMISSION;
	return CHECK_OUTSIDE;
}

static void go_through(const struct check_postfix *postfix,
		       const struct check_postfix_row *rows, size_t count)
{
	struct gp_text what;

	gp_text_init(&what);
	for (size_t i = 0; i < count; i++) {
		gp_text_clear(&what);
		gp_text_addf(&what, "master.cf, %s: ",
			     postfix->service->name);
		if ((rows[i].kinds & postfix->kind) != 0 &&
		    rows[i].find(postfix, &what))
			check_add_text(postfix->check, rows[i].id, &what,
				       rows[i].leads_to, rows[i].write);
	}
	gp_text_deinit(&what);
}

static void check_services(struct check_postfix *postfix)
{
	const struct gp_postconf_service *service;

	for (service = postfix->conf.services; service != NULL;
	     service = service->next) {
		if (strcmp(service->command, "smtpd") != 0 ||
		    (strcmp(service->type, "inet") != 0 &&
		     strcmp(service->type, "pass") != 0))
			continue;
		postfix->service = service;
		postfix->kind = kind_of(postfix);
		check_find_policies(postfix);
		go_through(postfix, check_policy_rows, check_policy_row_count);
		go_through(postfix, check_smtpd_rows, check_smtpd_row_count);
	}
}

static bool answers(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;
	bool connected;

	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	connected = connect(fd, (struct sockaddr *)&address,
			    sizeof(address)) == 0;
	close(fd);
	return connected;
}

static bool is_loopback(const char *inet)
{
	return strncmp(inet, "127.", 4) == 0 ||
	       strncmp(inet, "[::1]", 5) == 0 || strncmp(inet, "::1", 3) == 0 ||
	       strncmp(inet, "localhost", 9) == 0;
}

static void check_inet_socket(struct check *check, const char *name)
{
	if (is_loopback(name + strlen("inet:")))
		return;
	check_add(check, "policyd-open",
		  gp_arena_printf(check->arena, "%s: policy_socket is %s, no "
				  "loopback address", check->conf, name),
		  "anybody in the network can ask for everybody's rules: the "
		  "protocol has neither passwords nor encryption",
		  "policy_socket = /var/spool/postfix/gatepost/policy");
}

static void check_unix_socket(const struct check_postfix *postfix,
			      const char *path)
{
	struct check *check = postfix->check;
	const char *owner = gp_postconf_value(&postfix->conf, NULL,
					      "mail_owner", "postfix");

	if (!answers(path))
		check_add(check, "policyd-down",
			  gp_arena_printf(check->arena, "%s: nobody listens "
					  "there", path),
			  "the submission services answer 451 to every mail",
			  "systemctl enable --now gatepost-policyd");
	else if (!check_may_connect(path, owner))
		check_add(check, "policyd-closed",
			  gp_arena_printf(check->arena, "%s: Postfix (user %s) "
					  "may not connect to it", path,
					  owner),
			  "the submission services answer 451 to every mail",
			  gp_arena_printf(check->arena, "chgrp %s FOLDER "
					  "SOCKET; chmod 0750 FOLDER; chmod "
					  "0660 SOCKET\nor leave folder and "
					  "socket to gatepost-policyd, started "
					  "by root", owner));
}

static void check_socket(const struct check_postfix *postfix, const char *name)
{
	if (strncmp(name, "inet:", 5) == 0)
		check_inet_socket(postfix->check, name);
	else
		check_unix_socket(postfix,
				  name + (strncmp(name, "unix:", 5) == 0 ?
					  5 : 0));
}

/* A daemon that Postfix starts itself has no socket of its own. */
static bool is_spawned(const struct gp_postconf *conf)
{
	const struct gp_postconf_service *service;

	for (service = conf->services; service != NULL;
	     service = service->next) {
		if (strcmp(service->command, "spawn") == 0 &&
		    strstr(service->arguments, "gatepost-policyd") != NULL)
			return true;
	}
	return false;
}

void check_postfix(struct check *check)
{
	struct check_postfix postfix = { .check = check };
	const char *sockets = check->settings->policy_socket, *name;

	if (!read_configuration(&postfix))
		return;
	while (!is_spawned(&postfix.conf) &&
	       (name = gp_dove_next_word(&sockets, check->arena)) != NULL)
		check_socket(&postfix, name);
	check_services(&postfix);
}
