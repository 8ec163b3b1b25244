#ifndef GP_TOOLS_INTERRUPT_H
#define GP_TOOLS_INTERRUPT_H

/* From here on SIGINT, SIGTERM and SIGHUP end the program with a message that
   says which map stands, and leave no half-written file behind. */
void gp_interrupt_init(void);

#endif
