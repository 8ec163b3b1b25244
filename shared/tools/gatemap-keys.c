/* Keys from standard input, for -q and -d. A line that breaks off at a NUL is
   no key: what stands behind it would be left out without a word. */

#include "shared/tools/gatemap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/tools/program.h"

static int check_line(const char *line, size_t len, unsigned long number)
{
	if (strlen(line) == len)
		return 0;
	gp_program_error("standard input, line %lu: a NUL byte", number);
	return EX_DATAERR;
}

int gatemap_each_key(int (*each)(void *context, const char *key),
		     void *context)
{
	unsigned long number = 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int failure = 0;

	while ((len = getline(&line, &size, stdin)) >= 0) {
		int status;

		if (len > 0 && line[len - 1] == '\n')
			line[--len] = '\0';
		status = check_line(line, (size_t)len, ++number);
		if (status == 0)
			status = each(context, line);
		if (status != 0)
			failure = status;
	}
	if (ferror(stdin)) {
		gp_program_error("standard input: %s", strerror(errno));
		failure = EX_IOERR;
	}
	free(line);
	return failure;
}
