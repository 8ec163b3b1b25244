#ifndef GP_RULES_PRINT_H
#define GP_RULES_PRINT_H

#include "shared/base/text.h"
#include "shared/rules/source.h"

/* Rules as text that parses to the same rules again. */

/* The key as it is written ("*", ".example.com", "alice@"). */
void gp_print_key(const char *key, size_t key_len, struct gp_text *text);
/* The name of a profile, without "profile:". */
void gp_print_profile(const struct gp_source *source, uint32_t number,
		      struct gp_text *text);
/* The attributes of a line, separated by blanks, without the key and without a
   newline: groups where all of their services are alike. source names nets
   and profiles. */
void gp_print_attributes(const struct gp_source *source,
			 const struct gp_line *line, struct gp_text *text);
/* The value of one attribute of the line, without quotes. */
void gp_print_value(const struct gp_source *source,
		    const struct gp_line *line, enum gp_attribute attr,
		    struct gp_text *text);

#endif
