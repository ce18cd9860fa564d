/* One cmocka group per file; test_sa.c runs them all. Each returns the number of failed tests. */
#ifndef SA_TESTS_H
#define SA_TESTS_H

#include "common/test.h"

#include "common/random.h"
#include "espgate/drop.h"

int run_replay_tests(void);
int run_esn_tests(void);
int run_reserve_tests(void);
int run_store_tests(void);
int run_keyfile_tests(void);
int run_watermark_tests(void);
int run_state_tests(void);
int run_journal_tests(void);
int run_sad_tests(void);
int run_ephemeral_tests(void);
int run_builder_tests(void);

#endif
