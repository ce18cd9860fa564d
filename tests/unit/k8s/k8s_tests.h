/* Shared by the tests of lib/k8s. */
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

/* Read `text` as a file "t" into zeroed *cluster and assert that the messages, one per line, are
 * `messages`. The default namespace is "default". */
void read_cluster(const char *text, struct eg_cluster *cluster, const char *messages);
void read_cluster_as(const struct eg_k8s_options *options, const char *text,
		     struct eg_cluster *cluster, const char *messages);

#endif
