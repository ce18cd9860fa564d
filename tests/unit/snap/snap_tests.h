/* One cmocka group a file; test_snap.c runs them all. Each returns the number of failed tests. */
#ifndef SNAP_TESTS_H
#define SNAP_TESTS_H

#include "common/test.h"

int run_rekey_tests(void);
int run_share_tests(void);
int run_guard_tests(void);
int run_network_tests(void);
int run_policy_tests(void);
int run_publish_tests(void);
int run_apply_tests(void);

#endif
