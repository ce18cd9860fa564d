/* One cmocka group per file; test_port.c runs them all. Each returns the number of failed tests. */
#ifndef PORT_TESTS_H
#define PORT_TESTS_H

#include <stdbool.h>

#include "common/test.h"

/* Is the process in a network namespace of its own, with nothing in it but lo? */
bool own_network(void);

int run_driver_tests(void);
int run_interface_tests(void);
int run_port_tests(void);

#endif
