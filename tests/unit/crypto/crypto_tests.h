/* One cmocka group per file; test_crypto.c runs them all. Each returns the number of failed tests.
 */
#ifndef CRYPTO_TESTS_H
#define CRYPTO_TESTS_H

#include "common/test.h"

#include "crypto/crypto.h"

int run_wycheproof_tests(void);
int run_peer_tests(void);
int run_hmac_tests(void);
int run_gcm4_tests(void);
int run_chacha16_tests(void);

#endif
