#ifndef GP_TESTS_ARENA_FIXTURE_H
#define GP_TESTS_ARENA_FIXTURE_H

/* An arena for what a test makes. */

#include "tests/unit/cmocka-all.h"
#include "shared/base/arena.h"

static struct gp_arena *arena;

static inline int arena_setup(void **state)
{
	(void)state;
	arena = gp_arena_new();
	return 0;
}

static inline int arena_teardown(void **state)
{
	(void)state;
	gp_arena_free(&arena);
	return 0;
}

#endif
