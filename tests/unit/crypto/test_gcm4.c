/* AES-GCM four packets at a time (crypto/gcm4.h) beside IPsec-MB's and OpenSSL's: the same bytes
 * whatever a burst mixes, nothing touched outside of the packets, and no time that depends on a
 * secret. Skipped on a CPU without the instructions. */
#include "crypto/steps.h"

#include <sys/mman.h>
#include <unistd.h>

#define BEYOND (EG_GCM4_TEXT_MAX + 80) /* what is not computed four at a time */

static struct burst *start(const char *name)
{
	if (!eg_gcm4_supported()) {
		print_message("SKIP: this CPU has no AVX-512 with VAES and VPCLMULQDQ\n");
		skip();
	}
	return burst_new(name, EG_CIPHER_AES_GCM, BEYOND);
}

static void test_mixed(void **state)
{
	struct burst *b = start("four at a time");

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		unsigned n = 1 + (unsigned)rng_below(&b->rng, EG_CRYPTO_BURST);

		fill_burst(b, n, 1 + (unsigned)rng_below(&b->rng, KEYS));
		seal_and_open(b, n);
	}
	burst_free(b);
}

/* Every length in every place of the four, with lengths beside it that have the same vectors. */
static void test_lengths(void **state)
{
	struct burst *b = start("every length");

	(void)state;
	for (uint32_t len = 1; len < BEYOND; len++) {
		fill_burst(b, EG_GCM4_LANES, KEYS);
		for (unsigned i = 0; i < EG_GCM4_LANES; i++) {
			uint32_t other = (len - 1) / 64 * 64 + 1 + (uint32_t)rng_below(&b->rng, 64);

			set_length(b, i, i == len % EG_GCM4_LANES || other >= BEYOND ? len : other,
				   8);
		}
		seal_and_open(b, EG_GCM4_LANES);
	}
	burst_free(b);
}

/* The engine does what it was told: with a wrong hash power only packets that are computed four at
 * a time have other ICVs. */
static void test_engine_chosen(void **state)
{
	static const struct {
		unsigned n;
		uint32_t len, limit;
		bool four;
	} cases[] = {
		{4, 64, EG_GCM4_TEXT_MAX, true},
		{2, 64, EG_GCM4_TEXT_MAX, true}, /* with fillers */
		{1, 64, EG_GCM4_TEXT_MAX, false},
		{4, EG_GCM4_TEXT_MAX, EG_GCM4_TEXT_MAX, true},
		{4, EG_GCM4_TEXT_MAX + 1, UINT32_MAX, false},
		{4, 64, 64, true},
		{4, 65, 64, false},
		{4, 64, 0, false},
	};

	(void)state;
	for (size_t c = 0; c < COUNT(cases); c++) {
		struct burst *b = start("which engine");

		fill_burst(b, cases[c].n, 1);
		eg_crypto_set_multi_packet(b->several, eg_multi_packet_up_to(cases[c].limit));
		for (unsigned i = 0; i < cases[c].n; i++)
			set_length(b, i, cases[c].len, 8);
		b->keys[0].key->gcm4.power[EG_GCM4_POWERS - 1][0] ^= 1;
		eg_crypto_seal(b->several, b->op[0], cases[c].n);
		eg_crypto_seal(b->one, b->op[1], cases[c].n);
		for (unsigned i = 0; i < cases[c].n; i++)
			assert_int_equal(memcmp(b->op[0][i].icv, b->op[1][i].icv, 8) != 0,
					 cases[c].four);
		burst_free(b);
	}
}

static void test_bounds(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct burst *b = start("bounds");
	uint8_t *pages[4];

	(void)state;
	for (unsigned i = 0; i < COUNT(pages); i++)
		pages[i] = lonely_page(page);
	for (unsigned round = 0; round < 2000; round++) {
		uint32_t len = 1 + (uint32_t)rng_below(&b->rng, EG_GCM4_TEXT_MAX);

		fill_burst(b, EG_GCM4_LANES, KEYS);
		for (unsigned i = 0; i < EG_GCM4_LANES; i++)
			set_length(b, i, (len - 1) / 64 * 64 + 1, 8);
		check_bounds(b, EG_GCM4_LANES, (unsigned)rng_below(&b->rng, EG_GCM4_LANES), len,
			     pages);
	}
	for (unsigned i = 0; i < COUNT(pages); i++)
		munmap(pages[i] - page, 3 * page);
	burst_free(b);
}

static void collect(struct burst *b, struct eg_crypto_op *ops[], const struct eg_gcm4_key *keys[])
{
	for (unsigned i = 0; i < EG_GCM4_LANES; i++) {
		ops[i] = &b->op[0][i];
		keys[i] = &b->key[i]->key->gcm4;
	}
}

static void seal(struct burst *b)
{
	const struct eg_gcm4_key *keys[EG_GCM4_LANES];
	struct eg_crypto_op *ops[EG_GCM4_LANES];

	collect(b, ops, keys);
	eg_gcm4_seal(ops, keys);
}

static void open(struct burst *b)
{
	const struct eg_gcm4_key *keys[EG_GCM4_LANES];
	struct eg_crypto_op *ops[EG_GCM4_LANES];

	collect(b, ops, keys);
	eg_gcm4_open(ops, keys);
}

static void expand(struct burst *b)
{
	const struct eg_gcm4_key *key = &b->key[0]->key->gcm4;
	struct eg_gcm4_key expanded;

	eg_gcm4_expand(&expanded, key->round_key[0], key->rounds);
}

/* The n-th of the keys that may share lanes with the first. */
static const struct key *lane_key(const struct burst *b, unsigned n)
{
	const struct key *found = &b->keys[0];

	for (unsigned k = 1; k < KEYS && n; k++) {
		if (b->keys[k].suite->key_bytes != b->keys[0].suite->key_bytes)
			continue;
		found = &b->keys[k];
		n--;
	}
	return found;
}

static void test_constant_time(void **state)
{
	static const uint32_t lengths[] = {1, 52, 64, 100, 260, EG_GCM4_TEXT_MAX};
	struct burst *b;

	(void)state;
	require_unsanitized();
	b = start("constant time");
	for (size_t i = 0; i < COUNT(lengths); i++) {
		for (unsigned different = 0; different < 2; different++) {
			for (unsigned k = 0; k < EG_GCM4_LANES; k++) {
				b->key[k] = lane_key(b, different ? k : 0);
				set_length(b, k, lengths[i], 8);
			}
			check_steps(b, EG_GCM4_LANES, false, seal, true);
			check_steps(b, EG_GCM4_LANES, true, open, true);
		}
	}
	/* Expanding a key computes with H itself in general registers: only the instructions count.
	 */
	for (unsigned i = 0; i < 20; i++)
		check_steps(b, EG_GCM4_LANES, false, expand, false);
	burst_free(b);
}

int run_gcm4_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mixed),         cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_engine_chosen), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_constant_time),
	};

	return cmocka_run_group_tests_name("AES-GCM four at a time", tests, NULL, NULL);
}
