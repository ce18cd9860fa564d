/* What the tests of lib/k8s share. */
#ifndef K8S_TESTS_H
#define K8S_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "k8s/k8s.h"

int run_cyclonus_tests(void);
int run_netpol_tests(void);
int run_inventory_tests(void);
int run_example_tests(void);
int run_directory_tests(void);
int run_quarantine_tests(void);
int run_file_tests(void);

/* Read `text` as a file "t" into zeroed *world; all messages, one a line, must be `messages`. The
 * namespace "default" stands in where an object has none. */
void read_world(const char *text, struct eg_world *world, const char *messages);
void read_world_as(const struct eg_k8s_options *options, const char *text, struct eg_world *world,
		   const char *messages);

#endif
