/* Random bursts of all suites, with and without ESN, against an independent peer (common/peer.h):
 * each side opens what the other sealed. Corrupted packets in a burst fail, only those, and their
 * text is wiped. */
#include "crypto/crypto_tests.h"

#include "common/peer.h"
#include "common/random.h"

#define TEXT_MAX 9008
#define HEADER   8
#define GUARD    32 /* canary bytes around the packet */
#define FILL     0x5a

struct peer_key {
	const struct eg_suite *suite;
	uint8_t material[EG_SUITE_KEY_MAX];
	struct eg_crypto_key *key;
};

/* As on the wire: header, IV, text and ICV, contiguous, between two guards. */
struct packet {
	const struct peer_key *key;
	uint8_t bytes[GUARD + HEADER + EG_SUITE_IV_MAX + TEXT_MAX + EG_SUITE_ICV_MAX + GUARD];
	uint8_t aad[12], plain[TEXT_MAX];
	bool corrupted;
};

struct world {
	struct rng rng;
	struct eg_keystore *store;
	struct eg_crypto *crypto;
	struct peer_key keys[EG_SUITE_COUNT];
	struct packet packets[EG_CRYPTO_BURST];
	struct eg_crypto_op ops[EG_CRYPTO_BURST];
};

static uint32_t random_size(struct rng *rng, const struct eg_suite *suite)
{
	uint64_t n = rng_below(rng, 1501);

	switch (rng_below(rng, 4)) {
	case 0:
		n = rng_below(rng, 150); /* around the block sizes of ciphers and hashes */
		break;
	case 1:
		n = rng_below(rng, TEXT_MAX);
		break;
	}
	n -= n % suite->align_bytes;
	return (uint32_t)(n ? n : suite->align_bytes);
}

static void make_packet(struct world *w, struct packet *p, const struct peer_key *key,
			struct eg_crypto_op *op)
{
	uint8_t *header = p->bytes + GUARD, *text = header + HEADER + key->suite->iv_bytes;
	bool esn = rng_below(&w->rng, 2);

	p->key = key;
	p->corrupted = false;
	memset(p->bytes, FILL, sizeof(p->bytes));
	rng_fill(&w->rng, p->aad, sizeof(p->aad));
	*op = (struct eg_crypto_op){
		.key = key->key,
		.text = text,
		.aad = p->aad,
		.iv = key->suite->iv == EG_IV_SEQ ? p->aad : header + HEADER, /* any 8 bytes */
		.text_len = random_size(&w->rng, key->suite),
		.aad_len = esn ? 12 : 8,
	};
	op->icv = text + op->text_len;
	memcpy(header, p->aad, 4);
	memcpy(header + 4, p->aad + (esn ? 8 : 4), 4);
	rng_fill(&w->rng, header + HEADER, key->suite->iv_bytes);
	rng_fill(&w->rng, p->plain, op->text_len);
	memcpy(text, p->plain, op->text_len);
}

/* Any mix of suites, or one only. */
static void make_burst(struct world *w, unsigned n, const struct peer_key *only)
{
	for (unsigned i = 0; i < n; i++) {
		const struct peer_key *key = &w->keys[rng_below(&w->rng, EG_SUITE_COUNT)];

		make_packet(w, &w->packets[i], only ? only : key, &w->ops[i]);
	}
}

static void assert_filled(const uint8_t *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(at[i], FILL);
}

/* The header and everything outside the packet are unchanged. */
static void assert_guarded(const struct packet *p, const struct eg_crypto_op *op)
{
	const uint8_t *header = p->bytes + GUARD;

	assert_filled(p->bytes, GUARD);
	assert_filled(op->icv + p->key->suite->icv_bytes, GUARD);
	assert_memory_equal(header, p->aad, 4);
	assert_memory_equal(header + 4, p->aad + op->aad_len - 4, 4);
}

static void seal_for_peer(struct world *w, unsigned n, const struct peer_key *only)
{
	make_burst(w, n, only);
	eg_crypto_seal(w->crypto, w->ops, n);
	for (unsigned i = 0; i < n; i++) {
		struct packet *p = &w->packets[i];

		assert_true(w->ops[i].ok);
		assert_guarded(p, &w->ops[i]);
		if (!peer_open(p->key->suite, p->key->material, &w->ops[i]))
			fail_msg("OpenSSL does not open our %s", p->key->suite->name);
		assert_memory_equal(w->ops[i].text, p->plain, w->ops[i].text_len);
	}
}

/* Flip one bit of the header, IV, text, ICV, or the high half of the ESN. */
static void corrupt(struct rng *rng, struct packet *p, const struct eg_crypto_op *op)
{
	uint8_t *header = p->bytes + GUARD, bit = (uint8_t)(1 << rng_below(rng, 8));
	size_t n = (size_t)(op->icv - header) + p->key->suite->icv_bytes;
	size_t at = rng_below(rng, n + (op->aad_len == 12 ? 4 : 0));

	if (at >= n)
		p->aad[4 + at - n] ^= bit;
	else
		header[at] ^= bit;
	if (at < 4)
		p->aad[at] ^= bit;
	else if (at < 8)
		p->aad[op->aad_len - 8 + at] ^= bit;
	p->corrupted = true;
}

static void check_opened(const struct packet *p, const struct eg_crypto_op *op)
{
	if (op->ok == p->corrupted)
		fail_msg("%s: %s", p->key->suite->name, op->ok ? "forged" : "refused");
	assert_guarded(p, op);
	for (uint32_t i = 0; i < op->text_len; i++)
		assert_int_equal(op->text[i], p->corrupted ? 0 : p->plain[i]);
}

static void open_from_peer(struct world *w, unsigned n, const struct peer_key *only)
{
	uint8_t icv[EG_CRYPTO_BURST][EG_SUITE_ICV_MAX];

	make_burst(w, n, only);
	for (unsigned i = 0; i < n; i++) {
		struct packet *p = &w->packets[i];

		peer_seal(p->key->suite, p->key->material, &w->ops[i]);
		if (!rng_below(&w->rng, 5))
			corrupt(&w->rng, p, &w->ops[i]);
		memcpy(icv[i], w->ops[i].icv, p->key->suite->icv_bytes);
	}
	eg_crypto_open(w->crypto, w->ops, n);
	for (unsigned i = 0; i < n; i++) {
		check_opened(&w->packets[i], &w->ops[i]);
		assert_memory_equal(w->ops[i].icv, icv[i], w->packets[i].key->suite->icv_bytes);
	}
}

static struct world *new_world(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->rng = rng_start("bursts against OpenSSL");
	w->store = eg_keystore_new();
	w->crypto = eg_crypto_new();
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
		struct peer_key *key = &w->keys[i];

		key->suite = &eg_suites[i];
		rng_fill(&w->rng, key->material, sizeof(key->material));
		key->key = eg_crypto_key_new(w->store, key->suite, key->material);
		assert_non_null(key->key);
	}
	return w;
}

static void free_world(struct world *w)
{
	eg_crypto_free(w->crypto);
	eg_keystore_free(w->store);
	free(w);
}

static void test_mixed_bursts(void **state)
{
	struct world *w = new_world();

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		seal_for_peer(w, 1 + (unsigned)rng_below(&w->rng, EG_CRYPTO_BURST), NULL);
		open_from_peer(w, 1 + (unsigned)rng_below(&w->rng, EG_CRYPTO_BURST), NULL);
	}
	free_world(w);
}

/* Bursts of one suite fill the library's parallel lanes, and more. */
static void test_each_suite(void **state)
{
	static const unsigned sizes[] = {1, 2, 8, 15, 16, 17, 33, EG_CRYPTO_BURST};
	struct world *w = new_world();

	(void)state;
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
		for (unsigned s = 0; s < COUNT(sizes); s++) {
			seal_for_peer(w, sizes[s], &w->keys[i]);
			open_from_peer(w, sizes[s], &w->keys[i]);
		}
	}
	free_world(w);
}

int run_peer_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mixed_bursts),
		cmocka_unit_test(test_each_suite),
	};

	return cmocka_run_group_tests_name("crypto against OpenSSL", tests, NULL, NULL);
}
