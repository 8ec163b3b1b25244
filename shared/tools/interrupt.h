#ifndef GP_TOOLS_INTERRUPT_H
#define GP_TOOLS_INTERRUPT_H

/* From here on SIGINT, SIGTERM and SIGHUP end the program with a message that
   says which map stands, and leave no half-written file behind. */
void gp_interrupt_init(void);

/* The writers' lock file, which goes with the program while it is held; NULL
   when it is held no longer. */
void gp_interrupt_set_lock(const char *path);

/* What else is said then, such as where a text lies that was not used. */
void gp_interrupt_say(const char *text);

#endif
