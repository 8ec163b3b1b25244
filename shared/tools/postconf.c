/* postconf has joined continued lines and prints one parameter or service on
   each. Conditional expressions, ${name?value}, are left as they are: what
   they come to depends on Postfix's version. */

#include "shared/tools/postconf.h"

#include <string.h>

#include "shared/base/text.h"

static const char spaces[] = " \t\r\n";
static const char separators[] = " \t\r\n,";

/* Deeper references are circular. */
#define EXPAND_DEPTH_MAX 16
#define EXPAND_LEN_MAX ((size_t)64 << 10)

struct expansion {
	const struct gp_postconf *conf;
	const struct gp_postconf_service *service;
	struct gp_text text;
};

static const char *trimmed(struct gp_arena *arena, const char *str, size_t len)
{
	while (len > 0 && strchr(spaces, str[len - 1]) != NULL)
		len--;
	while (len > 0 && strchr(spaces, *str) != NULL) {
		str++;
		len--;
	}
	return gp_arena_strndup(arena, str, len);
}

/* Takes the next line that is not empty, or returns NULL. */
static const char *next_line(const char **data, struct gp_arena *arena)
{
	const char *line = *data + strspn(*data, "\r\n");
	size_t len = strcspn(line, "\r\n");

	*data = line + len;
	return len > 0 ? gp_arena_strndup(arena, line, len) : NULL;
}

static struct gp_postconf_parameter *
read_parameter(const char *line, struct gp_arena *arena)
{
	const char *equals = strchr(line, '=');
	struct gp_postconf_parameter *parameter;

	if (equals == NULL)
		return NULL;
	parameter = gp_arena_alloc(arena, sizeof(*parameter));
	parameter->name = trimmed(arena, line, (size_t)(equals - line));
	parameter->value = trimmed(arena, equals + 1, strlen(equals + 1));
	return parameter;
}

static int read_main(const char *data, struct gp_postconf *conf,
		     const char **error_r)
{
	const char *line;

	while ((line = next_line(&data, conf->arena)) != NULL) {
		struct gp_postconf_parameter *parameter =
			read_parameter(line, conf->arena);

		if (parameter == NULL) {
			*error_r = "a line of it is no parameter";
			return -1;
		}
		parameter->next = conf->parameters;
		conf->parameters = parameter;
	}
	return 0;
}

/* Service, type, private, unprivileged, chroot, wakeup, limit, command. */
#define MASTER_FIELDS 8

static struct gp_postconf_service *read_service(const char *line,
						struct gp_arena *arena)
{
	struct gp_postconf_service *service;
	const char *field[MASTER_FIELDS];

	for (int i = 0; i < MASTER_FIELDS; i++) {
		size_t len = strcspn(line += strspn(line, spaces), spaces);

		if (len == 0)
			return NULL;
		field[i] = gp_arena_strndup(arena, line, len);
		line += len;
	}
	service = gp_arena_alloc(arena, sizeof(*service));
	service->name = field[0];
	service->type = field[1];
	service->chroot = field[4];
	service->command = field[7];
	service->arguments = trimmed(arena, line, strlen(line));
	return service;
}

static int read_master(const char *data, struct gp_postconf *conf,
		       const char **error_r)
{
	struct gp_postconf_service **next = &conf->services;
	const char *line;

	while ((line = next_line(&data, conf->arena)) != NULL) {
		*next = read_service(line, conf->arena);
		if (*next == NULL) {
			*error_r = "a line of it is no service";
			return -1;
		}
		next = &(*next)->next;
	}
	return 0;
}

const struct gp_postconf_service *
gp_postconf_service(const struct gp_postconf *conf, const char *type,
		    const char *name)
{
	const struct gp_postconf_service *service = conf->services;

	while (service != NULL && (strcmp(service->type, type) != 0 ||
				   strcmp(service->name, name) != 0))
		service = service->next;
	return service;
}

/* "submission/inet/smtpd_sasl_auth_enable": only the first part may have
   slashes of its own. */
static int add_override(const struct gp_postconf *conf,
			struct gp_postconf_parameter *parameter)
{
	char *path = gp_arena_strdup(conf->arena, parameter->name);
	char *name = strrchr(path, '/');
	char *type;
	struct gp_postconf_service *service;

	if (name == NULL)
		return -1;
	*name++ = '\0';
	type = strrchr(path, '/');
	if (type == NULL)
		return -1;
	*type++ = '\0';
	service = (struct gp_postconf_service *)
		gp_postconf_service(conf, type, path);
	if (service == NULL)
		return -1;
	parameter->name = name;
	parameter->next = service->overrides;
	service->overrides = parameter;
	return 0;
}

static int read_overrides(const char *data, struct gp_postconf *conf,
			  const char **error_r)
{
	const char *line;

	while ((line = next_line(&data, conf->arena)) != NULL) {
		struct gp_postconf_parameter *parameter =
			read_parameter(line, conf->arena);

		if (parameter == NULL || add_override(conf, parameter) < 0) {
			*error_r = "a line of it is no parameter of a service";
			return -1;
		}
	}
	return 0;
}

int gp_postconf_parse(const char *main_cf, const char *master_cf,
		      const char *overrides, struct gp_arena *arena,
		      struct gp_postconf *conf_r, const char **error_r)
{
	*conf_r = (struct gp_postconf) { .arena = arena };
	if (read_main(main_cf, conf_r, error_r) < 0 ||
	    read_master(master_cf, conf_r, error_r) < 0)
		return -1;
	return read_overrides(overrides, conf_r, error_r);
}

static const char *find(const struct gp_postconf_parameter *parameter,
			const char *name, size_t len)
{
	for (; parameter != NULL; parameter = parameter->next) {
		if (strlen(parameter->name) == len &&
		    memcmp(parameter->name, name, len) == 0)
			return parameter->value;
	}
	return NULL;
}

static const char *raw_value(const struct expansion *expansion,
			     const char *name, size_t len)
{
	const char *value = NULL;

	if (expansion->service != NULL)
		value = find(expansion->service->overrides, name, len);
	return value != NULL ? value :
	       find(expansion->conf->parameters, name, len);
}

static size_t name_len(const char *str)
{
	return strspn(str, "abcdefghijklmnopqrstuvwxyz"
		      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

/* Looks at a "$" and says which name it refers to. Returns how many bytes the
   reference has, or 0 when it is none or a conditional one. */
static size_t reference(const char *str, const char **name_r, size_t *len_r)
{
	char closing = str[1] == '{' ? '}' : str[1] == '(' ? ')' : '\0';

	*name_r = str + (closing != '\0' ? 2 : 1);
	*len_r = name_len(*name_r);
	if (*len_r == 0 || (closing != '\0' && (*name_r)[*len_r] != closing))
		return 0;
	return (size_t)(*name_r - str) + *len_r + (closing != '\0');
}

static void expand(struct expansion *expansion, const char *value, int depth)
{
	const char *name, *referred;
	size_t len, skip;

	while (*value != '\0' && expansion->text.len < EXPAND_LEN_MAX) {
		len = strcspn(value, "$");
		gp_text_add_mem(&expansion->text, value, len);
		value += len;
		if (*value == '\0')
			break;
		skip = reference(value, &name, &len);
		if (skip == 0 || depth == EXPAND_DEPTH_MAX) {
			gp_text_add_char(&expansion->text, *value++);
			continue;
		}
		referred = raw_value(expansion, name, len);
		if (referred != NULL)
			expand(expansion, referred, depth + 1);
		else
			gp_text_add_mem(&expansion->text, value, skip);
		value += skip;
	}
}

const char *gp_postconf_value(const struct gp_postconf *conf,
			      const struct gp_postconf_service *service,
			      const char *name, const char *missing)
{
	struct expansion expansion = { .conf = conf, .service = service };
	const char *value = raw_value(&expansion, name, strlen(name));

	if (value == NULL)
		return missing;
	gp_text_init(&expansion.text);
	expand(&expansion, value, 0);
	value = gp_arena_strdup(conf->arena, expansion.text.data);
	gp_text_deinit(&expansion.text);
	return value;
}

bool gp_postconf_overrides(const struct gp_postconf_service *service,
			   const char *name)
{
	return find(service->overrides, name, strlen(name)) != NULL;
}

/* Where the element ends: separators inside of braces are its own. */
static size_t element_len(const char *str)
{
	size_t depth = 0, i = 0;

	for (; str[i] != '\0'; i++) {
		if (depth == 0 && strchr(separators, str[i]) != NULL)
			break;
		if (str[i] == '{')
			depth++;
		else if (str[i] == '}' && depth > 0)
			depth--;
	}
	return i;
}

const char *gp_postconf_next(const char **list, struct gp_arena *arena)
{
	const char *element = *list + strspn(*list, separators);
	size_t len = element_len(element);

	*list = element + len;
	return len > 0 ? gp_arena_strndup(arena, element, len) : NULL;
}

const char *gp_postconf_unbrace(const char *element, struct gp_arena *arena)
{
	size_t len = strlen(element);

	if (len < 2 || element[0] != '{' || element[len - 1] != '}')
		return element;
	return trimmed(arena, element + 1, len - 2);
}

const char *gp_postconf_named(const char *element, const char *name,
			      struct gp_arena *arena)
{
	const struct gp_postconf_parameter *parameter =
		read_parameter(gp_postconf_unbrace(element, arena), arena);

	if (parameter == NULL || strcmp(parameter->name, name) != 0)
		return NULL;
	return parameter->value;
}
