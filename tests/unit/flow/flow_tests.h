/* One cmocka group per file; test_flow.c runs them all. Each returns the number of failed tests. */
#ifndef FLOW_TESTS_H
#define FLOW_TESTS_H

#include "common/random.h"
#include "common/test.h"

#include "flow/flow.h"

int run_state_tests(void);
int run_key_tests(void);
int run_table_tests(void);
int run_oracle_tests(void);
int run_thread_tests(void);
int run_verdict_tests(void);
int run_frag_tests(void);
int run_may_cache_tests(void);

#endif
