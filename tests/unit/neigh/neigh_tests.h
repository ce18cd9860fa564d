/* One cmocka group per file; test_neigh.c runs them all. Each returns the number of failed tests.
 */
#ifndef NEIGH_TESTS_H
#define NEIGH_TESTS_H

#include "common/test.h"

#include "neigh/state.h"

int run_table_tests(void);
int run_state_tests(void);
int run_message_tests(void);

#endif
