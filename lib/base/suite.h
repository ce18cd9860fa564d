/* The ESP suites by configuration name (strongSwan's proposal spelling) with their sizes: those
 * that RFC 8221 allows, and the reasons for refusing others. One table, shared by the configuration
 * reader, key files and lib/crypto. Read-only: any thread. */
#ifndef EG_BASE_SUITE_H
#define EG_BASE_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum eg_cipher {
	EG_CIPHER_NULL,     /* RFC 2410 */
	EG_CIPHER_AES_CBC,  /* RFC 3602 */
	EG_CIPHER_AES_CTR,  /* RFC 3686: 4-byte nonce, IV, block counter from 1 */
	EG_CIPHER_AES_GCM,  /* RFC 4106 */
	EG_CIPHER_AES_GMAC, /* RFC 4543: GCM's tag, text not encrypted */
	EG_CIPHER_AES_CCM,  /* RFC 4309: 3-byte salt */
	EG_CIPHER_CHACHA20, /* RFC 7634 */
};

enum eg_auth {
	EG_AUTH_AEAD,       /* the cipher's own tag */
	EG_AUTH_SHA1_96,    /* RFC 2404 */
	EG_AUTH_SHA256_128, /* RFC 4868, also the next two */
	EG_AUTH_SHA384_192,
	EG_AUTH_SHA512_256,
};

/* How the sender chooses the IV. */
enum eg_iv_kind {
	EG_IV_NONE,
	EG_IV_CLOCK,  /* unique per key: 8 bytes of the hybrid clock */
	EG_IV_SEQ,    /* not transmitted: the 64-bit sequence number (RFC 8750 s4) */
	EG_IV_RANDOM, /* unpredictable: RFC 3602 s3 */
};

struct eg_suite {
	const char *name;
	enum eg_auth auth;
	uint8_t auth_key_bytes; /* of the HMAC; 0: AEAD */
	uint8_t icv_bytes;
	enum eg_cipher cipher;
	uint8_t key_bytes;  /* encryption key, without salt */
	uint8_t salt_bytes; /* appended to the key in key files (RFC 4106 s8.1) */
	enum eg_iv_kind iv;
	uint8_t iv_bytes;    /* explicit IV per packet */
	uint8_t align_bytes; /* padding aligns the text to this (RFC 4303 s2.4) */
};

#define EG_SUITE_COUNT 50

/* Longest explicit IV and ICV of any suite. */
#define EG_SUITE_IV_MAX  16
#define EG_SUITE_ICV_MAX 32

/* Longest key material of any suite: key, salt and authentication key, concatenated. */
#define EG_SUITE_KEY_MAX (32 + 4 + 64)

extern const struct eg_suite eg_suites[EG_SUITE_COUNT];

/* False for authentication-only suites: NULL encryption, AES-GMAC. */
static inline bool eg_suite_encrypts(const struct eg_suite *suite)
{
	return suite->cipher != EG_CIPHER_NULL && suite->cipher != EG_CIPHER_AES_GMAC;
}

/* Total key material in bytes. */
static inline size_t eg_suite_material_bytes(const struct eg_suite *suite)
{
	return (size_t)suite->key_bytes + suite->salt_bytes + suite->auth_key_bytes;
}

/* Length of the IV that enters the cipher, transmitted or not. */
static inline uint8_t eg_suite_cipher_iv_bytes(const struct eg_suite *suite)
{
	return suite->iv == EG_IV_SEQ ? 8 : suite->iv_bytes;
}

/* NULL if no suite has that name. */
const struct eg_suite *eg_suite_find(const char *name);

/* Why a suite known elsewhere is refused, citing the clause; NULL if there is no specific reason.
 */
const char *eg_suite_refused(const char *name);

/* The known suite most similar to an unknown name, or NULL. */
const char *eg_suite_suggest(const char *name);

#endif
