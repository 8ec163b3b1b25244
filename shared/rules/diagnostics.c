/* Diagnostics are kept until the end, because an administrator wants to mend a
   file in one go, and because what is only seen at the end (a net that was
   never defined) belongs to a line in the middle. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "shared/base/arena.h"
#include "shared/base/memory.h"
#include "shared/rules/diagnostics.h"

/* Warnings stop earlier, so that they never crowd errors out. */
#define SHOWN_MAX 10000
#define WARNINGS_MAX 1000

struct diagnostic {
	uint32_t file;
	uint32_t line;
	uint32_t column;
	bool is_error;
	size_t sequence;
	const char *text;
};

struct gp_diagnostics {
	struct gp_arena *arena;
	struct diagnostic *list;
	size_t count;
	size_t size;
	size_t errors;
	size_t warnings;
	const char **files;
	uint32_t file_count;
};

struct gp_diagnostics *gp_diagnostics_new(void)
{
	struct gp_arena *arena = gp_arena_new();
	struct gp_diagnostics *diagnostics;

	diagnostics = gp_arena_alloc(arena, sizeof(*diagnostics));
	diagnostics->arena = arena;
	return diagnostics;
}

void gp_diagnostics_free(struct gp_diagnostics **diagnostics)
{
	struct gp_arena *arena;

	if (*diagnostics == NULL)
		return;
	arena = (*diagnostics)->arena;
	free((*diagnostics)->list);
	free((*diagnostics)->files);
	*diagnostics = NULL;
	gp_arena_free(&arena);
}

void gp_diagnostics_name_file(struct gp_diagnostics *diagnostics,
			      uint32_t file, const char *name)
{
	if (file >= diagnostics->file_count) {
		diagnostics->files = gp_realloc(diagnostics->files, file + 1,
						sizeof(const char *));
		while (diagnostics->file_count <= file)
			diagnostics->files[diagnostics->file_count++] = NULL;
	}
	diagnostics->files[file] = gp_arena_strdup(diagnostics->arena, name);
}

static void add(struct gp_diagnostics *diagnostics, bool is_error,
		uint32_t file, uint32_t line, uint32_t column,
		const char *format, va_list args)
{
	struct diagnostic *new;
	char text[1024];

	if (is_error)
		diagnostics->errors++;
	else
		diagnostics->warnings++;
	if (diagnostics->count >= SHOWN_MAX ||
	    (!is_error && diagnostics->warnings > WARNINGS_MAX))
		return;
	vsnprintf(text, sizeof(text), format, args);
	if (diagnostics->count == diagnostics->size) {
		diagnostics->size = gp_grow(diagnostics->size,
					    diagnostics->count + 1);
		diagnostics->list = gp_realloc(diagnostics->list,
					       diagnostics->size,
					       sizeof(*diagnostics->list));
	}
	new = &diagnostics->list[diagnostics->count];
	new->file = file;
	new->line = line;
	new->column = column;
	new->is_error = is_error;
	new->sequence = diagnostics->count++;
	new->text = gp_arena_strdup(diagnostics->arena, text);
}

void gp_diagnostics_error(struct gp_diagnostics *diagnostics, uint32_t file,
			  uint32_t line, uint32_t column,
			  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diagnostics, true, file, line, column, format, args);
	va_end(args);
}

void gp_diagnostics_warning(struct gp_diagnostics *diagnostics, uint32_t file,
			    uint32_t line, uint32_t column,
			    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diagnostics, false, file, line, column, format, args);
	va_end(args);
}

size_t gp_diagnostics_errors(const struct gp_diagnostics *diagnostics)
{
	return diagnostics->errors;
}

static int compare(const void *va, const void *vb)
{
	const struct diagnostic *a = va, *b = vb;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return a->sequence < b->sequence ? -1 : 1;
}

static void print_place(const struct gp_diagnostics *diagnostics,
			const struct diagnostic *d, struct gp_text *text)
{
	const char *name = NULL;

	if (d->file < diagnostics->file_count)
		name = diagnostics->files[d->file];
	gp_text_add(text, name == NULL ? "rules" : name);
	if (d->line > 0)
		gp_text_addf(text, ":%u", d->line);
	if (d->line > 0 && d->column > 0)
		gp_text_addf(text, ":%u", d->column);
}

void gp_diagnostics_print(struct gp_diagnostics *diagnostics,
			  bool with_warnings, struct gp_text *text)
{
	const struct diagnostic *d;
	size_t i, total;

	if (diagnostics->count > 0)
		qsort(diagnostics->list, diagnostics->count,
		      sizeof(*diagnostics->list), compare);
	for (i = 0; i < diagnostics->count; i++) {
		d = &diagnostics->list[i];
		if (!d->is_error && !with_warnings)
			continue;
		print_place(diagnostics, d, text);
		gp_text_addf(text, ": %s: %s\n",
			     d->is_error ? "error" : "warning", d->text);
	}
	total = diagnostics->errors + diagnostics->warnings;
	if (total > diagnostics->count)
		gp_text_addf(text, "and %zu more\n",
			     total - diagnostics->count);
}
