#ifndef GP_BASE_ARENA_H
#define GP_BASE_ARENA_H

#include <stddef.h>

/* Memory that is given back all at once. What is allocated from an arena
   lives until the arena is reset or freed. Running out of memory ends the
   process with a message, as it does in Dovecot's pools and in Postfix's
   mymalloc(3): no caller checks for NULL. */

struct gp_arena;

struct gp_arena *gp_arena_new(void);
/* Frees everything and clears the pointer. *arena may be NULL. */
void gp_arena_free(struct gp_arena **arena);

/* Zeroed, aligned for any type. A size of 0 gives a valid pointer. */
void *gp_arena_alloc(struct gp_arena *arena, size_t size);
/* As gp_arena_alloc(), but without alignment and not zeroed: for text and
   packed bytes, where a million small pieces must not waste room. */
void *gp_arena_bytes(struct gp_arena *arena, size_t size);
/* A copy of len bytes with a NUL added behind it. */
char *gp_arena_strndup(struct gp_arena *arena, const char *str, size_t len);
char *gp_arena_strdup(struct gp_arena *arena, const char *str);
char *gp_arena_printf(struct gp_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Forgets everything allocated. The first block is kept, so that a door
   which resets its arena after each request stops calling malloc(3) once it
   has seen its largest request. */
void gp_arena_reset(struct gp_arena *arena);

/* How many bytes of blocks the arena holds at present. */
size_t gp_arena_size(const struct gp_arena *arena);

#endif
