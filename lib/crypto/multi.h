/* Private to lib/crypto: which ops of a burst are computed several packets at a time, and with
 * which others.
 *
 * AES-GCM goes by fours of the same number of 64-byte vectors (crypto/gcm4.h), ChaCha20-Poly1305 by
 * groups of up to sixteen, whatever their lengths (crypto/chacha16.h). Part of an eg_crypto, in
 * secret memory; used by its worker only. */
#ifndef EG_CRYPTO_MULTI_H
#define EG_CRYPTO_MULTI_H

#include "crypto/chacha16.h"
#include "crypto/gcm4.h"

/* Classes of AES-GCM ops that can be computed together: texts with the same number of vectors, keys
 * with the same number of rounds. */
#define EG_GCM4_CLASSES (3 * (EG_GCM4_VECTORS + 1))

struct eg_gcm4_lanes {
	unsigned n;
	struct eg_crypto_op *op[EG_GCM4_LANES];
	const struct eg_gcm4_key *key[EG_GCM4_LANES];
};

_Static_assert(EG_GCM4_CLASSES <= 64, "a bit per class");

struct eg_multi {
	struct eg_multi_packet limits;
	uint64_t waiting; /* bit c: class c has 1 to 3 ops. 0 between calls */
	struct eg_gcm4_lanes lanes[EG_GCM4_CLASSES];
	/* Fill the unused lanes of a class's last group. */
	struct eg_crypto_op filler[EG_GCM4_LANES];
	uint8_t filler_text[EG_GCM4_LANES][EG_GCM4_TEXT_MAX], filler_icv[EG_GCM4_LANES][16];
	unsigned n_chacha; /* 0 between calls */
	struct eg_crypto_op *chacha[EG_CRYPTO_BURST];
	struct eg_chacha16_scratch chacha_scratch;
};

/* Lower the limits to what the CPU supports. */
void eg_multi_set(struct eg_multi *multi, struct eg_multi_packet limits);

/* Compute the ops that can be computed several at a time, and put the others into `rest`. Returns
 * the length of `rest`. */
unsigned eg_multi_run(struct eg_multi *multi, struct eg_crypto_op *ops, unsigned n,
		      struct eg_crypto_op *rest[EG_CRYPTO_BURST], bool seal);

#endif
