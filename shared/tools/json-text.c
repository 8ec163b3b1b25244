/* jansson refuses bytes that are no UTF-8; a name that a client has chosen may
   have any. */

#include "shared/tools/json-text.h"

#include <string.h>

#include "shared/base/text.h"

json_t *gp_json_text(const char *text)
{
	struct gp_text escaped;
	json_t *value;

	if (text == NULL)
		return json_null();
	value = json_string(text);
	if (value != NULL)
		return value;
	gp_text_init(&escaped);
	gp_text_add_escaped(&escaped, text, strlen(text), strlen(text));
	value = json_string(escaped.data);
	gp_text_deinit(&escaped);
	return value;
}
