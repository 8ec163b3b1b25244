/* Pieces go around in a ring: the reader fills them, whoever has time parses
   them (the reader too, when all are full), and the reader adds them, the
   oldest first, and has them free again. So memory is bounded, and one
   processor alone does no more than it would without.

   A piece is parsed without what stands before it. Lines that need that, since
   they name nets or profiles, are left out and parsed when their turn has
   come; a piece with an error is parsed once more as a whole then, so that
   errors are the same and in the same places. */

#include "shared/tools/ahead.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"
#include "shared/base/thread.h"

#define PIECES 8

enum state {
	FREE,
	READY,
	TAKEN,
	DONE
};

/* A line that was left out, and where it belongs. */
struct left {
	size_t start;
	uint32_t line;
	struct gp_image_mark mark;
};

struct piece {
	enum state state;
	char *text;
	size_t size;
	size_t len;
	/* Up to this line's beginning there is no key but the first, and no
	   comment. */
	size_t tight;
	uint32_t line;
	/* What it was parsed to. */
	struct gp_parse_sink sink;
	struct gp_diagnostics *diagnostics;
	struct gp_parser *parser;
	struct gp_image *image;
	struct gp_text left;
};

struct gp_ahead {
	struct gp_parser *parser;
	struct gp_image *image;
	uint32_t file;
	size_t size;
	struct piece pieces[PIECES];
	/* The piece that is filled, and the oldest one that is not free. */
	unsigned filling;
	unsigned oldest;

	/* For the states, and when one changes. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool ending;
	pthread_t threads[GP_AHEAD_THREADS];
	unsigned threads_wanted;
	unsigned thread_count;
};

static void take_line(void *context, const char *key, size_t key_len,
		      const struct gp_line *line)
{
	struct piece *piece = context;
	const struct gp_parse_sink *into = gp_image_sink(piece->image);

	into->line(into->context, key, key_len, line);
}

static void leave_line(void *context, const char *start, uint32_t line)
{
	struct piece *piece = context;
	struct left left = {
		.start = (size_t)(start - piece->text), .line = line
	};

	gp_image_mark(piece->image, &left.mark);
	gp_text_add_mem(&piece->left, &left, sizeof(left));
}

/* Small files are many, and take one piece. */
static void piece_init(struct piece *piece, size_t size)
{
	if (piece->text != NULL)
		return;
	piece->size = size;
	piece->text = gp_realloc(NULL, size + 1, 1);
	piece->sink.context = piece;
	piece->sink.line = take_line;
	piece->sink.apart = leave_line;
	piece->diagnostics = gp_diagnostics_new();
	piece->parser = gp_parser_new(&piece->sink, piece->diagnostics);
	piece->image = gp_image_new();
	gp_text_init(&piece->left);
}

static void piece_deinit(struct piece *piece)
{
	if (piece->text == NULL)
		return;
	free(piece->text);
	gp_parser_free(&piece->parser);
	gp_diagnostics_free(&piece->diagnostics);
	gp_image_free(&piece->image);
	gp_text_deinit(&piece->left);
}

struct gp_ahead *gp_ahead_new(struct gp_parser *parser, struct gp_image *image,
			      uint32_t file, size_t size, unsigned threads)
{
	struct gp_ahead *ahead = gp_alloc(sizeof(*ahead));

	ahead->parser = parser;
	ahead->image = image;
	ahead->file = file;
	ahead->size = size;
	ahead->threads_wanted = threads;
	piece_init(&ahead->pieces[0], size);
	ahead->pieces[0].line = 1;
	pthread_mutex_init(&ahead->mutex, NULL);
	pthread_cond_init(&ahead->changed, NULL);
	return ahead;
}

/* The piece that was filled can be parsed. */
static void hand_over(struct gp_ahead *ahead)
{
	pthread_mutex_lock(&ahead->mutex);
	ahead->pieces[ahead->filling % PIECES].state = READY;
	ahead->filling++;
	pthread_cond_broadcast(&ahead->changed);
	pthread_mutex_unlock(&ahead->mutex);
}

static void free_oldest(struct gp_ahead *ahead)
{
	struct piece *piece = &ahead->pieces[ahead->oldest % PIECES];

	gp_image_clear(piece->image);
	gp_text_clear(&piece->left);
	piece->len = piece->tight = 0;
	pthread_mutex_lock(&ahead->mutex);
	piece->state = FREE;
	ahead->oldest++;
	pthread_mutex_unlock(&ahead->mutex);
}

static void parse(const struct gp_ahead *ahead, struct piece *piece)
{
	gp_parser_feed_lines(piece->parser, ahead->file, piece->line,
			     piece->text, piece->len);
}

/* The oldest piece that waits to be parsed, or NULL. With the mutex held. */
static struct piece *find_ready(struct gp_ahead *ahead)
{
	for (unsigned i = 0; i < PIECES; i++) {
		struct piece *piece =
			&ahead->pieces[(ahead->oldest + i) % PIECES];

		if (piece->state == READY)
			return piece;
	}
	return NULL;
}

/* Gives the mutex back for the time of the work. */
static void parse_locked(struct gp_ahead *ahead, struct piece *piece)
{
	piece->state = TAKEN;
	pthread_mutex_unlock(&ahead->mutex);
	parse(ahead, piece);
	pthread_mutex_lock(&ahead->mutex);
	piece->state = DONE;
	pthread_cond_broadcast(&ahead->changed);
}

static void *work(void *context)
{
	struct gp_ahead *ahead = context;
	struct piece *piece;

	pthread_mutex_lock(&ahead->mutex);
	while (!ahead->ending) {
		piece = find_ready(ahead);
		if (piece != NULL)
			parse_locked(ahead, piece);
		else
			pthread_cond_wait(&ahead->changed, &ahead->mutex);
	}
	pthread_mutex_unlock(&ahead->mutex);
	return NULL;
}

/* Where there can be no thread, the reader does everything. */
static void start_threads(struct gp_ahead *ahead)
{
	while (ahead->thread_count < ahead->threads_wanted &&
	       gp_thread_start(&ahead->threads[ahead->thread_count], work,
			       ahead) == 0)
		ahead->thread_count++;
	ahead->threads_wanted = ahead->thread_count;
}

unsigned gp_ahead_threads(void)
{
	unsigned count = gp_thread_processors() - 1;

	return count < GP_AHEAD_THREADS ? count : GP_AHEAD_THREADS;
}

/* Whether a line that begins with it begins with a key. */
static bool begins_key(char c)
{
	return strchr(" \t\n\v\f\r#", c) == NULL || c == '\0';
}

/* The end of what belongs to the line at start. */
static size_t end_of_line(const struct piece *piece, size_t start)
{
	const char *end = piece->text + piece->len;
	const char *pos = piece->text + start;

	do
		pos = (const char *)memchr(pos, '\n', (size_t)(end - pos)) + 1;
	while (pos < end && !begins_key(*pos));
	return (size_t)(pos - piece->text);
}

static void add(struct gp_ahead *ahead, struct piece *piece)
{
	const struct left *left = (const void *)piece->left.data;
	size_t count = piece->left.len / sizeof(*left);
	struct gp_image_mark done = { .entries = 0 }, end;

	for (size_t i = 0; i < count; i++, left++) {
		gp_image_add_stretch(ahead->image, piece->image, &done,
				     &left->mark);
		done = left->mark;
		gp_parser_feed_lines(ahead->parser, ahead->file, left->line,
				     piece->text + left->start,
				     end_of_line(piece, left->start) -
				     left->start);
	}
	gp_image_mark(piece->image, &end);
	gp_image_add_stretch(ahead->image, piece->image, &done, &end);
}

static void add_with_errors(struct gp_ahead *ahead, struct piece *piece)
{
	gp_parser_feed_lines(ahead->parser, ahead->file, piece->line,
			     piece->text, piece->len);
	gp_parser_free(&piece->parser);
	gp_diagnostics_free(&piece->diagnostics);
	piece->diagnostics = gp_diagnostics_new();
	piece->parser = gp_parser_new(&piece->sink, piece->diagnostics);
}

/* Adds the oldest piece when it is parsed; otherwise parses one, or waits. */
static void advance(struct gp_ahead *ahead)
{
	struct piece *oldest = &ahead->pieces[ahead->oldest % PIECES], *ready;
	bool done;

	pthread_mutex_lock(&ahead->mutex);
	done = oldest->state == DONE;
	ready = done ? NULL : find_ready(ahead);
	if (ready != NULL)
		parse_locked(ahead, ready);
	else if (!done)
		pthread_cond_wait(&ahead->changed, &ahead->mutex);
	pthread_mutex_unlock(&ahead->mutex);
	if (!done)
		return;
	if (gp_diagnostics_errors(oldest->diagnostics) > 0)
		add_with_errors(ahead, oldest);
	else
		add(ahead, oldest);
	free_oldest(ahead);
}

static uint32_t count_lines(const char *text, size_t len)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), low = ones * 0x7f;
	uint32_t lines = 0;
	uint64_t word;
	size_t i;

	/* Eight bytes at a time: the top bit of each that is a newline. */
	for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, text + i, sizeof(word));
		word ^= ones * '\n';
		word = ~(((word & low) + low) | word | low);
		lines += (uint32_t)(((word >> 7) * ones) >> 56);
	}
	for (; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

/* Where the last key begins, if there is one behind the first line. */
static size_t find_cut(const struct piece *piece)
{
	size_t cut = piece->len;

	while (--cut > 0 && cut >= piece->tight) {
		if (piece->text[cut - 1] == '\n' &&
		    begins_key(piece->text[cut]))
			return cut;
	}
	return 0;
}

/* Whether white space and a "#" is what a line begins with. */
static bool begins_comment(const char *pos, const char *end)
{
	while (pos < end && strchr(" \t\v\f\r", *pos) != NULL && *pos != '\0')
		pos++;
	return pos < end && *pos == '#';
}

/* Leaves of each comment its newline, for the numbers of lines; of one that
   goes on in what is read next, the "#". */
static void drop_comments(struct piece *piece)
{
	const char *pos = piece->text + piece->tight, *next;
	const char *end = piece->text + piece->len;
	char *to = piece->text + piece->tight;

	for (; pos < end; pos = next) {
		const char *newline = memchr(pos, '\n', (size_t)(end - pos));

		next = newline == NULL ? end : newline + 1;
		piece->tight = (size_t)(to - piece->text);
		if (begins_comment(pos, next)) {
			*to++ = newline == NULL ? '#' : '\n';
			continue;
		}
		memmove(to, pos, (size_t)(next - pos));
		to += next - pos;
	}
	piece->len = (size_t)(to - piece->text);
}

/* For a key whose lines fill the piece; comments take no room of it. */
static void make_room(struct piece *piece)
{
	drop_comments(piece);
	if (piece->len <= piece->size / 2)
		return;
	piece->size *= 2;
	piece->text = gp_realloc(piece->text, piece->size + 1, 1);
}

/* Hands the piece over up to the cut; what is behind it begins the next. */
static void cut_piece(struct gp_ahead *ahead, struct piece *piece, size_t cut)
{
	struct piece *next = &ahead->pieces[(ahead->filling + 1) % PIECES];
	size_t rest = piece->len - cut;

	while (ahead->filling + 1 - ahead->oldest >= PIECES)
		advance(ahead);
	piece_init(next, ahead->size);
	if (next->size <= rest) {
		next->size = rest * 2;
		next->text = gp_realloc(next->text, next->size + 1, 1);
	}
	memcpy(next->text, piece->text + cut, rest);
	next->len = rest;
	next->line = piece->line + count_lines(piece->text, cut);
	piece->len = cut;
	hand_over(ahead);
}

char *gp_ahead_room(struct gp_ahead *ahead, size_t *len_r)
{
	struct piece *piece = &ahead->pieces[ahead->filling % PIECES];

	*len_r = piece->size - piece->len;
	return piece->text + piece->len;
}

void gp_ahead_filled(struct gp_ahead *ahead, size_t len)
{
	struct piece *piece = &ahead->pieces[ahead->filling % PIECES];
	size_t cut;

	piece->len += len;
	if (piece->len < piece->size)
		return;
	cut = find_cut(piece);
	if (cut == 0) {
		make_room(piece);
		return;
	}
	if (ahead->thread_count < ahead->threads_wanted)
		start_threads(ahead);
	cut_piece(ahead, piece, cut);
}

static void end_threads(struct gp_ahead *ahead)
{
	pthread_mutex_lock(&ahead->mutex);
	ahead->ending = true;
	pthread_cond_broadcast(&ahead->changed);
	pthread_mutex_unlock(&ahead->mutex);
	for (unsigned i = 0; i < ahead->thread_count; i++)
		pthread_join(ahead->threads[i], NULL);
	pthread_cond_destroy(&ahead->changed);
	pthread_mutex_destroy(&ahead->mutex);
}

void gp_ahead_finish(struct gp_ahead **ahead_p)
{
	struct gp_ahead *ahead = *ahead_p;
	struct piece *last = &ahead->pieces[ahead->filling % PIECES];

	*ahead_p = NULL;
	if (last->len > 0) {
		/* There is room for it. */
		if (last->text[last->len - 1] != '\n')
			last->text[last->len++] = '\n';
		hand_over(ahead);
	}
	while (ahead->oldest != ahead->filling)
		advance(ahead);
	end_threads(ahead);
	for (unsigned i = 0; i < PIECES; i++)
		piece_deinit(&ahead->pieces[i]);
	free(ahead);
}
