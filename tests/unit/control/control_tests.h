/* One cmocka group per file; test_control.c runs them all. Each returns the number of failed tests.
 */
#ifndef CONTROL_TESTS_H
#define CONTROL_TESTS_H

#include "common/test.h"

int run_protocol_tests(void);
int run_socket_tests(void);
int run_server_tests(void);

#endif
