/* The files are opened relative to the folder's descriptor, so that what was
   looked at (its owner) and what is read are one folder. A file is digested
   while it is read: digest and rules cannot be of two states. */

#include "shared/tools/input.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/arena.h"
#include "shared/tools/ahead.h"
#include "shared/tools/program.h"

#define PIECE (256 * 1024)

struct replacement {
	const char *data;
	size_t len;
};

struct gp_input {
	struct gp_arena *arena;
	const char *path;
	int fd;
	struct stat st;
	/* The files of a folder. */
	const char **names;
	size_t count;
	size_t size;
	/* What is read instead of the files, one for each; NULL: nothing. */
	struct replacement *replaced;
};

static int failed(const char *path, int error)
{
	gp_program_error("%s: %s", path, strerror(error));
	return gp_program_exit_code_of_reading(error);
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name);
	size_t end_len = strlen(end);

	return len > end_len && strcmp(name + len - end_len, end) == 0;
}

static bool is_left_over(const char *name)
{
	static const char *const ends[] = {
		"~", ".bak", ".orig", ".rej", ".swp"
	};
	static const char *const parts[] = { ".dpkg-", ".rpm", ".ucf-" };

	if (name[0] == '.')
		return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (ends_with(name, ends[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strstr(name, parts[i]) != NULL)
			return true;
	}
	return false;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_name(struct gp_input *input, const char *name)
{
	const char **names = input->names;

	if (input->count == input->size) {
		input->size = input->size * 2 + 16;
		names = gp_arena_alloc(input->arena,
				       input->size * sizeof(*names));
		for (size_t i = 0; i < input->count; i++)
			names[i] = input->names[i];
		input->names = names;
	}
	names[input->count++] = gp_arena_strdup(input->arena, name);
}

static int list_folder(struct gp_input *input)
{
	int fd = dup(input->fd);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (folder == NULL) {
		if (fd >= 0)
			close(fd);
		return failed(input->path, errno);
	}
	while (errno = 0, (entry = readdir(folder)) != NULL) {
		if (!is_left_over(entry->d_name))
			add_name(input, entry->d_name);
		else if (strcmp(entry->d_name, ".") != 0 &&
			 strcmp(entry->d_name, "..") != 0)
			gp_program_tell("%s/%s: left out", input->path,
					entry->d_name);
	}
	closedir(folder);
	if (errno != 0)
		return failed(input->path, errno);
	if (input->count == 0) {
		gp_program_error("%s: there are no rules files in this folder",
				 input->path);
		return EX_NOINPUT;
	}
	qsort(input->names, input->count, sizeof(*input->names),
	      compare_names);
	return 0;
}

int gp_input_list(struct gp_input *input)
{
	return !S_ISDIR(input->st.st_mode) || input->names != NULL ? 0 :
	       list_folder(input);
}

size_t gp_input_count(const struct gp_input *input)
{
	return S_ISDIR(input->st.st_mode) ? input->count : 1;
}

const char *gp_input_path(const struct gp_input *input, size_t file)
{
	return !S_ISDIR(input->st.st_mode) ? input->path :
	       gp_arena_printf(input->arena, "%s/%s", input->path,
			       input->names[file]);
}

void gp_input_replace(struct gp_input *input, size_t file, const char *data,
		      size_t len)
{
	if (input->replaced == NULL)
		input->replaced = gp_arena_alloc(input->arena,
						 gp_input_count(input) *
						 sizeof(*input->replaced));
	input->replaced[file] = (struct replacement) { data, len };
}

static const char *without_slashes(struct gp_arena *arena, const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	return gp_arena_strndup(arena, path, len);
}

int gp_input_open(const char *path, struct gp_input **input_r)
{
	struct gp_arena *arena = gp_arena_new();
	struct gp_input *input = gp_arena_alloc(arena, sizeof(*input));

	input->arena = arena;
	input->path = without_slashes(arena, path);
	input->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (input->fd < 0 || fstat(input->fd, &input->st) < 0) {
		int status = failed(path, errno);

		gp_input_free(&input);
		return status;
	}
	*input_r = input;
	return 0;
}

/* Rights were given up for the old file's owner, so that another owner's is
   not read with them. */
int gp_input_renew(struct gp_input *input)
{
	struct stat st;
	int fd;

	if (stat(input->path, &st) == 0 && st.st_dev == input->st.st_dev &&
	    st.st_ino == input->st.st_ino)
		return 0;
	fd = open(input->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		int status = failed(input->path, errno);

		if (fd >= 0)
			close(fd);
		return status;
	}
	close(input->fd);
	input->fd = fd;
	if (st.st_uid != input->st.st_uid) {
		gp_program_error("%s: another owner's file took its place "
				 "meanwhile; try again", input->path);
		return EX_TEMPFAIL;
	}
	input->st = st;
	return 0;
}

void gp_input_free(struct gp_input **input)
{
	struct gp_arena *arena;

	if (*input == NULL)
		return;
	arena = (*input)->arena;
	if ((*input)->fd >= 0)
		close((*input)->fd);
	*input = NULL;
	gp_arena_free(&arena);
}

const struct stat *gp_input_stat(const struct gp_input *input)
{
	return &input->st;
}

/* The file's name for messages is as it was given, its name in the map is
   one that can be found from anywhere. */
static void name_file(struct gp_input *input,
		      const struct gp_input_reader *reader, uint32_t file,
		      const char *path)
{
	char *whole = realpath(path, NULL);

	gp_diagnostics_name_file(reader->diagnostics, file, path);
	gp_image_add_file(reader->image, whole != NULL ? whole : path);
	free(whole);
	gp_program_tell("%s: reading (%zu of %zu)", path,
			(size_t)(file - reader->first_file) + 1,
			input->names != NULL ? input->count : 1);
}

struct feed {
	const struct gp_input_reader *reader;
	EVP_MD_CTX *digest;
	uint32_t file;
};

static void feed_piece(const struct feed *feed, const char *data, size_t len)
{
	EVP_DigestUpdate(feed->digest, data, len);
	if (feed->reader == NULL)
		return;
	gp_parser_feed(feed->reader->parser, data, len);
	gp_progress_add(feed->reader->progress, (uint64_t)len);
}

/* What was read of the file, in its order. */
static int read_piece(int fd, const char *path, const struct feed *feed,
		      char *piece, size_t size, size_t *got_r)
{
	ssize_t got;

	do
		got = read(fd, piece, size);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return failed(path, errno);
	EVP_DigestUpdate(feed->digest, piece, (size_t)got);
	*got_r = (size_t)got;
	return 0;
}

static int parse_file(int fd, const char *path, const struct feed *feed)
{
	struct gp_ahead *ahead = gp_ahead_new(feed->reader->parser,
					      feed->reader->image, feed->file,
					      PIECE, gp_ahead_threads());
	size_t room, got = 1;
	int status = 0;

	while (status == 0 && got > 0) {
		char *piece = gp_ahead_room(ahead, &room);

		status = read_piece(fd, path, feed, piece, room, &got);
		if (status != 0)
			break;
		gp_ahead_filled(ahead, got);
		gp_progress_add(feed->reader->progress, (uint64_t)got);
	}
	gp_ahead_finish(&ahead);
	return status;
}

static int feed_file(int fd, const char *path, const struct feed *feed)
{
	static char piece[PIECE];
	size_t got = 1;
	int status = 0;

	if (feed->reader != NULL)
		return parse_file(fd, path, feed);
	while (status == 0 && got > 0)
		status = read_piece(fd, path, feed, piece, sizeof(piece),
				    &got);
	return status;
}

/* Of a pipe that lies in a folder by mistake nothing would ever come. */
static int feed_regular_file(int fd, const char *path, const struct feed *feed)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return failed(path, errno);
	if (S_ISDIR(st.st_mode))
		return failed(path, EISDIR);
	if (!S_ISREG(st.st_mode)) {
		gp_program_error("%s: not a regular file; move it out of this "
				 "folder", path);
		return EX_NOINPUT;
	}
	return feed_file(fd, path, feed);
}

static int open_and_feed(struct gp_input *input, size_t number,
			 const char *path, const struct feed *feed)
{
	int fd = openat(input->fd, input->names[number],
			O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int status;

	if (fd < 0)
		return failed(path, errno);
	status = feed_regular_file(fd, path, feed);
	close(fd);
	return status;
}

static int feed_one(struct gp_input *input, size_t number, const char *path,
		    const struct feed *feed)
{
	const struct replacement *replaced = input->replaced == NULL ? NULL :
					     &input->replaced[number];

	if (replaced != NULL && replaced->data != NULL) {
		feed_piece(feed, replaced->data, replaced->len);
		return 0;
	}
	return input->names != NULL ?
	       open_and_feed(input, number, path, feed) :
	       feed_file(input->fd, path, feed);
}

static int read_file(struct gp_input *input, size_t number,
		     const struct gp_input_reader *reader,
		     uint8_t sha256_r[32])
{
	struct feed feed = { .reader = reader, .digest = EVP_MD_CTX_new() };
	const char *path = gp_input_path(input, number);
	uint32_t file = (uint32_t)number;
	int status;

	if (feed.digest == NULL ||
	    !EVP_DigestInit_ex(feed.digest, EVP_sha256(), NULL)) {
		EVP_MD_CTX_free(feed.digest);
		gp_program_error("OpenSSL offers no SHA-256");
		return EX_SOFTWARE;
	}
	if (reader != NULL) {
		file += reader->first_file;
		name_file(input, reader, file, path);
		gp_parser_begin_file(reader->parser, file);
		feed.file = file;
	}
	status = feed_one(input, number, path, &feed);
	if (reader != NULL)
		gp_parser_end_file(reader->parser);
	EVP_DigestFinal_ex(feed.digest, sha256_r, NULL);
	EVP_MD_CTX_free(feed.digest);
	return status;
}

/* A line as sha256sum(1) prints it. */
static void add_checksum_line(struct gp_text *list, const uint8_t sha256[32],
			      const char *name)
{
	for (size_t i = 0; i < 32; i++)
		gp_text_addf(list, "%02x", sha256[i]);
	gp_text_addf(list, "  %s\n", name);
}

static int read_folder(struct gp_input *input,
		       const struct gp_input_reader *reader,
		       uint8_t sha256_r[32])
{
	struct gp_text list;
	int status = gp_input_list(input);

	gp_text_init(&list);
	for (size_t i = 0; i < input->count && status == 0; i++) {
		uint8_t one[32];

		status = read_file(input, i, reader, one);
		if (status == 0)
			add_checksum_line(&list, one, input->names[i]);
	}
	EVP_Digest(list.data, list.len, sha256_r, NULL, EVP_sha256(), NULL);
	gp_text_deinit(&list);
	return status;
}

int gp_input_read(struct gp_input *input, const struct gp_input_reader *reader,
		  uint8_t sha256_r[32])
{
	return S_ISDIR(input->st.st_mode) ?
	       read_folder(input, reader, sha256_r) :
	       read_file(input, 0, reader, sha256_r);
}
