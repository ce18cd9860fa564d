/* Seal and open whole bursts of buffers through Intel IPsec-MB, whose only user this module is.
 *
 * Life cycle: the control thread makes one eg_keystore and, from it, one eg_crypto_key an SA; each
 * worker has its own eg_crypto. A key must outlive every burst that uses it.
 * Synchronization: a keystore belongs to the control thread, an eg_crypto to one worker; a finished
 * key is read-only and shared freely.
 *
 * Why bursts and no direct calls: in IPsec-MB 1.3 every API call writes a process-global errno, so
 * cores would fight for its cache line once a packet; the burst call without checks is also the
 * fastest (31 ns against 46 ns at 64 bytes, one AVX-512 core). Arguments are checked here instead,
 * by what eg_crypto_key_new() accepts and by the callers' bounds. */
#ifndef EG_CRYPTO_CRYPTO_H
#define EG_CRYPTO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/suite.h"

struct eg_keystore;
struct eg_crypto_key;
struct eg_crypto;

/* Longest burst of one call. */
#define EG_CRYPTO_BURST 64

/* One packet's text, transformed in place. The caller owns all memory.
 *
 * An AEAD takes its parts from wherever they stand. For the other suites the packet must lie as on
 * the wire, because their hashes run over it: ESP header, IV, text and ICV in a row. With ESN,
 * HMACs are over the high half of the sequence number behind the text (RFC 4303 s2.2.1), and GMAC's
 * is between SPI and low half (RFC 4543 s3.3): the call takes it from `aad` and borrows 4 bytes of
 * the ICV's place or in front of the ESP header, which hold what they held when it returns.
 *
 * text_len is a multiple of the suite's align_bytes, and not 0 for CBC. */
struct eg_crypto_op {
	const struct eg_crypto_key *key;
	uint8_t *text;
	const uint8_t *aad; /* SPI and sequence number: 8 bytes; with ESN 12, the high half between
			       SPI and low half (RFC 4106 s5). AEADs take any other length, too */
	const uint8_t *iv;  /* of the packet, eg_suite_cipher_iv_bytes(), wherever it stands; the
			       salt is the key's */
	uint8_t *icv;       /* seal: written; open: compared. suite->icv_bytes */
	uint32_t text_len;
	uint32_t aad_len;
	bool ok; /* seal: it was encrypted; open: it is authentic, else the text was zeroed */
};

/* The linked library: "1.3.0". Constant text. */
const char *eg_crypto_version(void);

/* Check the library: its power-on self-test, then every suite against known answers, sealing and
 * opening. Control thread, once before anything else. 0, or -1 with the reasons in errs: then
 * nothing may be sealed or opened. */
int eg_crypto_self_test(struct eg_errs *errs);

struct eg_keystore *eg_keystore_new(void);

/* Wipes every key that is left. */
void eg_keystore_free(struct eg_keystore *store);

/* May keys be swapped out, because their memory could not be locked? */
bool eg_keystore_swaps(const struct eg_keystore *store);

/* Expand key material: key, salt, authentication key in a row, each as long as the suite says
 * (eg_suite_material_bytes). The caller still owns and wipes `material`. NULL where memory is
 * short.
 */
struct eg_crypto_key *eg_crypto_key_new(struct eg_keystore *store, const struct eg_suite *suite,
					const uint8_t *material);

/* Wipe. No worker may hold the key any more. NULL is allowed. */
void eg_crypto_key_free(struct eg_keystore *store, struct eg_crypto_key *key);

/* The same suite sizes and the same material. As the next, not constant time: for the control
 * thread, never on input from outside. */
bool eg_crypto_key_equal(const struct eg_crypto_key *a, const struct eg_crypto_key *b);

/* Order keys by what two SAs must not share, whatever else differs: encryption key and salt (GCM,
 * GMAC and CTR of one key and salt make one keystream); without encryption, the HMAC's key. 0: they
 * share it. */
int eg_crypto_key_order(const struct eg_crypto_key *a, const struct eg_crypto_key *b);

/* What names a key without telling anything of it: for files and messages. Two SAs must not share
 * an encryption key with its salt, so that is what is named. */
#define EG_FINGERPRINT_BYTES 16

void eg_crypto_fingerprint(struct eg_keystore *store, const struct eg_suite *suite,
			   const uint8_t *material, uint8_t out[EG_FINGERPRINT_BYTES]);

/* Bring the lines that the next op reads first towards the core. */
void eg_crypto_key_prefetch(const struct eg_crypto_key *key);

/* A worker's engine; NULL where memory is short or the CPU is not supported. */
struct eg_crypto *eg_crypto_new(void);
void eg_crypto_free(struct eg_crypto *crypto);

/* An IV that nobody can predict (RFC 3602 s3), for suites of EG_IV_RANDOM. False where the library
 * failed: then the packet must not be sealed. */
bool eg_crypto_random_iv(struct eg_crypto *crypto, uint8_t iv[EG_SUITE_IV_MAX]);

/* Encrypt and authenticate ops[0..n), n <= EG_CRYPTO_BURST, suites and keys in any mixture. Sets
 * op->ok. */
void eg_crypto_seal(struct eg_crypto *crypto, struct eg_crypto_op *ops, unsigned n);

/* Verify and decrypt. Sets op->ok; tags are compared in constant time. */
void eg_crypto_open(struct eg_crypto *crypto, struct eg_crypto_op *ops, unsigned n);

#endif
