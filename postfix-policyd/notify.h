#ifndef GP_POLICYD_NOTIFY_H
#define GP_POLICYD_NOTIFY_H

/* What a service manager wants to know (sd_notify(3)). All of it does nothing
   where there is none. */

/* Reads the environment and takes it out there. */
void gp_notify_init(void);
/* "READY=1", "STOPPING=1", ... */
void gp_notify(const char *state);
/* The daemon reads its settings again; to be followed by "READY=1". */
void gp_notify_reloading(void);
/* How often "WATCHDOG=1" is to be sent, in milliseconds; 0 for never. */
unsigned gp_notify_watchdog(void);

#endif
