#ifndef GP_TOOLS_QUERY_H
#define GP_TOOLS_QUERY_H

#include <stddef.h>
#include "shared/base/arena.h"

/* The SQL query of a passdb or userdb, as far as it says which mailbox is
   entered. Pure. */

/* The column (or expression) from which the query gives the user a name that
   need not be the one that was typed: one that it calls by one of the names (up
   to a NULL, such as "user", "username", "domain") and does not compare with
   the login. NULL where there is none, or where the query says it in no way
   that is understood here ("SELECT *", a procedure). */
const char *gp_query_renames(const char *query, const char *const *names,
			     struct gp_arena *arena);

/* The value of a setting in a file such as dovecot-sql.conf.ext, continued
   lines joined; NULL when it is not there. */
const char *gp_query_setting(const char *file, const char *name,
			     struct gp_arena *arena);

#endif
