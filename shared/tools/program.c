/* How the commands speak and end. Everything goes to standard error at once
   and unbuffered; what could not be written to standard output is an error of
   its own, because a list that lacks its end looks like a whole one. */

#include "gatepost-config.h"
#include "shared/tools/program.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/log.h"

static const char *program = "gatepost";
static bool quiet;
static bool verbose;

static void open_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
		    open("/dev/null", O_RDWR) != fd)
			_exit(EX_OSERR);
	}
}

/* What the modules below have to say, at -v all of it. */
static void take_log_line(enum gp_log_level level, const char *line)
{
	if (level >= GP_LOG_WARNING || verbose)
		fprintf(stderr, "%s: %s%s\n", program,
			level == GP_LOG_WARNING ? "warning: " : "", line);
}

void gp_program_init(const char *name)
{
	open_standard_descriptors();
	program = name;
	gp_log_set_sink(take_log_line);
	signal(SIGPIPE, SIG_IGN);
	umask(022);
}

const char *gp_program_name(void)
{
	return program;
}

static void say(const char *before, const char *format, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "%s: %s", program, before);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void gp_program_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("", format, args);
	va_end(args);
}

void gp_program_warning(const char *format, ...)
{
	va_list args;

	if (quiet)
		return;
	va_start(args, format);
	say("warning: ", format, args);
	va_end(args);
}

void gp_program_quiet(void)
{
	quiet = true;
}

void gp_program_be_verbose(void)
{
	verbose = true;
}

void gp_program_tell(const char *format, ...)
{
	va_list args;

	if (!verbose)
		return;
	va_start(args, format);
	say("", format, args);
	va_end(args);
}

int gp_program_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("", format, args);
	va_end(args);
	fprintf(stderr, "Try \"%s --help\".\n", program);
	return EX_USAGE;
}

int gp_program_bad_option(char *const argv[], int result)
{
	/* A long option has no letter, or one that is not its own. */
	const char *word = argv[optind - 1];
	bool is_long = strncmp(word, "--", 2) == 0;

	if (result == ':' && is_long)
		return gp_program_usage("option %s needs a value", word);
	if (result == ':')
		return gp_program_usage("option -%c needs a value", optopt);
	if (is_long || optopt == 0)
		return gp_program_usage("there is no option %s", word);
	return gp_program_usage("there is no option -%c", optopt);
}

int gp_program_help(const char *text)
{
	fputs(text, stdout);
	return gp_program_finish(EX_OK);
}

int gp_program_version(void)
{
	printf("%s (Gatepost) %s\n", program, PACKAGE_VERSION);
	return gp_program_finish(EX_OK);
}

int gp_program_finish(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	gp_program_error("standard output: %s", errno != 0 ? strerror(errno) :
			 "not everything could be written");
	return EX_IOERR;
}

int gp_program_exit_code(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return EX_NOPERM;
	case EROFS:
		return EX_CANTCREAT;
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
		return EX_NOINPUT;
	case EAGAIN:
	case EINTR:
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return EX_TEMPFAIL;
	case EINVAL:
		return EX_CONFIG;
	default:
		return EX_IOERR;
	}
}
