/* What is compressed is unpacked piece by piece. A compressed file that ends
   too early is an error: a list of who would be locked out must not look whole
   when it is not. */

#include "shared/tools/log-input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/memory.h"
#include "shared/tools/log-unpack.h"
#include "shared/tools/program.h"

#define IN_SIZE (256 * 1024)

struct log_input {
	const char *name;
	int fd;
	uint64_t position;
	const struct log_format *format;
	struct log_unpack unpack;
	bool file_ended;
	unsigned char *in;
	/* Read to see the format, and not handed out yet. */
	size_t in_begin;
	size_t in_end;
};

/* Fills in. Returns -1 with the message written. */
static int fill(struct log_input *input)
{
	ssize_t n;

	do {
		n = read(input->fd, input->in + input->in_end,
			 IN_SIZE - input->in_end);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		gp_program_error("%s: %s", input->name, strerror(errno));
		return -1;
	}
	input->file_ended = n == 0;
	input->in_end += (size_t)n;
	input->position += (uint64_t)n;
	return 0;
}

static int see_format(struct log_input *input)
{
	const char *library;

	/* A pipe may hand over less at a time. */
	while (input->in_end < LOG_MAGIC_MAX && !input->file_ended) {
		if (fill(input) < 0)
			return EX_IOERR;
	}
	input->format = log_format_find(input->in, input->in_end);
	if (input->format == NULL)
		return 0;
	library = input->format->library;
	if (input->format->begin == NULL) {
		gp_program_error("%s is compressed with %s, which this "
				 "gatepost %s%s: unpack it, and pass it on "
				 "standard input with \"-\"", input->name,
				 input->format->name, library != NULL ?
				 "was built without; it needs " :
				 "does not read", library != NULL ?
				 library : "");
		return EX_UNAVAILABLE;
	}
	if (input->format->begin(&input->unpack) < 0) {
		gp_program_error("%s: %s does not work here", input->name,
				 input->format->library);
		return EX_SOFTWARE;
	}
	return 0;
}

int log_input_open(const char *path, struct log_input **input_r)
{
	bool is_stdin = strcmp(path, "-") == 0;
	struct log_input *input = gp_alloc(sizeof(*input));
	int status;

	input->name = is_stdin ? "standard input" : path;
	input->in = gp_alloc(IN_SIZE);
	input->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (input->fd < 0) {
		status = gp_program_exit_code_of_reading(errno);
		gp_program_error("%s: %s", path, strerror(errno));
	} else {
		status = see_format(input);
	}
	*input_r = input;
	if (status != 0)
		log_input_close(input_r);
	return status;
}

void log_input_close(struct log_input **input_p)
{
	struct log_input *input = *input_p;

	if (input == NULL)
		return;
	if (input->unpack.state != NULL)
		input->format->end(&input->unpack);
	if (input->fd > STDIN_FILENO)
		close(input->fd);
	free(input->in);
	free(input);
	*input_p = NULL;
}

uint64_t log_input_position(const struct log_input *input)
{
	return input->position;
}

static ssize_t read_plain(struct log_input *input, void *data, size_t size)
{
	size_t left = input->in_end - input->in_begin;
	ssize_t n;

	if (left > 0) {
		if (left > size)
			left = size;
		memcpy(data, input->in + input->in_begin, left);
		input->in_begin += left;
		return (ssize_t)left;
	}
	do {
		n = read(input->fd, data, size);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		gp_program_error("%s: %s", input->name, strerror(errno));
	else
		input->position += (uint64_t)n;
	return n;
}

static ssize_t damaged(const struct log_input *input)
{
	gp_program_error("%s: %s; nothing is reported, for it would not be "
			 "the whole", input->name, input->file_ended ?
			 "the compressed file ends too early" :
			 "the compressed data is damaged");
	return -1;
}

/* Unpacks until there is something, or all is done. */
static ssize_t read_packed(struct log_input *input, void *data, size_t size)
{
	struct log_unpack *unpack = &input->unpack;

	unpack->out = data;
	unpack->out_len = size;
	while (unpack->out_len == size) {
		if (input->in_begin == input->in_end && !input->file_ended) {
			input->in_begin = input->in_end = 0;
			if (fill(input) < 0)
				return -1;
		}
		unpack->in = input->in + input->in_begin;
		unpack->in_len = input->in_end - input->in_begin;
		if (input->file_ended && unpack->at_end && unpack->in_len == 0)
			return 0;
		if (input->format->run(unpack, input->file_ended) < 0)
			return damaged(input);
		/* No progress and no more input. */
		if (unpack->out_len == size && input->file_ended &&
		    !unpack->at_end &&
		    unpack->in == input->in + input->in_begin)
			return damaged(input);
		input->in_begin = (size_t)(unpack->in - input->in);
	}
	return (ssize_t)(size - unpack->out_len);
}

ssize_t log_input_read(struct log_input *input, void *data, size_t size)
{
	if (input->format == NULL)
		return read_plain(input, data, size);
	return read_packed(input, data, size);
}
