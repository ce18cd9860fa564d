/* ChaCha20-Poly1305 up to sixteen packets at a time (crypto/chacha16.h) beside IPsec-MB's and
 * OpenSSL's: the same bytes whatever a burst mixes, nothing touched outside of the packets, and no
 * time that depends on a secret. Skipped on a CPU without the instructions. */
#include "crypto/steps.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <unistd.h>

#define LANES  EG_CHACHA16_LANES
#define BEYOND (EG_CHACHA16_TEXT_MAX + 80) /* what is not computed sixteen at a time */

static struct burst *start(const char *name)
{
	if (!eg_chacha16_supported()) {
		print_message("SKIP: this CPU has no AVX-512 with IFMA\n");
		skip();
	}
	return burst_new(name, EG_CIPHER_CHACHA20, BEYOND);
}

static void test_mixed(void **state)
{
	struct burst *b = start("sixteen at a time");

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		unsigned n = 1 + (unsigned)rng_below(&b->rng, EG_CRYPTO_BURST);

		fill_burst(b, n, 1 + (unsigned)rng_below(&b->rng, KEYS));
		seal_and_open(b, n);
	}
	burst_free(b);
}

/* Every length, alone among equal ones and among random ones, in groups of every size. */
static void test_lengths(void **state)
{
	struct burst *b = start("every length");

	(void)state;
	for (uint32_t len = 0; len < BEYOND; len++) {
		unsigned n = 2 + len % (LANES - 1);

		fill_burst(b, n, KEYS);
		set_length(b, (unsigned)rng_below(&b->rng, n), len, 8);
		seal_and_open(b, n);
		for (unsigned i = 0; i < n; i++)
			set_length(b, i, len, 12);
		seal_and_open(b, n);
	}
	burst_free(b);
}

/* What WireGuard sends: no associated data, a nonce of 4 zero bytes and a counter, and keepalives
 * without text. */
static void test_no_aad(void **state)
{
	struct burst *b = start("no associated data");

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		unsigned n = 1 + (unsigned)rng_below(&b->rng, LANES);

		fill_burst(b, n, KEYS);
		for (unsigned i = 0; i < n; i++)
			set_length(b, i, 16 * (uint32_t)rng_below(&b->rng, 8),
				   rng_below(&b->rng, 4) ? 0 : 8);
		seal_and_open(b, n);
	}
	burst_free(b);
}

/* Texts and associated data of extreme values: carries between Poly1305's limbs. */
static void test_extreme_values(void **state)
{
	struct burst *b = start("extreme values");

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		fill_burst(b, LANES, KEYS);
		for (unsigned i = 0; i < LANES; i++) {
			uint32_t len = 16 * (1 + (uint32_t)rng_below(&b->rng, 20));

			set_length(b, i, len, 8);
			memset(b->aad[i], 0xff, sizeof(b->aad[i]));
		}
		/* Poly1305 is over the ciphertext: choose texts whose ciphertext is all ones. */
		eg_crypto_seal(b->one, b->op[1], LANES);
		for (unsigned i = 0; i < LANES; i++) {
			struct eg_crypto_op *op = &b->op[0][i];

			for (uint32_t k = 0; k < op->text_len; k++)
				b->plain[i][k] ^= (uint8_t)~b->op[1][i].text[k];
			memcpy(op->text, b->plain[i], op->text_len);
			memcpy(b->bytes[1][i], b->bytes[0][i], sizeof(b->bytes[1][i]));
		}
		eg_crypto_seal(b->several, b->op[0], LANES);
		for (unsigned i = 0; i < LANES; i++) {
			for (uint32_t k = 0; k < b->op[0][i].text_len; k++)
				assert_int_equal(b->op[0][i].text[k], 0xff);
			memcpy(b->bytes[0][i], b->bytes[1][i], sizeof(b->bytes[0][i]));
		}
		seal_and_open(b, LANES);
	}
	burst_free(b);
}

/* Of ChaCha20's block 0: r as Poly1305 uses it (RFC 8439 s2.5, s2.6). */
static BIGNUM *poly_r(const struct key *key, const uint8_t iv[8])
{
	uint8_t counter_nonce[16] = {0}, block[32] = {0};
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int got;

	memcpy(counter_nonce + 4, key->material + 32, 4);
	memcpy(counter_nonce + 8, iv, 8);
	assert_int_equal(
		EVP_EncryptInit_ex(ctx, EVP_chacha20(), NULL, key->material, counter_nonce), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, block, &got, block, sizeof(block)), 1);
	EVP_CIPHER_CTX_free(ctx);
	for (unsigned i = 0; i < 16; i++)
		block[i] &= i % 4 == 3 ? 0x0f : i && i % 4 == 0 ? 0xfc : 0xff;
	return BN_lebin2bn(block, 16, NULL);
}

/* A block that makes Poly1305's sum `wanted` modulo 2^130 - 5 where it is the second of the text
 * after `first` and 16 bytes of associated data and before the lengths. False if there is none,
 * which is so for three of four inputs. */
static bool find_block(const BIGNUM *r, const uint8_t aad[16], const uint8_t first[16],
		       unsigned wanted, uint8_t out[16])
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p = BN_new(), *bit = BN_new(), *h = BN_new(), *x = BN_new(), *inverse = BN_new();
	BIGNUM *const numbers[] = {p, bit, h, x, inverse};
	const uint8_t lengths[16] = {8, 0, 0, 0, 0, 0, 0, 0, 32};
	bool found;

	BN_set_bit(p, 130);
	BN_sub_word(p, 5);
	BN_set_bit(bit, 128);
	BN_lebin2bn(aad, 16, h);
	BN_add(h, h, bit);
	BN_mod_mul(h, h, r, p, ctx);
	BN_lebin2bn(first, 16, x);
	BN_add(x, x, bit);
	BN_add(h, h, x);
	BN_mod_mul(h, h, r, p, ctx); /* before the block */
	BN_mod_inverse(inverse, r, p, ctx);
	BN_set_word(x, wanted);
	BN_mod_mul(x, x, inverse, p, ctx); /* with the lengths added */
	BN_sub(x, x, bit);
	BN_sub(x, x, BN_lebin2bn(lengths, 16, bit));
	BN_mod_mul(x, x, inverse, p, ctx); /* with the block added */
	BN_zero(bit);
	BN_set_bit(bit, 128);
	BN_sub(x, x, bit);
	BN_mod_sub(x, x, h, p, ctx);
	found = BN_num_bits(x) <= 128;
	if (found)
		assert_int_equal(BN_bn2lebinpad(x, out, 16), 16);
	for (size_t i = 0; i < COUNT(numbers); i++)
		BN_free(numbers[i]);
	BN_CTX_free(ctx);
	return found;
}

/* Sums of 0 to 4 modulo 2^130 - 5 are computed as 2^130 - 5 to 2^130 - 1: only the last reduction
 * makes the tag right. By chance this happens once in 2^128 packets. */
static void test_last_reduction(void **state)
{
	struct burst *b = start("last reduction");
	unsigned found = 0;

	(void)state;
	fill_burst(b, LANES, KEYS);
	for (unsigned round = 0; found < 200; round++) {
		unsigned i = round % LANES;
		uint8_t aad[16] = {0}, wanted[32];
		BIGNUM *r;

		assert_true(round < 10000);
		set_length(b, i, 32, 8);
		memcpy(aad, b->aad[i], 8);
		rng_fill(&b->rng, wanted, 16);
		r = poly_r(b->key[i], b->op[0][i].iv);
		if (find_block(r, aad, wanted, round % 5, wanted + 16)) {
			/* The plaintext of that ciphertext. */
			eg_crypto_seal(b->one, &b->op[1][i], 1);
			for (unsigned k = 0; k < 32; k++)
				b->plain[i][k] ^= b->op[1][i].text[k] ^ wanted[k];
			memcpy(b->op[0][i].text, b->plain[i], 32);
			memset(b->op[1][i].icv, 0x5a, 16);
			memcpy(b->op[1][i].text, b->plain[i], 32);
			found++;
		}
		BN_free(r);
		if (i == LANES - 1) {
			seal_and_open(b, LANES);
			fill_burst(b, LANES, KEYS);
		}
	}
	burst_free(b);
}

/* The engine does what it was told: with a wrong salt only packets that are computed several at a
 * time have other ICVs. IPsec-MB takes the longest ones, one by one, until the limit for as many as
 * remain allows the next one. */
static void test_engine_chosen(void **state)
{
	static const struct {
		unsigned n;
		uint32_t len, others; /* of the first packet, of the others */
		unsigned limits[EG_MULTI_PACKET_SIZES];
		unsigned alone; /* how many IPsec-MB computes: the first ones */
	} cases[] = {
		{16, 64, 64, {0, 0, 0, 64}, 0},
		{15, 64, 64, {64, 64, 0, 64}, 8},
		{8, 64, 64, {0, 0, 64, 0}, 0},
		{7, 64, 64, {0, 64, 0, 0}, 0},
		{4, 64, 64, {0, 64, 0, 0}, 0},
		{3, 64, 64, {64, 0, 0, 0}, 0},
		{2, 64, 64, {64, 0, 0, 0}, 0},
		{1, 64, 64, {64, 64, 64, 64}, 1},
		{17, 64, 64, {64, 64, 64, 64}, 1},
		{16, 65, 64, {64, 64, 64, 64}, 1},
		{5, 65, 64, {64, 64, 64, 64}, 1},
		{16, EG_CHACHA16_TEXT_MAX, 64, {~0u, ~0u, ~0u, ~0u}, 0},
		{16, EG_CHACHA16_TEXT_MAX + 1, 64, {~0u, ~0u, ~0u, ~0u}, 1},
		{16, 64, 64, {0, 0, 0, 0}, 16},
	};

	(void)state;
	for (size_t c = 0; c < COUNT(cases); c++) {
		struct burst *b = start("which engine");
		struct eg_multi_packet limits = {0};
		unsigned alone = 0;

		memcpy(limits.chacha_max, cases[c].limits, sizeof(limits.chacha_max));
		eg_crypto_set_multi_packet(b->several, limits);
		fill_burst(b, cases[c].n, 1);
		for (unsigned i = 0; i < cases[c].n; i++)
			set_length(b, i, i ? cases[c].others : cases[c].len, 8);
		b->keys[0].key->chacha.salt[0] ^= 1;
		eg_crypto_seal(b->several, b->op[0], cases[c].n);
		eg_crypto_seal(b->one, b->op[1], cases[c].n);
		for (unsigned i = 0; i < cases[c].n; i++)
			alone += !memcmp(b->op[0][i].icv, b->op[1][i].icv, 16);
		assert_int_equal(alone, cases[c].alone);
		if (alone) /* the longest */
			assert_true(cases[c].n > 16 ||
				    !memcmp(b->op[0][0].icv, b->op[1][0].icv, 16));
		burst_free(b);
	}
}

static void test_bounds(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct burst *b = start("bounds");
	uint8_t *pages[4];

	(void)state;
	b->text_max = EG_CHACHA16_TEXT_MAX; /* no packet may leave the group to IPsec-MB */
	for (unsigned i = 0; i < COUNT(pages); i++)
		pages[i] = lonely_page(page);
	for (unsigned round = 0; round < 2000; round++) {
		unsigned n = 2 + (unsigned)rng_below(&b->rng, LANES - 1);

		fill_burst(b, n, KEYS);
		check_bounds(b, n, (unsigned)rng_below(&b->rng, n),
			     (uint32_t)rng_below(&b->rng, EG_CHACHA16_TEXT_MAX + 1), pages);
	}
	for (unsigned i = 0; i < COUNT(pages); i++)
		munmap(pages[i] - page, 3 * page);
	burst_free(b);
}

struct call {
	struct eg_crypto_op *ops[LANES];
	const struct eg_chacha16_key *keys[LANES];
	unsigned n;
};

static struct eg_chacha16_scratch scratch;

static void collect(struct burst *b, struct call *call)
{
	for (call->n = 0; call->n < LANES && b->key[call->n]; call->n++) {
		call->ops[call->n] = &b->op[0][call->n];
		call->keys[call->n] = &b->key[call->n]->key->chacha;
	}
}

static void seal(struct burst *b)
{
	struct call call;

	collect(b, &call);
	eg_chacha16_seal(call.ops, call.keys, call.n, &scratch);
}

static void open(struct burst *b)
{
	struct call call;

	collect(b, &call);
	eg_chacha16_open(call.ops, call.keys, call.n, &scratch);
}

/* Lengths in descending order, as the functions want them. */
static void test_constant_time(void **state)
{
	static const struct {
		unsigned n;
		uint32_t first,
			less; /* length of the first packet; how much less each next one has */
	} cases[] = {
		{LANES, 52, 0}, {LANES, 300, 17}, {LANES, 700, 40},
		{8, 64, 0},     {5, 400, 80},     {2, 1400, 700},
	};
	struct burst *b;

	(void)state;
	require_unsanitized();
	b = start("constant time");
	for (size_t i = 0; i < COUNT(cases); i++) {
		memset(b->key, 0, sizeof(b->key));
		for (unsigned k = 0; k < cases[i].n; k++) {
			b->key[k] = &b->keys[k];
			set_length(b, k, cases[i].first - k * cases[i].less, k % 2 ? 8 : 12);
		}
		check_steps(b, cases[i].n, false, seal, true);
		check_steps(b, cases[i].n, true, open, true);
	}
	burst_free(b);
}

int run_chacha16_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mixed),          cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_no_aad),         cmocka_unit_test(test_extreme_values),
		cmocka_unit_test(test_last_reduction), cmocka_unit_test(test_engine_chosen),
		cmocka_unit_test(test_bounds),         cmocka_unit_test(test_constant_time),
	};

	return cmocka_run_group_tests_name("ChaCha20-Poly1305 sixteen at a time", tests, NULL,
					   NULL);
}
