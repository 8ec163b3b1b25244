/* The logs go through one large buffer and are never held as a whole. A line
   that is longer than any mail server writes is none. */

#include "shared/tools/survey-read.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/base/clock.h"
#include "shared/base/memory.h"
#include "shared/base/text.h"
#include "shared/tools/log-clock.h"
#include "shared/tools/log-door.h"
#include "shared/tools/log-dovecot.h"
#include "shared/tools/log-form.h"
#include "shared/tools/log-input.h"
#include "shared/tools/log-journal.h"
#include "shared/tools/log-json.h"
#include "shared/tools/log-postfix.h"
#include "shared/tools/program.h"
#include "shared/tools/progress.h"
#include "shared/tools/survey-data.h"

#define BUFFER (1024 * 1024)
#define LINE_MAX_READ 65536
#define SHOWN_LINES 20
#define SHOWN_BYTES 200
/* Dovecot shows no more than 80 bytes of a name, and "..." for the rest. */
#define CUT_NAME 77

struct reader {
	struct survey *survey;
	struct log_postfix *postfix;
	struct log_json *json;
	struct log_clock clock;
	struct gp_progress progress;
	bool verbose;
	struct survey_read *seen;
	const char *error;
};

static void cannot_read(struct reader *reader, const char *data, size_t len)
{
	const struct log_piece line = { data, len };
	struct gp_text shown;

	if (reader->seen->hint == NULL)
		reader->seen->hint = log_form_hint(&line);
	if (reader->seen->unreadable++ >= SHOWN_LINES || !reader->verbose)
		return;
	gp_progress_end(&reader->progress);
	gp_text_init(&shown);
	gp_text_add_escaped(&shown, data, len, SHOWN_BYTES);
	gp_program_error("not read: %s", shown.data);
	gp_text_deinit(&shown);
}

static enum log_result count(struct reader *reader,
			     const struct log_login *login, int64_t time)
{
	int ret;

	if (reader->error != NULL)
		return LOG_TAKEN;
	ret = survey_add(reader->survey, login, time, &reader->error);
	if (ret < 0 && reader->error == NULL)
		reader->error = "the rules are damaged";
	return ret > 0 ? LOG_UNREADABLE : LOG_TAKEN;
}

static void postfix_done(void *context, const struct log_login *login,
			 int64_t time)
{
	count(context, login, time);
}

/* Where the time comes from: the line's own stamp, or the journal. */
struct when {
	bool known;
	int64_t time;
};

static int read_time(struct reader *reader, const struct log_line *line,
		     struct when *when)
{
	if (!when->known &&
	    log_clock_read(&reader->clock, &line->stamp, &when->time) < 0)
		return -1;
	when->known = true;
	return 0;
}

static enum log_result finish_login(struct reader *reader,
				    const struct log_line *line,
				    const struct log_login *login,
				    struct when *when)
{
	if (read_time(reader, line, when) < 0)
		return LOG_UNREADABLE;
	return count(reader, login, when->time);
}

static bool name_was_cut(const struct log_piece *user)
{
	return user->len >= CUT_NAME &&
	       memcmp(user->data + user->len - 3, "...", 3) == 0;
}

static enum log_result take_dovecot(struct reader *reader,
				    const struct log_line *line,
				    struct when *when)
{
	struct log_piece session, name;
	struct log_login login;
	enum log_result result = log_dovecot_login(&line->text, &login);

	if (result == LOG_TAKEN) {
		if (name_was_cut(&login.user))
			return LOG_UNREADABLE;
		reader->seen->dovecot++;
		reader->seen->dovecot_tls += login.tls != LOG_TLS_NONE;
	}
	if (result == LOG_OTHER)
		result = log_door_dovecot(&line->text, &login);
	if (result == LOG_TAKEN)
		return finish_login(reader, line, &login, when);
	if (result == LOG_OTHER &&
	    log_dovecot_id(&line->text, &session, &name))
		survey_name_client(reader->survey, &session, &name);
	return result;
}

static enum log_result take_policyd(struct reader *reader,
				    const struct log_line *line,
				    struct when *when)
{
	struct log_piece text = line->text;
	struct log_login login;
	enum log_result result;

	/* So begins what it writes to standard error. */
	log_piece_skip(&text, "gatepost-policyd: ");
	result = log_door_policyd(&text, &login);
	if (result == LOG_OTHER)
		result = log_door_left_out(&text, &login);
	login.proven = true;
	return result != LOG_TAKEN ? result :
	       finish_login(reader, line, &login, when);
}

static enum log_result take_postfix(struct reader *reader,
				    const struct log_line *line,
				    struct when *when)
{
	if (!log_postfix_wants(line))
		return LOG_OTHER;
	if (read_time(reader, line, when) < 0)
		return LOG_UNREADABLE;
	return log_postfix_take(reader->postfix, line, when->time);
}

/* Postfix starts policy daemons, too, so no unit has one program only. */
static enum log_result take_unit(struct reader *reader,
				 const struct log_line *line,
				 struct when *when)
{
	enum log_result result = take_postfix(reader, line, when);

	if (result == LOG_OTHER)
		result = take_policyd(reader, line, when);
	return result != LOG_OTHER ? result :
	       take_dovecot(reader, line, when);
}

/* Dovecot calls itself what its instance_name says, so what is not Postfix's
   may be its own: its lines begin with the process that speaks. */
static enum log_result take(struct reader *reader,
			    const struct log_line *line, struct when *when)
{
	if (log_piece_is(&line->program, "gatepost-policyd"))
		return take_policyd(reader, line, when);
	if (log_line_has_unit(line))
		return take_unit(reader, line, when);
	if (log_piece_find(&line->program, "/") == NULL &&
	    !log_piece_is(&line->program, "smtpd"))
		return take_dovecot(reader, line, when);
	return take_postfix(reader, line, when);
}

/* Between what two boots of the host have said, journalctl puts a line of its
   own ("-- Boot 0123456789abcdef --"). */
static bool is_journalctls_own(const char *data, size_t len)
{
	return len >= 3 && memcmp(data, "-- ", 3) == 0;
}

static enum log_result take_each(struct reader *reader, struct log_line *line,
				 struct when *when)
{
	enum log_result result = LOG_OTHER;

	for (uint32_t times = log_line_unrepeat(line); times > 0; times--)
		result = take(reader, line, when);
	return result;
}

static bool split(struct reader *reader, struct log_piece text,
		  struct log_line *line, struct when *when)
{
	if (!log_json_begins(&text))
		return log_line_split(text.data, text.len, line);
	when->known = log_json_read(reader->json, &text, line, &when->time);
	return when->known;
}

/* whole is false for a last line that does not end: it may be still being
   written, and what is not there yet is not known to be missing. */
static void take_line(struct reader *reader, const char *data, size_t len,
		      bool whole)
{
	struct log_piece text = { data, len };
	struct when when = { .known = false };
	struct log_line line;

	if (len > 0 && data[len - 1] == '\r')
		text.len--;
	if (text.len == 0 || is_journalctls_own(data, text.len))
		return;
	reader->seen->lines++;
	if (!whole || len > LINE_MAX_READ ||
	    !split(reader, text, &line, &when))
		reader->seen->strange++;
	else if (take_each(reader, &line, &when) != LOG_UNREADABLE)
		return;
	cannot_read(reader, data, text.len);
}

static int take_entry(void *context, const struct log_line *line,
		      int64_t time)
{
	struct reader *reader = context;
	struct when when = { .known = true, .time = time };

	reader->seen->lines++;
	if (take(reader, line, &when) == LOG_UNREADABLE)
		cannot_read(reader, line->text.data, line->text.len);
	return reader->error != NULL ? EX_CONFIG : 0;
}

/* Takes all whole lines of the buffer, and moves what is left to its
   beginning. Returns how much that is. */
static size_t take_lines(struct reader *reader, char *buffer, size_t len)
{
	char *begin = buffer, *end = buffer + len, *newline;

	while ((newline = memchr(begin, '\n', (size_t)(end - begin))) != NULL) {
		take_line(reader, begin, (size_t)(newline - begin), true);
		begin = newline + 1;
	}
	len = (size_t)(end - begin);
	memmove(buffer, begin, len);
	return len;
}

/* Reads the rest of a line that is too long. Returns what is behind it. */
static ssize_t skip_long_line(struct reader *reader, struct log_input *input,
			      char *buffer, size_t len)
{
	char *newline;
	ssize_t n;

	reader->seen->lines++;
	reader->seen->strange++;
	cannot_read(reader, buffer, len);
	while ((n = log_input_read(input, buffer, BUFFER)) > 0) {
		newline = memchr(buffer, '\n', (size_t)n);
		if (newline == NULL)
			continue;
		n -= newline + 1 - buffer;
		memmove(buffer, newline + 1, (size_t)n);
		return n;
	}
	return n;
}

static int read_lines(struct reader *reader, struct log_input *input,
		      char *buffer)
{
	uint64_t before = 0;
	size_t left = 0;
	ssize_t n;

	while ((n = log_input_read(input, buffer + left,
				   BUFFER - left)) > 0) {
		left = take_lines(reader, buffer, left + (size_t)n);
		if (reader->error != NULL)
			return EX_CONFIG;
		if (left > LINE_MAX_READ) {
			n = skip_long_line(reader, input, buffer, left);
			if (n < 0)
				break;
			left = take_lines(reader, buffer, (size_t)n);
		}
		gp_progress_add(&reader->progress,
				log_input_position(input) - before);
		before = log_input_position(input);
	}
	if (n < 0)
		return EX_IOERR;
	take_line(reader, buffer, left, false);
	return 0;
}

struct log_file {
	const char *path;
	/* When it was last written: no line in it is later. */
	int64_t written;
	/* The time of its first line. */
	int64_t begins;
	uint64_t size;
	dev_t device;
	ino_t inode;
	size_t place;
};

static int read_file(struct reader *reader, const struct log_file *file)
{
	struct log_input *input;
	char *buffer;
	int status;

	if (strcmp(file->path, "-") != 0 && log_journal_is_at(file->path))
		return log_journal_read(file->path,
					reader->survey->options.since,
					take_entry, reader);
	status = log_input_open(file->path, &input);
	if (status != 0)
		return status;
	log_clock_init(&reader->clock, file->written);
	buffer = gp_alloc(BUFFER);
	status = read_lines(reader, input, buffer);
	free(buffer);
	log_input_close(&input);
	return status;
}

/* The oldest first; those of one time as they were named. */
static int compare_files(const void *a, const void *b)
{
	const struct log_file *x = a, *y = b;

	if (x->begins != y->begins)
		return x->begins < y->begins ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

/* The time of the first line that has one, as far as that is in front. */
static void take_beginning(struct reader *reader, struct log_file *file,
			   const char *data, size_t len)
{
	const char *end = data + len, *newline;
	struct log_piece text;
	struct log_line line;
	struct when when;

	for (; (newline = memchr(data, '\n', (size_t)(end - data))) != NULL;
	     data = newline + 1) {
		text = (struct log_piece) { data, (size_t)(newline - data) };
		when.known = false;
		if (!split(reader, text, &line, &when) ||
		    read_time(reader, &line, &when) < 0)
			continue;
		file->begins = when.time;
		return;
	}
}

/* Files that were copied have all been written just now, so it is looked at
   what they hold. Returns 0, or an exit code with the message written. */
static int find_beginning(struct reader *reader, struct log_file *file)
{
	char data[8192];
	struct log_input *input;
	int status = log_input_open(file->path, &input);
	ssize_t n;

	if (status != 0)
		return status;
	log_clock_init(&reader->clock, file->written);
	n = log_input_read(input, data, sizeof(data));
	if (n > 0)
		take_beginning(reader, file, data, (size_t)n);
	log_input_close(&input);
	return n < 0 ? EX_IOERR : 0;
}

static int look_at(struct reader *reader, struct log_file *file,
		   const char *path, size_t place)
{
	struct stat st;

	*file = (struct log_file) {
		.path = path, .written = gp_time_now(), .place = place
	};
	file->begins = file->written;
	if (strcmp(path, "-") == 0 || stat(path, &st) < 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	file->written = file->begins = st.st_mtime;
	file->size = (uint64_t)st.st_size;
	file->device = st.st_dev;
	file->inode = st.st_ino;
	return log_journal_is_at(path) ? 0 : find_beginning(reader, file);
}

/* Patterns overlap easily ("mail.log mail.log*"). Equal files stand side by
   side. */
static bool is_again(const struct log_file *files, size_t i)
{
	for (size_t j = i; j-- > 0 && files[j].begins == files[i].begins; ) {
		if (files[i].inode != 0 && files[j].inode == files[i].inode &&
		    files[j].device == files[i].device)
			return true;
	}
	return false;
}

static int read_files(struct reader *reader, const struct survey_logs *logs)
{
	struct log_file *files = gp_alloc((logs->count + 1) * sizeof(*files));
	uint64_t total = 0;
	int status = 0;

	for (size_t i = 0; i < logs->count && status == 0; i++) {
		status = look_at(reader, &files[i], logs->path[i], i);
		total += files[i].size;
	}
	if (status == 0)
		qsort(files, logs->count, sizeof(*files), compare_files);
	gp_progress_init(&reader->progress);
	gp_progress_set_total(&reader->progress, total);
	for (size_t i = 0; i < logs->count && status == 0; i++) {
		if (!is_again(files, i))
			status = read_file(reader, &files[i]);
	}
	free(files);
	return status;
}

int survey_read(struct survey *survey, const struct survey_logs *logs,
		struct survey_read *read_r)
{
	struct reader reader = {
		.survey = survey, .verbose = logs->verbose, .seen = read_r
	};
	int status = 0;

	memset(read_r, 0, sizeof(*read_r));
	if (survey_find_boundaries(survey, &reader.error) < 0) {
		gp_program_error("%s", reader.error);
		return EX_CONFIG;
	}
	reader.postfix = log_postfix_new(postfix_done, &reader);
	reader.json = log_json_new();
	if (logs->count == 0)
		status = log_journal_read(NULL, survey->options.since,
					  take_entry, &reader);
	else
		status = read_files(&reader, logs);
	if (status == 0)
		log_postfix_finish(reader.postfix);
	gp_progress_end(&reader.progress);
	if (reader.error != NULL) {
		gp_program_error("%s", reader.error);
		status = EX_CONFIG;
	}
	survey_finish(survey, log_postfix_logs_tls(reader.postfix));
	log_postfix_free(&reader.postfix);
	log_json_free(&reader.json);
	return status;
}
