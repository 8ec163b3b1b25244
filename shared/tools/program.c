/* How the commands speak and end. Everything goes to standard error at once
   and unbuffered, and harmless to a terminal whatever was typed or stands in a
   file; what could not be written to standard output is an error of its own,
   because a list that lacks its end looks like a whole one. */

#include "gatepost-config.h"
#include "shared/tools/program.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "shared/base/memory.h"
#include "shared/rules/utf8.h"

static const char *program = "gatepost";
static bool quiet;
static bool verbose;
/* Whoever has started us wants no signal. */
static bool pipe_is_ignored;

/* So that no file of ours comes to stand there. What was closed stays an error
   to whoever reads or writes it; only messages may get lost. */
static void open_standard_descriptors(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDWR };

	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
		    open("/dev/null", modes[fd]) != fd)
			_exit(EX_OSERR);
	}
}

/* The longest line of a log (base/log.c), all of it escaped. */
#define LOG_LINE_MAX (4 * 2048 + 64)

static void print_line(struct gp_text *line, const char *text, size_t len)
{
	gp_utf8_add_visible(line, text, len);
	gp_text_add_char(line, '\n');
	fflush(stdout);
	fwrite(line->data, 1, line->len, stderr);
}

/* What the modules below have to say, at -v all of it; without memory, for one
   of them says that there is none left. */
static void take_log_line(enum gp_log_level level, const char *line)
{
	char storage[LOG_LINE_MAX];
	struct gp_text text;

	if (level < GP_LOG_WARNING && !verbose)
		return;
	gp_text_init_fixed(&text, storage, sizeof(storage));
	gp_text_addf(&text, "%s: %s", program,
		     level == GP_LOG_WARNING ? "warning: " : "");
	print_line(&text, line, strlen(line));
}

/* liblmdb has each page that it writes from malloc(3) and gives them back at
   the end, where glibc would go to the kernel for every 128 KiB: a tenth of the
   time that a map of a million rules takes. (map/store.c gives them back in
   one go.) */
static void take_heap_in_large_steps(void)
{
	mallopt(M_TOP_PAD, 8 << 20);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

void gp_program_init(const char *name)
{
	take_heap_in_large_steps();
	open_standard_descriptors();
	program = name;
	gp_log_set_sink(take_log_line);
	pipe_is_ignored = signal(SIGPIPE, SIG_IGN) == SIG_IGN;
	umask(022);
}

void gp_program_end_with_pipe(void)
{
	if (!pipe_is_ignored)
		signal(SIGPIPE, SIG_DFL);
}

const char *gp_program_name(void)
{
	return program;
}

static void say(const char *before, const char *format, va_list args)
{
	struct gp_text line;
	char *message;
	int len = vasprintf(&message, format, args);

	if (len < 0)
		gp_out_of_memory(0);
	gp_text_init(&line);
	gp_text_addf(&line, "%s: %s", program, before);
	print_line(&line, message, (size_t)len);
	gp_text_deinit(&line);
	free(message);
}

void gp_program_lines(const char *text)
{
	struct gp_text line;
	const char *end;

	gp_text_init(&line);
	for (; *text != '\0'; text = *end == '\0' ? end : end + 1) {
		end = strchrnul(text, '\n');
		gp_text_clear(&line);
		print_line(&line, text, (size_t)(end - text));
	}
	gp_text_deinit(&line);
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
	gp_program_end_with_pipe();
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

int gp_program_exit_code_of_reading(int error)
{
	return error == EACCES || error == EPERM ? EX_NOINPUT :
		gp_program_exit_code(error);
}
