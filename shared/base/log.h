#ifndef GP_BASE_LOG_H
#define GP_BASE_LOG_H

/* Where messages for the administrator go. Each program sets one sink at its
   start: Dovecot's log, syslog or standard error. Until then messages go to
   standard error. A line has no newline at its end. Whatever a client sent is
   escaped by the caller with gp_text_add_escaped(). */

enum gp_log_level {
	GP_LOG_DEBUG,
	GP_LOG_INFO,
	GP_LOG_WARNING,
	GP_LOG_ERROR
};

typedef void gp_log_sink(enum gp_log_level level, const char *line);

/* NULL restores standard error. */
void gp_log_set_sink(gp_log_sink *sink);
void gp_log(enum gp_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A message for each line of the text that is not empty. */
void gp_log_lines(enum gp_log_level level, const char *text);

#endif
