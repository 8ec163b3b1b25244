/* The handler does nothing but system calls that are allowed in one. It ends
   the process by the same signal, so that a shell or a service manager sees
   what happened. */

#include "shared/tools/interrupt.h"

#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/map/writer.h"
#include "shared/tools/program.h"

static char old_stands[80];
static char new_stands[80];

static char more[PATH_MAX + 80];

void gp_interrupt_say(const char *text)
{
	snprintf(more, sizeof(more), "%s", text);
}

static void handle(int number)
{
	const char *text = gp_map_abandon() ? new_stands : old_stands;

	if (write(STDERR_FILENO, text, strlen(text)) < 0 ||
	    write(STDERR_FILENO, more, strlen(more)) < 0) {
		/* Nobody listens; the signal itself still tells. */
	}
	/* SA_RESETHAND: this ends the program when the handler returns. */
	raise(number);
}

void gp_interrupt_init(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = {
		.sa_handler = handle,
		.sa_flags = SA_RESETHAND,
	};
	struct sigaction before;

	snprintf(old_stands, sizeof(old_stands), "%.16s: interrupted; the map "
		 "is as it was\n", gp_program_name());
	snprintf(new_stands, sizeof(new_stands), "%.16s: interrupted; the new "
		 "map is in force\n", gp_program_name());
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		/* nohup(1) stays in force. */
		if (sigaction(numbers[i], NULL, &before) == 0 &&
		    before.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}
