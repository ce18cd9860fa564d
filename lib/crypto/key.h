/* Private to lib/crypto: layout of a key. */
#ifndef EG_CRYPTO_KEY_H
#define EG_CRYPTO_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/suite.h"
#include "crypto/chacha16.h"
#include "crypto/compat.h"
#include "crypto/gcm4.h"

/* AES-256: 14 rounds plus the initial one. */
#define EG_AES_ROUND_KEYS (15 * 16)

/* SHA-512. */
#define EG_HMAC_STATE_MAX 64

/* How a job is filled (crypto/job.h). */
enum eg_job_family {
	EG_JOB_GCM,
	EG_JOB_AEAD, /* CCM, ChaCha20-Poly1305 */
	EG_JOB_GMAC,
	EG_JOB_HMAC, /* a cipher, or none, and an HMAC */
};

/* How several packets are computed at a time. */
enum eg_multi_kind {
	EG_MULTI_NONE,
	EG_MULTI_GCM4,     /* gcm4 is set */
	EG_MULTI_CHACHA16, /* chacha's salt is set */
};

struct eg_crypto_key {
	/* Each variant begins with the encryption key itself: the first round keys of AES. IPsec-MB
	 * needs GCM key data aligned to 64 bytes, as slab objects are. */
	union {
		struct gcm_key_data gcm;
		struct { /* GCM where eg_gcm4_supported() */
			struct eg_gcm4_key gcm4;
			struct gcm_key_data gcm_behind;
		};
		struct {
			uint8_t enc[EG_AES_ROUND_KEYS], dec[EG_AES_ROUND_KEYS];
			/* Hash states after the padded key (RFC 2104 s4). */
			uint8_t ipad[EG_HMAC_STATE_MAX], opad[EG_HMAC_STATE_MAX];
		} aes;
		struct eg_chacha16_key chacha; /* IPsec-MB uses its first 32 bytes */
	};
	uint16_t imb_offset; /* where IPsec-MB's part of the above begins */
	uint8_t family;      /* enum eg_job_family */
	uint8_t multi;       /* enum eg_multi_kind */
	uint8_t cipher_mode, hash_alg;
	uint8_t key_bytes, iv_bytes, icv_bytes;
	uint8_t nonce_bytes; /* salt plus IV */
	uint8_t salt_bytes;
	uint8_t salt[4];
	bool mac_first;                   /* CCM: the tag covers the plaintext */
	struct eg_imb_session session[2]; /* indexed by `bool seal` */
};

_Static_assert(EG_AES_ROUND_KEYS % 16 == 0, "dec is aligned to 16 bytes, as IPsec-MB requires");

#endif
