/* All that is wrong is shown at once, so that nobody repairs a file line by
   line: lines that cannot be read are left out, and the others are still
   checked as a whole. Warnings wait until there is no error, since a rule that
   was left out changes what they say. */

#include "shared/tools/compile.h"

#include <string.h>

#include "shared/rules/check.h"
#include "shared/tools/program.h"

/* Prints those lines that are about the file. */
static void print_of_file(const char *text, const char *file)
{
	size_t len = strlen(file);
	struct gp_text found;

	gp_text_init(&found);
	while (*text != '\0') {
		const char *end = strchr(text, '\n') + 1;

		if (strncmp(text, file, len) == 0 && text[len] == ':')
			gp_text_add_mem(&found, text, (size_t)(end - text));
		text = end;
	}
	gp_program_lines(found.data);
	gp_text_deinit(&found);
}

static void print_diagnostics(struct gp_diagnostics *diagnostics,
			      const struct gp_compile_options *options)
{
	bool errors = gp_diagnostics_errors(diagnostics) > 0;
	struct gp_text text;

	gp_text_init(&text);
	gp_diagnostics_print(diagnostics, !errors && !options->quiet, &text);
	if (errors || options->warn_of == NULL)
		gp_program_lines(text.data);
	else
		print_of_file(text.data, options->warn_of);
	gp_text_deinit(&text);
}

int gp_compile_check(struct gp_image *image,
		     struct gp_diagnostics *diagnostics,
		     const struct gp_compile_options *options)
{
	const char *error;
	int result;

	gp_progress_phase(options->progress, "sorting and checking");
	gp_image_finish(image);
	result = gp_check_rules(gp_image_source(image),
				&options->settings->policy, diagnostics,
				&error);
	gp_progress_end(options->progress);
	if (result < 0) {
		gp_program_error("%s", error);
		return EX_SOFTWARE;
	}
	print_diagnostics(diagnostics, options);
	return gp_diagnostics_errors(diagnostics) == 0 ? 0 : EX_DATAERR;
}

static int read_and_check(struct gp_input *input,
			  const struct gp_compile_options *options,
			  struct gp_image *image, uint8_t sha256_r[32])
{
	struct gp_diagnostics *diagnostics = gp_diagnostics_new();
	struct gp_input_reader reader = {
		.parser = gp_parser_new(gp_image_sink(image), diagnostics),
		.image = image,
		.diagnostics = diagnostics,
		.progress = options->progress,
	};
	const struct stat *st = gp_input_stat(input);
	int status;

	if (S_ISREG(st->st_mode))
		gp_progress_set_total(options->progress,
				      (uint64_t)st->st_size);
	status = gp_input_read(input, &reader, sha256_r);
	if (status == 0) {
		gp_parser_finish(reader.parser);
		status = gp_compile_check(image, diagnostics, options);
	}
	gp_progress_end(options->progress);
	gp_parser_free(&reader.parser);
	gp_diagnostics_free(&diagnostics);
	return status;
}

int gp_compile(struct gp_input *input,
	       const struct gp_compile_options *options,
	       struct gp_image **image_r, uint8_t sha256_r[32])
{
	struct gp_image *image = gp_image_new();
	int status;

	gp_image_set_names(image, options->settings->default_domain,
			   options->settings->recipient_delimiter);
	status = read_and_check(input, options, image, sha256_r);
	if (status != 0)
		gp_image_free(&image);
	else
		*image_r = image;
	return status;
}
