/* Private to lib/crypto: a worker's generator of unpredictable bytes for CBC IVs.
 *
 * RFC 3602 s3 requires unpredictable IVs. A system call per packet would cost more than the packet,
 * so getrandom(2) seeds one AES-256 key, and AES-CTR generates the rest, one block of keystream at
 * a time. The first bytes of each block become the next key and are never output: an attacker who
 * learns today's state does not learn earlier IVs (fast key erasure, D. J. Bernstein 2017). Each
 * key encrypts one block only, so its counter always starts at 0.
 *
 * Part of an eg_crypto, in secret memory; used by its worker only. */
#ifndef EG_CRYPTO_RANDOM_H
#define EG_CRYPTO_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/key.h"

#define EG_RANDOM_KEY   32
#define EG_RANDOM_BLOCK (EG_RANDOM_KEY + 64 * EG_SUITE_IV_MAX)

struct eg_random {
	_Alignas(16) uint8_t enc[EG_AES_ROUND_KEYS], dec[EG_AES_ROUND_KEYS];
	uint8_t counter[16];
	uint8_t block[EG_RANDOM_BLOCK]; /* next key, then output; wiped as it is used */
	unsigned at;                    /* next byte to output */
	bool failed;
};

/* Seed the generator. Returns 0, or -1 with errno set. */
int eg_random_start(struct eg_random *random);

/* Returns EG_SUITE_IV_MAX bytes. False if the library failed; then nothing was written. */
bool eg_random_take(struct eg_random *random, IMB_MGR *mgr, uint8_t out[EG_SUITE_IV_MAX]);

#endif
