/* Private to lib/crypto: the known answers of the power-on self-test, exposed so that a unit test
 * can corrupt them. */
#ifndef EG_CRYPTO_SELF_TEST_H
#define EG_CRYPTO_SELF_TEST_H

#include "base/err.h"
#include "base/suite.h"

struct eg_known_answer {
	const char *suite;
	const char *sealed; /* hex: ciphertext and ICV of the packet that all suites seal */
};

extern const struct eg_known_answer eg_known_answers[EG_SUITE_COUNT];

/* Seal and open every suite's packet, all suites in one burst, and check that a corrupted ICV is
 * refused; AES-GCM and ChaCha20-Poly1305 with both of their engines (crypto/multi.h). A suite
 * without an answer fails. Returns 0, or -1 with every failed suite in errs. */
int eg_crypto_check_answers(const struct eg_known_answer answers[EG_SUITE_COUNT],
			    struct eg_errs *errs);

#endif
