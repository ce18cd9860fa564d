/* Private to lib/crypto: AES-GCM (128, 192 and 256 bits) over four short packets at a time.
 *
 * IPsec-MB computes GCM packets one after the other. With short packets the latency of AES and of
 * the hash's reduction limits the rate, not their throughput. Four packets side by side hide it:
 * each packet's counters fill 512-bit vectors (VAES), and the four tags share one reduction
 * (VPCLMULQDQ). IPsec-MB computes everything else, and everything on CPUs without these
 * instructions.
 *
 * Life cycle: eg_gcm4_expand() once per key by the control thread; then eg_gcm4_seal() and
 * eg_gcm4_open() by any worker: the key is read-only, and nothing else is shared.
 *
 * No branch and no address depends on a key, a text or a tag, except for the result of
 * eg_gcm4_open(): tests/unit/crypto/test_gcm4.c single-steps both functions and compares all
 * registers. */
#ifndef EG_CRYPTO_GCM4_H
#define EG_CRYPTO_GCM4_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/crypto.h"

#define EG_GCM4_LANES    4
#define EG_GCM4_VECTORS  11                     /* of 64 bytes: the longest text */
#define EG_GCM4_TEXT_MAX (EG_GCM4_VECTORS * 64) /* bytes */
#define EG_GCM4_AAD_MAX  16                     /* bytes: one block of the hash */

/* One for each block of the longest text, one for the associated data, one for the lengths. */
#define EG_GCM4_POWERS (EG_GCM4_VECTORS * 4 + 2)

struct eg_gcm4_key {
	uint8_t round_key[15][16];
	uint8_t salt[4]; /* with the next fields one block: loaded as such */
	uint8_t rounds;  /* 10, 12 or 14 */
	uint8_t icv_bytes;
	uint8_t unused[10];
	/* H^EG_GCM4_POWERS first and H^1 last, so that four descending powers are one load; each
	 * multiplied by x, which the reduction of bit-reflected products needs. Behind H^1 zeros:
	 * the last vector of a text loads up to two of them. */
	uint8_t power[EG_GCM4_POWERS + 2][16];
};

_Static_assert(sizeof(struct eg_gcm4_key) % 64 == 0, "the next key begins on a cache line");

/* Does this CPU have the instructions, and does the system save their registers? Any thread. The
 * functions below may be called only where this is true. */
bool eg_gcm4_supported(void);

/* Set round keys and hash powers from AES's encryption schedule of (rounds + 1) * 16 bytes. The
 * caller sets salt and icv_bytes. */
void eg_gcm4_expand(struct eg_gcm4_key *key, const uint8_t *round_keys, unsigned rounds);

/* May the op be one of the four? Their texts must have the same number of 64-byte vectors, their
 * keys the same number of rounds. */
static inline bool eg_gcm4_fits(const struct eg_crypto_op *op)
{
	return op->text_len - 1 < EG_GCM4_TEXT_MAX && op->aad_len <= EG_GCM4_AAD_MAX;
}

static inline unsigned eg_gcm4_vectors(const struct eg_crypto_op *op)
{
	return (op->text_len + 63) / 64;
}

/* Seal or open four ops in place, and set op->ok as eg_crypto_seal() and eg_crypto_open() do. The
 * keys are those of the ops, in their order. Reads and writes exactly the bytes that the ops name.
 */
void eg_gcm4_seal(struct eg_crypto_op *const ops[EG_GCM4_LANES],
		  const struct eg_gcm4_key *const keys[EG_GCM4_LANES]);
void eg_gcm4_open(struct eg_crypto_op *const ops[EG_GCM4_LANES],
		  const struct eg_gcm4_key *const keys[EG_GCM4_LANES]);

#endif
