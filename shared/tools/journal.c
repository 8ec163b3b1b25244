/* Reading goes backwards from the end, in pieces, so that the last change is
   found at once in a journal of years. A line that a crash tore off is closed
   by the next one that is added, and costs nothing but itself. */

#include "shared/tools/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/memory.h"
#include "shared/base/text.h"
#include "shared/rules/utf8.h"
#include "shared/tools/program.h"

#define PIECE ((size_t)64 * 1024)
#define LINE_MAX_BYTES ((size_t)64 << 20)
/* Nobody makes more changes: what is above would leave none for the next. */
#define ID_MAX INT64_C(1000000000000)

struct gp_journal {
	char *path;
	/* -1 where there is no file. */
	int fd;
	/* What was read and not handed out: len bytes that begin at start. */
	char *bytes;
	size_t len;
	size_t size;
	off_t start;
	bool warned;
	struct gp_text error;
};

static int no_file(const char *path, const char *what)
{
	gp_program_error("journal %s: this is %s; name another with journal "
			 "in gatepost.conf", path, what);
	return EX_CONFIG;
}

/* Whether a file can be made there; -1 with errno when not. */
static int look_at_folder(const char *path)
{
	char *copy = gp_strdup(path);
	int ret = access(dirname(copy), W_OK | X_OK);
	int saved_errno = errno;

	free(copy);
	errno = saved_errno;
	return ret;
}

static int open_file(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
}

int gp_journal_open(const char *path, bool for_adding,
		    struct gp_journal **journal_r)
{
	int fd = open_file(path, for_adding ? O_RDWR | O_APPEND : O_RDONLY);
	struct stat st;

	if (fd < 0 && (errno == ELOOP || errno == EISDIR))
		return no_file(path, errno == ELOOP ? "a symbolic link" :
			       "no regular file");
	if (fd < 0 && (errno != ENOENT ||
		       (for_adding && look_at_folder(path) < 0))) {
		int status = gp_program_exit_code(errno);

		gp_program_error("journal %s: %s", path, strerror(errno));
		return for_adding && status == EX_NOINPUT ? EX_CANTCREAT :
		       status;
	}
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return no_file(path, "no regular file");
	}
	*journal_r = gp_alloc(sizeof(**journal_r));
	(*journal_r)->path = gp_strdup(path);
	(*journal_r)->fd = fd;
	gp_text_init(&(*journal_r)->error);
	gp_journal_rewind(*journal_r);
	return 0;
}

void gp_journal_close(struct gp_journal **journal)
{
	struct gp_journal *old = *journal;

	*journal = NULL;
	if (old == NULL)
		return;
	if (old->fd >= 0)
		close(old->fd);
	gp_text_deinit(&old->error);
	free(old->path);
	free(old->bytes);
	free(old);
}

static int failed(struct gp_journal *journal, const char **error_r)
{
	int error = errno;

	gp_text_clear(&journal->error);
	gp_text_addf(&journal->error, "journal %s: %s", journal->path,
		     strerror(error));
	*error_r = journal->error.data;
	errno = error;
	return -1;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t done = write(fd, data, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		data += done;
		len -= (size_t)done;
	}
	return 0;
}

static bool is_torn(int fd, off_t end)
{
	char last;

	return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

/* Half a line helps nobody; should this fail too, it is closed by the next
   one. A file that was made for it goes. */
static void take_back(struct gp_journal *journal, off_t end, bool is_new)
{
	if (is_new) {
		unlink(journal->path);
		close(journal->fd);
		journal->fd = -1;
	} else if (ftruncate(journal->fd, end) < 0) {
		gp_program_warning("journal %s: %s", journal->path,
				   strerror(errno));
	}
}

static int add_line(struct gp_journal *journal, const char *line)
{
	bool is_new = journal->fd < 0;
	off_t end;
	struct gp_text text;
	int error;

	if (is_new)
		journal->fd = open_file(journal->path,
					O_RDWR | O_APPEND | O_CREAT);
	end = journal->fd < 0 ? -1 : lseek(journal->fd, 0, SEEK_END);
	if (end < 0)
		return -1;
	gp_text_init(&text);
	if (is_torn(journal->fd, end))
		gp_text_add_char(&text, '\n');
	gp_text_addf(&text, "%s\n", line);
	error = write_all(journal->fd, text.data, text.len) < 0 ||
		fsync(journal->fd) < 0 ? errno : 0;
	if (error != 0)
		take_back(journal, end, is_new);
	gp_text_deinit(&text);
	errno = error;
	return error == 0 ? 0 : -1;
}

int gp_journal_add(struct gp_journal *journal, json_t *object,
		   const char **error_r)
{
	char *line = json_dumps(object, JSON_COMPACT);
	int ret;

	json_decref(object);
	if (line == NULL)
		gp_out_of_memory(0);
	ret = add_line(journal, line);
	free(line);
	return ret < 0 ? failed(journal, error_r) : 0;
}

void gp_journal_rewind(struct gp_journal *journal)
{
	journal->len = 0;
	journal->start = journal->fd < 0 ? 0 :
			 lseek(journal->fd, 0, SEEK_END);
}

/* Puts the piece before in front of what is there. Returns false when there is
   none. */
static bool read_before(struct gp_journal *journal)
{
	size_t want = journal->len < PIECE ? PIECE : journal->len;
	size_t done = 0;

	if (journal->start <= 0)
		return false;
	if ((off_t)want > journal->start)
		want = (size_t)journal->start;
	if (journal->size < journal->len + want) {
		journal->size = gp_grow(journal->size, journal->len + want);
		journal->bytes = gp_realloc(journal->bytes, journal->size, 1);
	}
	memmove(journal->bytes + want, journal->bytes, journal->len);
	while (done < want) {
		ssize_t got = pread(journal->fd, journal->bytes + done,
				    want - done, journal->start -
				    (off_t)want + (off_t)done);

		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	journal->start -= (off_t)want;
	journal->len += want;
	return true;
}

static void warn(struct gp_journal *journal)
{
	if (!journal->warned)
		gp_program_warning("journal %s: a line that cannot be read "
				   "was left out", journal->path);
	journal->warned = true;
}

/* The line at the end, which is taken off. Returns false when nothing is
   left. */
static bool take_line(struct gp_journal *journal, const char **line_r,
		      size_t *len_r)
{
	for (;;) {
		const char *newline = journal->len == 0 ? NULL :
			memrchr(journal->bytes, '\n', journal->len);
		size_t from = newline == NULL ? 0 :
			      (size_t)(newline - journal->bytes) + 1;

		if (newline == NULL && journal->len <= LINE_MAX_BYTES &&
		    read_before(journal))
			continue;
		if (newline == NULL && journal->len == 0)
			return false;
		*line_r = journal->bytes + from;
		*len_r = journal->len - from;
		journal->len = newline == NULL ? 0 : from - 1;
		return true;
	}
}

static bool is_entry(const json_t *object)
{
	const json_t *id = json_object_get(object, "id");

	return json_is_integer(id) && json_integer_value(id) > 0 &&
	       json_integer_value(id) < ID_MAX;
}

json_t *gp_journal_previous(struct gp_journal *journal)
{
	const char *line;
	size_t len;

	while (take_line(journal, &line, &len)) {
		json_t *object;

		if (len == 0)
			continue;
		object = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
		if (is_entry(object))
			return object;
		json_decref(object);
		warn(journal);
	}
	return NULL;
}

bool gp_journal_is_text(const char *str, size_t len)
{
	uint32_t c;

	for (size_t i = 0; i < len; ) {
		int size = gp_utf8_next(str + i, len - i, &c);

		if (size < 0)
			return false;
		i += (size_t)size;
	}
	return true;
}

json_t *gp_journal_text(const char *str, size_t len, bool bytes)
{
	struct gp_text text;
	json_t *value;

	if (!bytes)
		return json_stringn(str, len);
	gp_text_init(&text);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)str[i];

		if (c >= 0x80)
			gp_text_add_char(&text, (char)(0xc0 | c >> 6));
		gp_text_add_char(&text, (char)(c < 0x80 ? c :
					       0x80 | (c & 0x3f)));
	}
	value = json_stringn(text.data, text.len);
	gp_text_deinit(&text);
	return value;
}

json_t *gp_journal_name(const char *str, size_t len)
{
	return gp_journal_text(str, len, !gp_journal_is_text(str, len));
}

/* What a journal holds was written by many; nothing of it steers a
   terminal. */
void gp_journal_print(const char *text)
{
	struct gp_text shown;
	size_t len;

	gp_text_init(&shown);
	for (; *text != '\0'; text += len) {
		len = strcspn(text, "\t\n");
		gp_utf8_add_visible(&shown, text, len);
		for (; text[len] == '\t' || text[len] == '\n'; len++)
			gp_text_add_char(&shown, text[len]);
	}
	fwrite(shown.data, 1, shown.len, stdout);
	gp_text_deinit(&shown);
}
