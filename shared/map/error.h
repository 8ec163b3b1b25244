#ifndef GP_MAP_ERROR_H
#define GP_MAP_ERROR_H

/* The reasons that shared/map/ gives: formatted into one buffer of the thread,
   which holds until its next one. Returns -1 for the caller to return; errno
   is kept. */
int gp_map_error(const char **error_r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
