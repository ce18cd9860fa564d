/* lib/worker: the groups of tests. */
#ifndef WORKER_TESTS_H
#define WORKER_TESTS_H

int run_housekeeping_tests(void);

#endif
