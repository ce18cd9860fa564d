/* One cmocka group per file; test_route.c runs them all. Each returns the number of failed tests.
 */
#ifndef ROUTE_TESTS_H
#define ROUTE_TESTS_H

#include "common/test.h"

int run_lpm_tests(void);
int run_choice_tests(void);
int run_local_tests(void);

#endif
