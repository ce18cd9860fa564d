/* The groups beside test_base.c's own. Each returns the number of failed tests. */
#ifndef BASE_TESTS_H
#define BASE_TESTS_H

#include "common/test.h"

int run_event_queue_tests(void);

#endif
