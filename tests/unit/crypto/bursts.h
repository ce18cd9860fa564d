/* Random bursts of one AEAD through two engines: the one that computes several packets at a time,
 * and IPsec-MB alone; OpenSSL is the third. They make the same bytes whatever a burst mixes. */
#ifndef CRYPTO_BURSTS_H
#define CRYPTO_BURSTS_H

#include "crypto/crypto_tests.h"

#include "common/random.h"
#include "crypto/key.h"

#define TEXT_MAX 1640 /* beyond what is computed several packets at a time, too */
#define HEADER   16
#define KEYS     24

struct key {
	const struct eg_suite *suite;
	uint8_t material[EG_SUITE_KEY_MAX];
	struct eg_crypto_key *key;
};

struct burst {
	struct rng rng;
	struct eg_keystore *store;
	struct eg_crypto *several, *one; /* engines: several packets at a time; IPsec-MB alone */
	unsigned text_max;               /* longest random text */
	struct key keys[KEYS];
	const struct key *key[EG_CRYPTO_BURST];
	uint8_t plain[EG_CRYPTO_BURST][TEXT_MAX];
	uint8_t bytes[2][EG_CRYPTO_BURST][HEADER + TEXT_MAX + EG_SUITE_ICV_MAX]; /* by engine */
	uint8_t aad[EG_CRYPTO_BURST][12];
	struct eg_crypto_op op[2][EG_CRYPTO_BURST];
};

/* Keys of all suites with that cipher. Texts are up to text_max < TEXT_MAX bytes long. */
struct burst *burst_new(const char *name, enum eg_cipher cipher, unsigned text_max);
void burst_free(struct burst *b);

/* n packets, the same for both engines, with the first of the keys. */
void fill_burst(struct burst *b, unsigned n, unsigned keys);

/* Give packet i a text of `len` random bytes. */
void set_length(struct burst *b, unsigned i, uint32_t len, uint32_t aad_len);

/* Seal with both engines, open with OpenSSL; then corrupt some, and open with both. */
void seal_and_open(struct burst *b, unsigned n);

/* A page between two that nobody may touch. */
uint8_t *lonely_page(size_t page);

/* Engine b->several seals and opens n packets, of which packet `i` has each part at the very end of
 * a page, or at its very beginning. The pages are four. */
void check_bounds(struct burst *b, unsigned n, unsigned i, uint32_t len, uint8_t *const pages[4]);

#endif
