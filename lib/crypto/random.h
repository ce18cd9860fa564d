/* Private to lib/crypto: a worker's generator of unpredictable bytes, for CBC's IVs.
 *
 * RFC 3602 s3 wants IVs that nobody can predict before the packet is seen. One system call a packet
 * would cost more than the packet, so getrandom(2) gives one AES-256 key at the start and AES-CTR
 * the rest, a block of keystream at a time. The first bytes of each block become the next key and
 * are given to nobody: who learns today's state does not learn yesterday's IVs (fast key erasure,
 * D. J. Bernstein 2017). As each key makes one block only, its counter always starts at 0.
 *
 * Lives inside an eg_crypto, in secret memory; that worker's. */
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
	uint8_t block[EG_RANDOM_BLOCK]; /* next key, then what is given out; wiped as it goes */
	unsigned at;                    /* next byte to give out */
	bool failed;
};

/* Seed. 0, or -1 with errno set. */
int eg_random_start(struct eg_random *random);

/* EG_SUITE_IV_MAX bytes. False where the library fails; then nothing was written. */
bool eg_random_take(struct eg_random *random, IMB_MGR *mgr, uint8_t out[EG_SUITE_IV_MAX]);

#endif
