#ifndef GP_TOOLS_PROGRAM_H
#define GP_TOOLS_PROGRAM_H

#include <sysexits.h>

/* What the commands have in common: how they speak, and how they end. Exit
   codes are sysexits.h's; 1 is "key not found" or "refused". */

#define GP_EXIT_NOT_FOUND 1

/* Opens standard descriptors that are closed (so that no map gets their
   numbers), takes the name for messages, and lets failing writes fail instead
   of killing the program. */
void gp_program_init(const char *name);
const char *gp_program_name(void);
/* For what only prints: it ends without a word when nobody reads on ("| head"),
   unless whoever has started it ignores SIGPIPE. */
void gp_program_end_with_pipe(void);

/* "NAME: TEXT" on standard error. Here and below, what could harm a terminal is
   shown as \xHH. */
void gp_program_error(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* "NAME: warning: TEXT"; nothing after gp_program_quiet(). */
void gp_program_warning(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
void gp_program_quiet(void);
/* Lines that are messages already, such as "FILE:LINE: error: TEXT". */
void gp_program_lines(const char *text);
/* With that many -v, what is done is said as well. */
void gp_program_be_verbose(void);
void gp_program_tell(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Says what is wrong with the command line and where help stands. Returns
   EX_USAGE. */
int gp_program_usage(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* What getopt_long(3) returned '?' or ':' for. */
int gp_program_bad_option(char *const argv[], int result);
/* For --help and --version. Returns an exit code. */
int gp_program_help(const char *text);
int gp_program_version(void);

/* Writes out standard output. Returns status, or EX_IOERR with a message when
   something could not be written. */
int gp_program_finish(int status);

/* The exit code for what a system call said: EX_NOINPUT for reading a file
   that is not there, EX_NOPERM, EX_TEMPFAIL, EX_IOERR. */
int gp_program_exit_code(int error);

/* For a file that is only read: one that may not be is no input either. */
int gp_program_exit_code_of_reading(int error);

#endif
