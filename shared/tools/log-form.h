#ifndef GP_TOOLS_LOG_FORM_H
#define GP_TOOLS_LOG_FORM_H

#include "shared/tools/log-line.h"

/* Logs in a form that is not read. Pure: no file, no clock. */

/* For a line that could not be read: in what form it seems to be, and what to
   do about it. NULL for rubbish. */
const char *log_form_hint(const struct log_piece *line);

#endif
