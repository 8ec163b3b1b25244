#ifndef GP_TESTS_CMOCKA_ALL_H
#define GP_TESTS_CMOCKA_ALL_H

/* cmocka.h wants these in front of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
