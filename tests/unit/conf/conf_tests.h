/* One cmocka group per file, all run by test_conf.c. Each function returns the number of failed
 * tests. */
#ifndef CONF_TESTS_H
#define CONF_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "conf/tree.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

int run_tree_tests(void);
int run_tree_random_tests(void);
int run_tree_hostile_tests(void);
int run_config_tests(void);
int run_config_error_tests(void);
int run_config_peer_tests(void);
int run_config_lifetime_tests(void);
int run_config_vlan_tests(void);
int run_config_kernel_tests(void);
int run_config_subnet_tests(void);
int run_config_encrypt_tests(void);
int run_restart_key_tests(void);
int run_read_tests(void);
int run_prefix_index_tests(void);

/* Asserts that the messages are exactly these lines, each with its newline, and empties the list.
 * Prints both on a mismatch. */
void assert_messages(struct eg_errs *errs, const char *lines);

/* Seed random() from EG_SEED in the environment or from the clock, and print the seed. */
void seed_random(void);

/* Parse `text`, which must have no errors. The caller frees the tree. */
struct eg_tree read_tree(const char *text);

#endif
