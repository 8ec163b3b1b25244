#ifndef GP_TOOLS_LOG_INPUT_H
#define GP_TOOLS_LOG_INPUT_H

#include <stdint.h>
#include <sys/types.h>

/* The bytes of a log: a file or standard input, as it is or compressed by
   gzip, xz or zstd, which is seen from its first bytes. */

struct log_input;

/* path "-" is standard input. Returns 0, or an exit code with the message
   written. */
int log_input_open(const char *path, struct log_input **input_r);
void log_input_close(struct log_input **input);

/* Returns how many bytes there are, 0 at the end, or -1 with the message
   written: what comes compressed must be whole. */
ssize_t log_input_read(struct log_input *input, void *data, size_t size);

/* How much was read from the disk so far. */
uint64_t log_input_position(const struct log_input *input);

#endif
