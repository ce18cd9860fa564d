/* One cmocka group a file; test_path.c runs them all. Each returns the number of failed tests. */
#ifndef PATH_TESTS_H
#define PATH_TESTS_H

#include "path/harness.h"
#include "path/packets.h"

int run_roundtrip_tests(void);
int run_vector_tests(void);
int run_ecn_tests(void);
int run_replay_tests(void);
int run_corrupt_tests(void);
int run_order_tests(void);
int run_drop_tests(void);
int run_worker_tests(void);
int run_life_tests(void);

/* At the very end: did every reason that a packet can meet have its packet? */
int run_coverage_tests(void);

#endif
