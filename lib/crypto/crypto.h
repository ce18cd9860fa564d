/* Seal and open bursts of buffers with Intel IPsec-MB. No other module uses that library.
 *
 * Life cycle: the control thread creates one eg_keystore and from it one eg_crypto_key per SA; each
 * worker has its own eg_crypto. A key must outlive every burst that uses it. Synchronization: a
 * keystore belongs to the control thread, an eg_crypto to one worker; a finished key is read-only
 * and may be shared.
 *
 * Why bursts rather than direct calls: in IPsec-MB 1.3 every API call writes a process-global
 * errno, so cores would contend for its cache line on every packet. The unchecked burst call is
 * also the fastest (31 ns against 46 ns at 64 bytes on one AVX-512 core). Arguments are instead
 * checked by eg_crypto_key_new() and by the callers' bounds. */
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

/* Maximum length of a burst. */
#define EG_CRYPTO_BURST 64

/* One packet's text, transformed in place. The caller owns all memory.
 *
 * An AEAD takes its parts from anywhere. The other suites hash the packet itself, which must be
 * laid out as on the wire: ESP header, IV, text and ICV, contiguous. With ESN an HMAC covers the
 * high half of the sequence number after the text (RFC 4303 s2.2.1), and GMAC covers it between SPI
 * and low half (RFC 4543 s3.3). The call takes it from `aad` and temporarily overwrites 4 bytes of
 * the ICV or in front of the ESP header; they are restored before it returns.
 *
 * text_len is a multiple of the suite's align_bytes, and not 0 for CBC. */
struct eg_crypto_op {
	const struct eg_crypto_key *key;
	uint8_t *text;
	const uint8_t *aad; /* SPI and sequence number: 8 bytes; with ESN 12, the high half between
			       SPI and low half (RFC 4106 s5). AEADs accept any other length, too */
	const uint8_t *iv;  /* the packet's, eg_suite_cipher_iv_bytes() long, anywhere; the salt
			       comes from the key */
	uint8_t *icv;       /* seal: written; open: compared. suite->icv_bytes */
	uint32_t text_len;
	uint32_t aad_len;
	bool ok; /* seal: encrypted; open: authentic (otherwise the text was zeroed) */
};

/* Version of the linked library, such as "1.3.0". Constant. */
const char *eg_crypto_version(void);

/* Check the library: its power-on self-test, then every suite against known answers, sealing and
 * opening. Control thread, before anything else. Returns 0, or -1 with the reasons in errs: then
 * nothing may be sealed or opened. */
int eg_crypto_self_test(struct eg_errs *errs);

struct eg_keystore *eg_keystore_new(void);

/* Wipes all remaining keys. */
void eg_keystore_free(struct eg_keystore *store);

/* May keys be swapped out because their memory could not be locked? */
bool eg_keystore_swappable(const struct eg_keystore *store);

/* Expand key material: key, salt and authentication key, concatenated, with the suite's lengths
 * (eg_suite_material_bytes). The caller still owns `material` and must wipe it. NULL if memory is
 * short. */
struct eg_crypto_key *eg_crypto_key_new(struct eg_keystore *store, const struct eg_suite *suite,
					const uint8_t *material);

/* Wipe and release. No worker may use the key any more. NULL is allowed. */
void eg_crypto_key_free(struct eg_keystore *store, struct eg_crypto_key *key);

/* True if suite sizes and material are the same. Like the next function not constant-time: for the
 * control thread, never on outside input. */
bool eg_crypto_key_equal(const struct eg_crypto_key *a, const struct eg_crypto_key *b);

/* Order keys by what two SAs must not share: encryption key and salt (GCM, GMAC and CTR with the
 * same key and salt produce the same keystream); without encryption, the HMAC key. 0: shared. */
int eg_crypto_key_order(const struct eg_crypto_key *a, const struct eg_crypto_key *b);

/* Identifies a key in files and messages without revealing it. Covers the encryption key and its
 * salt, which two SAs must not share. */
#define EG_FINGERPRINT_BYTES 16

void eg_crypto_fingerprint(struct eg_keystore *store, const struct eg_suite *suite,
			   const uint8_t *material, uint8_t out[EG_FINGERPRINT_BYTES]);

/* Prefetch the cache lines that the next op reads first, if its text has about text_len bytes. */
void eg_crypto_key_prefetch(const struct eg_crypto *crypto, const struct eg_crypto_key *key,
			    const struct eg_suite *suite, unsigned text_len);

/* A worker's crypto engine; NULL if memory is short or the CPU is not supported. It computes
 * AES-GCM and ChaCha20-Poly1305 several packets at a time if the CPU can. */
struct eg_crypto *eg_crypto_new(void);

/* Up to which length of text several packets are computed at a time; IPsec-MB computes longer ones.
 * In bytes; 0: never. */
#define EG_MULTI_PACKET_SIZES 4

struct eg_multi_packet {
	unsigned gcm_max; /* AES-GCM, four packets at a time */
	/* ChaCha20-Poly1305, if at least 2, 4, 8 and 16 packets are there. */
	unsigned chacha_max[EG_MULTI_PACKET_SIZES];
};

static inline struct eg_multi_packet eg_multi_packet_up_to(unsigned text_max)
{
	return (struct eg_multi_packet){text_max, {text_max, text_max, text_max, text_max}};
}

/* Before the worker starts. Limits that the CPU does not support are lowered. */
void eg_crypto_set_multi_packet(struct eg_crypto *crypto, struct eg_multi_packet limits);

/* The lengths up to which this CPU is faster with several packets at a time. Takes about ten
 * milliseconds. Control thread, at start. */
struct eg_multi_packet eg_crypto_measure_multi_packet(void);

void eg_crypto_free(struct eg_crypto *crypto);

/* An unpredictable IV (RFC 3602 s3), for suites of EG_IV_RANDOM. False if the library failed: then
 * the packet must not be sealed. */
bool eg_crypto_random_iv(struct eg_crypto *crypto, uint8_t iv[EG_SUITE_IV_MAX]);

/* Encrypt and authenticate ops[0..n), n <= EG_CRYPTO_BURST, in any mix of suites and keys. Sets
 * op->ok. */
void eg_crypto_seal(struct eg_crypto *crypto, struct eg_crypto_op *ops, unsigned n);

/* Verify and decrypt. Sets op->ok; tags are compared in constant time. */
void eg_crypto_open(struct eg_crypto *crypto, struct eg_crypto_op *ops, unsigned n);

#endif
