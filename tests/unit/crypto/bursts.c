#include "crypto/bursts.h"

#include <sys/mman.h>
#include <unistd.h>

#include "common/peer.h"

static const struct eg_suite *random_suite(struct rng *rng, enum eg_cipher cipher)
{
	for (;;) {
		const struct eg_suite *suite = &eg_suites[rng_below(rng, EG_SUITE_COUNT)];

		if (suite->cipher == cipher)
			return suite;
	}
}

struct burst *burst_new(const char *name, enum eg_cipher cipher, unsigned text_max)
{
	struct burst *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	assert_true(text_max < TEXT_MAX);
	b->rng = rng_start(name);
	b->text_max = text_max;
	b->store = eg_keystore_new();
	b->several = eg_crypto_new();
	b->one = eg_crypto_new();
	eg_crypto_set_multi_packet(b->one, eg_multi_packet_up_to(0));
	for (unsigned i = 0; i < KEYS; i++) {
		struct key *key = &b->keys[i];

		key->suite = random_suite(&b->rng, cipher);
		rng_fill(&b->rng, key->material, sizeof(key->material));
		key->key = eg_crypto_key_new(b->store, key->suite, key->material);
		assert_non_null(key->key);
	}
	return b;
}

void burst_free(struct burst *b)
{
	eg_crypto_free(b->several);
	eg_crypto_free(b->one);
	eg_keystore_free(b->store);
	free(b);
}

static uint32_t random_length(struct burst *b)
{
	switch (rng_below(&b->rng, 4)) {
	case 0:
		return 1 + (uint32_t)rng_below(&b->rng, 80);
	case 1: /* around the borders of vectors */
		return (uint32_t)(64 * (1 + rng_below(&b->rng, b->text_max / 64)) - 2 +
				  rng_below(&b->rng, 3));
	default:
		return 1 + (uint32_t)rng_below(&b->rng, b->text_max);
	}
}

static void set_op(struct burst *b, unsigned engine, unsigned i, uint32_t len, uint32_t aad_len)
{
	uint8_t *iv = b->bytes[engine][i];

	b->op[engine][i] = (struct eg_crypto_op){
		.key = b->key[i]->key,
		.aad = b->aad[i],
		.aad_len = aad_len,
		.iv = iv,
		.text = iv + HEADER,
		.text_len = len,
		.icv = iv + HEADER + len,
	};
}

void set_length(struct burst *b, unsigned i, uint32_t len, uint32_t aad_len)
{
	rng_fill(&b->rng, b->aad[i], sizeof(b->aad[i]));
	rng_fill(&b->rng, b->plain[i], len);
	memset(b->bytes[0][i], 0x5a, sizeof(b->bytes[0][i]));
	rng_fill(&b->rng, b->bytes[0][i], 8);
	memcpy(b->bytes[0][i] + HEADER, b->plain[i], len);
	memcpy(b->bytes[1][i], b->bytes[0][i], sizeof(b->bytes[1][i]));
	set_op(b, 0, i, len, aad_len);
	set_op(b, 1, i, len, aad_len);
}

void fill_burst(struct burst *b, unsigned n, unsigned keys)
{
	for (unsigned i = 0; i < n; i++) {
		b->key[i] = &b->keys[rng_below(&b->rng, keys)];
		set_length(b, i, random_length(b), rng_below(&b->rng, 2) ? 12 : 8);
	}
}

static void assert_same_bytes(const struct burst *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(b->op[0][i].ok, b->op[1][i].ok);
		assert_memory_equal(b->bytes[0][i], b->bytes[1][i], sizeof(b->bytes[0][i]));
	}
}

void seal_and_open(struct burst *b, unsigned n)
{
	bool corrupted[EG_CRYPTO_BURST];

	eg_crypto_seal(b->several, b->op[0], n);
	eg_crypto_seal(b->one, b->op[1], n);
	assert_same_bytes(b, n);
	for (unsigned i = 0; i < n; i++) {
		const struct eg_crypto_op *op = &b->op[1][i];
		size_t at = HEADER + rng_below(&b->rng, op->text_len + b->key[i]->suite->icv_bytes);

		assert_true(op->ok);
		assert_true(peer_open(b->key[i]->suite, b->key[i]->material, op));
		assert_memory_equal(op->text, b->plain[i], op->text_len);
		corrupted[i] = !rng_below(&b->rng, 4);
		if (corrupted[i])
			b->bytes[0][i][at] ^= (uint8_t)(1 << rng_below(&b->rng, 8));
		memcpy(b->bytes[1][i], b->bytes[0][i], sizeof(b->bytes[1][i]));
	}
	eg_crypto_open(b->several, b->op[0], n);
	eg_crypto_open(b->one, b->op[1], n);
	assert_same_bytes(b, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(b->op[0][i].ok, !corrupted[i]);
}

uint8_t *lonely_page(size_t page)
{
	uint8_t *at = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(mprotect(at + page, page, PROT_READ | PROT_WRITE), 0);
	return at + page;
}

void check_bounds(struct burst *b, unsigned n, unsigned i, uint32_t len, uint8_t *const pages[4])
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct eg_crypto_op *op = &b->op[0][i];
	const bool end = rng_below(&b->rng, 2);

	set_length(b, i, len, rng_below(&b->rng, 2) ? 12 : 8);
	op->text = pages[0] + (end ? page - len : 0);
	op->icv = pages[1] + (end ? page - b->key[i]->suite->icv_bytes : 0);
	op->iv = pages[2] + (end ? page - 8 : 0);
	op->aad = pages[3] + (end ? page - op->aad_len : 0);
	eg_crypto_seal(b->several, b->op[0], n);
	eg_crypto_open(b->several, b->op[0], n);
	for (unsigned k = 0; k < n; k++)
		assert_true(b->op[0][k].ok);
}
