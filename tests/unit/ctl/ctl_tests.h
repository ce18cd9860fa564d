/* One cmocka group per file; test_ctl.c runs them all. Each returns the number of failed tests. */
#ifndef CTL_TESTS_H
#define CTL_TESTS_H

#include "common/test.h"

int run_loop_tests(void);
int run_builder_tests(void);
int run_events_tests(void);
int run_step_tests(void);
int run_reload_tests(void);

#endif
