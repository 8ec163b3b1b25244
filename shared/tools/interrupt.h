#ifndef GP_TOOLS_INTERRUPT_H
#define GP_TOOLS_INTERRUPT_H

/* From here on SIGINT, SIGTERM and SIGHUP end the program with a message that
   says which map stands, and leave nothing behind. */
void gp_interrupt_init(void);

/* What else is said then, such as where a text lies that was not used. */
void gp_interrupt_say(const char *text);

#endif
