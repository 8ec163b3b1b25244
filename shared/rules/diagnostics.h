#ifndef GP_RULES_DIAGNOSTICS_H
#define GP_RULES_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "shared/base/text.h"

/* Errors and warnings of rules files: collected, so that all of them can be
   shown at once, in the order of file, line and column. */

struct gp_diagnostics;

struct gp_diagnostics *gp_diagnostics_new(void);
void gp_diagnostics_free(struct gp_diagnostics **diagnostics);

/* The names of files, by number; the name is copied. */
void gp_diagnostics_name_file(struct gp_diagnostics *diagnostics,
			      uint32_t file, const char *name);
/* Line and column are counted from 1; 0 leaves them out. The text says what is
   wrong and what to write instead, without a newline. */
void gp_diagnostics_error(struct gp_diagnostics *diagnostics, uint32_t file,
			  uint32_t line, uint32_t column,
			  const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void gp_diagnostics_warning(struct gp_diagnostics *diagnostics, uint32_t file,
			    uint32_t line, uint32_t column,
			    const char *format, ...)
	__attribute__((format(printf, 5, 6)));

size_t gp_diagnostics_errors(const struct gp_diagnostics *diagnostics);

/* Adds "FILE:LINE:COLUMN: error: TEXT\n" (or "warning") for each, sorted;
   after ten thousand, how many more there are. */
void gp_diagnostics_print(struct gp_diagnostics *diagnostics,
			  bool with_warnings, struct gp_text *text);

#endif
