#ifndef GP_SETTINGS_VALUES_H
#define GP_SETTINGS_VALUES_H

#include "shared/settings/settings.h"

/* Each reads one kind of value into the settings' field. Returns 0, or -1 with
   the reason, a constant or in the settings' arena. */
typedef int gp_setting_read(struct gp_settings *settings, void *field,
			    const char *value, const char **error_r);

/* An absolute path. */
gp_setting_read gp_setting_path;
/* An absolute path or nothing. */
gp_setting_read gp_setting_optional_path;
/* Any text. */
gp_setting_read gp_setting_text;
/* A domain or nothing; normalised. */
gp_setting_read gp_setting_domain;
/* A user who exists, or nothing: map_owner and its uid. */
gp_setting_read gp_setting_user;
/* A set of networks. */
gp_setting_read gp_setting_networks;
/* "yes" or "no". */
gp_setting_read gp_setting_yes_no;
/* "1.0" to "1.3", or "none". */
gp_setting_read gp_setting_tls_version;
/* NAME=SERVICE, ... */
gp_setting_read gp_setting_services;
gp_setting_read gp_setting_on_missing_map;
gp_setting_read gp_setting_disclose;
/* Words, and port numbers. */
gp_setting_read gp_setting_words;
gp_setting_read gp_setting_ports;
/* An absolute path, unix:PATH or inet:HOST:PORT, one or more. */
gp_setting_read gp_setting_sockets;
/* A number from 1. */
gp_setting_read gp_setting_clients;
gp_setting_read gp_setting_workers;
gp_setting_read gp_setting_seconds;

/* The service that bears the name in Dovecot or Postfix, or -1. */
int gp_setting_service(const char *name);

#endif
