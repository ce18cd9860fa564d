/* Headers for every cmocka program, in the order that cmocka needs. */
#ifndef TEST_COMMON_TEST_H
#define TEST_COMMON_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#endif
