/* The ESP suites by their configuration names (strongSwan's proposal spelling), and their sizes:
 * what RFC 8221 allows, and by what reason anything else is refused. One table that the
 * configuration reader, key files and lib/crypto share. Read-only: any thread.
 */
#ifndef EG_BASE_SUITE_H
#define EG_BASE_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum eg_cipher {
	EG_CIPHER_NULL,     /* RFC 2410 */
	EG_CIPHER_AES_CBC,  /* RFC 3602 */
	EG_CIPHER_AES_CTR,  /* RFC 3686: nonce of 4 bytes, IV, block counter from 1 */
	EG_CIPHER_AES_GCM,  /* RFC 4106 */
	EG_CIPHER_AES_GMAC, /* RFC 4543: GCM's tag over text that stays clear */
	EG_CIPHER_AES_CCM,  /* RFC 4309: salt of 3 bytes */
	EG_CIPHER_CHACHA20, /* RFC 7634 */
};

enum eg_auth {
	EG_AUTH_AEAD,       /* the cipher's own tag */
	EG_AUTH_SHA1_96,    /* RFC 2404 */
	EG_AUTH_SHA256_128, /* RFC 4868, as the next two */
	EG_AUTH_SHA384_192,
	EG_AUTH_SHA512_256,
};

/* What a sender puts into the packet's IV. */
enum eg_iv_kind {
	EG_IV_NONE,
	EG_IV_CLOCK,  /* never the same twice for a key: 8 bytes of the hybrid clock */
	EG_IV_SEQ,    /* never sent: it is the 64-bit sequence number (RFC 8750 s4) */
	EG_IV_RANDOM, /* not to be predicted before the packet is seen: RFC 3602 s3 */
};

struct eg_suite {
	const char *name;
	enum eg_auth auth;
	uint8_t auth_key_bytes; /* of the HMAC; 0 for an AEAD */
	uint8_t icv_bytes;
	enum eg_cipher cipher;
	uint8_t key_bytes;  /* encryption key without salt */
	uint8_t salt_bytes; /* appended to the key in key files (RFC 4106 s8.1) */
	enum eg_iv_kind iv;
	uint8_t iv_bytes;    /* explicit IV in each packet */
	uint8_t align_bytes; /* text is padded to a multiple of this (RFC 4303 s2.4) */
};

#define EG_SUITE_COUNT 50

/* Longest explicit IV and ICV of any suite. */
#define EG_SUITE_IV_MAX  16
#define EG_SUITE_ICV_MAX 32

/* Longest key material of any suite: key, salt and authentication key in a row. */
#define EG_SUITE_KEY_MAX (32 + 4 + 64)

extern const struct eg_suite eg_suites[EG_SUITE_COUNT];

/* False for suites that only authenticate: NULL encryption, AES-GMAC. */
static inline bool eg_suite_encrypts(const struct eg_suite *suite)
{
	return suite->cipher != EG_CIPHER_NULL && suite->cipher != EG_CIPHER_AES_GMAC;
}

/* Bytes of a suite's key material. */
static inline size_t eg_suite_material_bytes(const struct eg_suite *suite)
{
	return (size_t)suite->key_bytes + suite->salt_bytes + suite->auth_key_bytes;
}

/* Bytes of IV that go into the cipher, sent or not. */
static inline uint8_t eg_suite_cipher_iv_bytes(const struct eg_suite *suite)
{
	return suite->iv == EG_IV_SEQ ? 8 : suite->iv_bytes;
}

/* NULL where no suite has that name. */
const struct eg_suite *eg_suite_find(const char *name);

/* Why a suite that others know is not offered here, with the clause; NULL where the name says
 * nothing that a standard refuses. */
const char *eg_suite_refused(const char *name);

/* The name most like an unknown one, or NULL. */
const char *eg_suite_suggest(const char *name);

#endif
