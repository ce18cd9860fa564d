/* Private to lib/crypto: ChaCha20-Poly1305 (RFC 8439) over up to sixteen packets at a time.
 *
 * IPsec-MB computes these packets one after the other: a short one uses 2 of the 16 blocks of
 * ChaCha20 that a set of 512-bit vectors holds, and its Poly1305 waits for the latency of each
 * multiplication. Here blocks of different packets fill the vectors whatever the packets' lengths,
 * and each packet's Poly1305 has a lane of its own (AVX-512 IFMA). IPsec-MB computes everything
 * else, and everything on CPUs without these instructions.
 *
 * Life cycle: eg_chacha16_seal() and eg_chacha16_open() by any worker, each with its own scratch
 * memory. Keys are read-only.
 *
 * No branch and no address depends on a key, a text or a tag, except for the result of
 * eg_chacha16_open(): tests/unit/crypto/test_chacha16.c single-steps both functions and compares
 * all registers. */
#ifndef EG_CRYPTO_CHACHA16_H
#define EG_CRYPTO_CHACHA16_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/crypto.h"

#define EG_CHACHA16_LANES    16
#define EG_CHACHA16_BLOCKS   24                        /* of 64 bytes: the longest text */
#define EG_CHACHA16_TEXT_MAX (EG_CHACHA16_BLOCKS * 64) /* bytes */
#define EG_CHACHA16_AAD_MAX  16                        /* bytes: one block of Poly1305 */

struct eg_chacha16_key {
	uint8_t key[32];
	uint8_t salt[4]; /* with the next field one block: loaded as such */
	uint8_t unused[12];
};

/* A worker's intermediate values: keys among them, so secret memory (base/secret.h). Nothing in it
 * outlasts a call. */
struct eg_chacha16_scratch {
	_Alignas(64) uint8_t words[12][64];        /* ChaCha20's words 4 to 15 by packet */
	uint8_t cipher[2 * EG_CHACHA16_LANES][64]; /* the last blocks of ciphertext */
	uint8_t poly[2][8][64];                    /* Poly1305's keys by packet */
	uint8_t lane[(EG_CHACHA16_BLOCKS + 2) * EG_CHACHA16_LANES];    /* by block: whose it is, */
	uint8_t counter[(EG_CHACHA16_BLOCKS + 2) * EG_CHACHA16_LANES]; /* and its counter */
};

/* Does this CPU have the instructions, and does the system save their registers? Any thread. The
 * functions below may be called only where this is true. */
bool eg_chacha16_supported(void);

static inline bool eg_chacha16_fits(const struct eg_crypto_op *op)
{
	return op->text_len <= EG_CHACHA16_TEXT_MAX && op->aad_len <= EG_CHACHA16_AAD_MAX;
}

static inline unsigned eg_chacha16_blocks(const struct eg_crypto_op *op)
{
	return (op->text_len + 63) / 64;
}

/* Seal or open ops[0..n) in place, 1 <= n <= EG_CHACHA16_LANES, in descending order of
 * eg_chacha16_blocks(), and set op->ok as eg_crypto_seal() and eg_crypto_open() do. The keys are
 * those of the ops, in their order. Reads and writes exactly the bytes that the ops name. */
void eg_chacha16_seal(struct eg_crypto_op *const ops[], const struct eg_chacha16_key *const keys[],
		      unsigned n, struct eg_chacha16_scratch *scratch);
void eg_chacha16_open(struct eg_crypto_op *const ops[], const struct eg_chacha16_key *const keys[],
		      unsigned n, struct eg_chacha16_scratch *scratch);

#endif
