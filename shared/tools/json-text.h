#ifndef GP_TOOLS_JSON_TEXT_H
#define GP_TOOLS_JSON_TEXT_H

#include <jansson.h>

/* A JSON string; null for NULL. Bytes that are no UTF-8 are escaped as in
   logs. */
json_t *gp_json_text(const char *text);

#endif
