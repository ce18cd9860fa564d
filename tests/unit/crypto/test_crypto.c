/* lib/crypto: keys and their memory, tags. Other files test bursts against an independent peer and
 * against Wycheproof's vectors. */
#include "crypto/crypto_tests.h"

#include "base/slab.h"
#include "common/random.h"
#include "crypto/key.h"
#include "crypto/self_test.h"

static bool all_zero(const void *p, size_t n)
{
	const uint8_t *at = p;

	for (size_t i = 0; i < n; i++) {
		if (at[i])
			return false;
	}
	return true;
}

static void test_library(void **state)
{
	struct eg_errs errs = {0};

	(void)state;
	assert_int_equal(eg_crypto_self_test(&errs), 0);
	assert_int_equal(errs.n_errors, 0);
	assert_true(strlen(eg_crypto_version()) >= 3);
	print_message("IPsec-MB %s\n", eg_crypto_version());
	eg_crypto_free(NULL);
	eg_keystore_free(NULL);
}

/* With any digit of the text or the ICV wrong, including the first and last one, or a suite
 * missing, the self-test fails and names exactly that suite. */
static void test_self_test_detects(void **state)
{
	(void)state;
	for (size_t i = 0; i < EG_SUITE_COUNT; i++) {
		struct eg_known_answer answers[EG_SUITE_COUNT];
		size_t n = strlen(eg_known_answers[i].sealed);
		const size_t digits[] = {0,  i,     63,
					 64, n - 2, n - 1}; /* 64: first digit of the ICV */
		char name[64], spoiled[256];
		struct eg_errs errs = {0};

		memcpy(answers, eg_known_answers, sizeof(answers));
		snprintf(name, sizeof(name), "self-test: %s: ", eg_known_answers[i].suite);
		answers[i].sealed = spoiled;
		for (size_t d = 0; d < COUNT(digits); d++) {
			snprintf(spoiled, sizeof(spoiled), "%s", eg_known_answers[i].sealed);
			spoiled[digits[d]] = spoiled[digits[d]] == '0' ? '1' : '0';
			assert_int_equal(eg_crypto_check_answers(answers, &errs), -1);
			assert_int_equal(errs.n_errors, 1);
			assert_memory_equal(errs.msgs.v[0].text, name, strlen(name));
			assert_non_null(strstr(errs.msgs.v[0].text, "sealed wrongly"));
			eg_errs_free(&errs);
		}
		answers[i].suite = "none";
		assert_int_equal(eg_crypto_check_answers(answers, &errs), -1);
		assert_int_equal(errs.n_errors, 1);
		assert_non_null(strstr(errs.msgs.v[0].text, "has no known answer"));
		eg_errs_free(&errs);
	}
}

/* Objects of several chunks: each has its own zeroed cache lines, wiped when released. */
static void test_slab(void **state)
{
	enum {
		N = 3000,
		BYTES = 200
	};
	static uint8_t *objects[N];
	struct eg_slab slab;

	(void)state;
	eg_slab_init(&slab, BYTES);
	assert_int_equal(slab.object_bytes, 256);
	for (size_t i = 0; i < N; i++) {
		objects[i] = eg_slab_get(&slab);
		assert_non_null(objects[i]);
		assert_int_equal((uintptr_t)objects[i] % 64, 0);
		assert_true(all_zero(objects[i], slab.object_bytes));
		memset(objects[i], (int)(i % 255 + 1), slab.object_bytes);
	}
	assert_true(slab.chunks.n > 1);
	for (size_t i = 0; i < N; i++) { /* no neighbour was overwritten */
		assert_int_equal(objects[i][0], i % 255 + 1);
		assert_int_equal(objects[i][slab.object_bytes - 1], i % 255 + 1);
	}
	for (size_t i = 0; i < N; i += 2) {
		eg_slab_put(&slab, objects[i]);
		assert_true(all_zero(objects[i], slab.object_bytes));
	}
	for (size_t i = 0; i < N; i += 2) { /* reuses the memory, no new chunk */
		size_t chunks = slab.chunks.n;

		objects[i] = eg_slab_get(&slab);
		assert_int_equal(slab.chunks.n, chunks);
		assert_true(all_zero(objects[i], slab.object_bytes));
	}
	eg_slab_put(&slab, NULL);
	eg_slab_free(&slab);
}

/* A freed key leaves nothing behind: round keys, hash powers and salt are wiped. */
static void test_key_wiped(void **state)
{
	struct eg_keystore *store = eg_keystore_new();
	uint8_t material[EG_SUITE_KEY_MAX];

	(void)state;
	assert_non_null(store);
	memset(material, 0xa7, sizeof(material));
	for (size_t i = 0; i < EG_SUITE_COUNT; i++) {
		const struct eg_suite *suite = &eg_suites[i];
		struct eg_crypto_key *key = eg_crypto_key_new(store, suite, material);

		assert_non_null(key);
		assert_memory_equal(key->salt, material, key->salt_bytes);
		assert_false(all_zero(suite->key_bytes ? key->aes.enc : key->aes.ipad, 20));
		eg_crypto_key_free(store, key);
		assert_true(all_zero(key, sizeof(*key)));
	}
	eg_crypto_key_free(store, NULL);
	eg_keystore_free(store);
}

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

/* Compare the keys of material and of a copy with one byte changed. */
static void check_change(struct eg_keystore *store, const struct eg_suite *suite, uint8_t *material,
			 size_t at)
{
	struct eg_crypto_key *key = eg_crypto_key_new(store, suite, material), *other;
	bool shared = suite->key_bytes && at >= (size_t)suite->key_bytes + suite->salt_bytes;

	material[at] ^= 1;
	other = eg_crypto_key_new(store, suite, material);
	material[at] ^= 1;
	assert_false(eg_crypto_key_equal(key, other));
	assert_int_equal(!eg_crypto_key_order(key, other), shared);
	assert_int_equal(sign(eg_crypto_key_order(key, other)),
			 -sign(eg_crypto_key_order(other, key)));
	eg_crypto_key_free(store, key);
	eg_crypto_key_free(store, other);
}

/* Equal material makes equal keys; changing any byte makes them differ. The order only covers the
 * encryption key with its salt, or without encryption the HMAC key. */
static void test_key_order(void **state)
{
	struct eg_keystore *store = eg_keystore_new();
	struct rng rng = rng_start("key order");
	uint8_t material[EG_SUITE_KEY_MAX];

	(void)state;
	assert_non_null(store);
	for (size_t s = 0; s < EG_SUITE_COUNT; s++) {
		const struct eg_suite *suite = &eg_suites[s];
		const struct eg_suite *other = &eg_suites[(s + 1) % EG_SUITE_COUNT];
		struct eg_crypto_key *key, *same;

		rng_fill(&rng, material, sizeof(material));
		key = eg_crypto_key_new(store, suite, material);
		/* Recycle dirty memory, to reveal bytes that are not initialized. */
		eg_crypto_key_free(store, eg_crypto_key_new(store, other, material));
		same = eg_crypto_key_new(store, suite, material);
		assert_true(eg_crypto_key_equal(key, same));
		assert_int_equal(eg_crypto_key_order(key, same), 0);
		eg_crypto_key_free(store, same);
		same = eg_crypto_key_new(store, other, material);
		assert_false(eg_crypto_key_equal(key, same));
		for (size_t i = 0; i < eg_suite_material_bytes(suite); i++)
			check_change(store, suite, material, i);
	}
	eg_keystore_free(store);
}

/* The same key and salt produce the same keystream, whatever the rest of the suite. */
static void test_key_shared(void **state)
{
	static const char *const pairs[][2] = {
		{"aes256gcm16", "aes256gcm8"},     {"aes256gcm16", "aes256gmac"},
		{"aes256gcm16", "aes256ctr-sha1"}, {"aes128ctr-sha256", "aes128ctr-sha512"},
		{"aes128-sha256", "aes128-sha1"},  {"aes128ccm8", "aes128ccm16"},
	};
	struct eg_keystore *store = eg_keystore_new();
	uint8_t material[EG_SUITE_KEY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(material); i++)
		material[i] = (uint8_t)(i * 7 + 1);
	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct eg_crypto_key *a, *b;

		a = eg_crypto_key_new(store, eg_suite_find(pairs[i][0]), material);
		b = eg_crypto_key_new(store, eg_suite_find(pairs[i][1]), material);
		assert_int_equal(eg_crypto_key_order(a, b), 0);
		assert_false(eg_crypto_key_equal(a, b));
	}
	eg_keystore_free(store);
}

/* CBC IVs are all different, show no bias, and differ between engines. */
static void test_random_ivs(void **state)
{
	enum {
		N = 5000
	};
	static uint8_t ivs[2][N][EG_SUITE_IV_MAX];
	unsigned ones[8 * EG_SUITE_IV_MAX] = {0};

	(void)state;
	for (unsigned e = 0; e < 2; e++) {
		struct eg_crypto *crypto = eg_crypto_new();

		for (unsigned i = 0; i < N; i++)
			assert_true(eg_crypto_random_iv(crypto, ivs[e][i]));
		eg_crypto_free(crypto);
	}
	for (unsigned i = 0; i < N; i++) {
		for (unsigned bit = 0; bit < COUNT(ones); bit++)
			ones[bit] += ivs[0][i][bit / 8] >> bit % 8 & 1;
		for (unsigned k = 0; k < N; k++) {
			assert_true(i == k || memcmp(ivs[0][i], ivs[0][k], EG_SUITE_IV_MAX));
			assert_memory_not_equal(ivs[0][i], ivs[1][k], EG_SUITE_IV_MAX);
		}
	}
	for (unsigned bit = 0; bit < COUNT(ones); bit++) /* 8 standard deviations */
		assert_in_range(ones[bit], N / 2 - 283, N / 2 + 283);
}

/* Every bit of a tag matters. */
static void test_tag_bits(void **state)
{
	struct eg_keystore *store = eg_keystore_new();
	struct eg_crypto *crypto = eg_crypto_new();
	uint8_t material[EG_SUITE_KEY_MAX] = "0123456789abcdefghijklmnopqrstuvwxy";
	uint8_t text[52] = "sealed", sealed[52], aad[8] = "spi+seq", iv[8] = "iv", icv[16];
	struct eg_crypto_op op = {
		.key = eg_crypto_key_new(store, eg_suite_find("aes256gcm16"), material),
		.text = text,
		.aad = aad,
		.iv = iv,
		.icv = icv,
		.text_len = sizeof(text),
		.aad_len = sizeof(aad),
	};

	(void)state;
	eg_crypto_seal(crypto, &op, 1);
	assert_true(op.ok);
	memcpy(sealed, text, sizeof(text));
	for (unsigned bit = 0; bit < 128; bit++) {
		icv[bit / 8] ^= (uint8_t)(1 << bit % 8);
		eg_crypto_open(crypto, &op, 1);
		assert_false(op.ok);
		icv[bit / 8] ^= (uint8_t)(1 << bit % 8);
		memcpy(text, sealed, sizeof(text));
	}
	eg_crypto_open(crypto, &op, 1);
	assert_true(op.ok);
	assert_string_equal((char *)text, "sealed");
	eg_crypto_seal(crypto, NULL, 0);
	eg_crypto_open(crypto, NULL, 0);
	eg_crypto_free(crypto);
	eg_keystore_free(store);
}

/* Whatever is measured, no limit exceeds what the code supports. */
static void test_measure(void **state)
{
	const struct eg_multi_packet limits = eg_crypto_measure_multi_packet();

	(void)state;
	print_message("faster several packets at a time: AES-GCM up to %u bytes; ChaCha20-Poly1305 "
		      "up to %u, %u, %u and %u bytes for 2, 4, 8 and 16 packets\n",
		      limits.gcm_max, limits.chacha_max[0], limits.chacha_max[1],
		      limits.chacha_max[2], limits.chacha_max[3]);
	assert_int_equal(limits.gcm_max % 64, 0);
	assert_in_range(limits.gcm_max, 0, eg_gcm4_supported() ? EG_GCM4_TEXT_MAX : 0);
	for (unsigned i = 0; i < EG_MULTI_PACKET_SIZES; i++)
		assert_in_range(limits.chacha_max[i], 0,
				eg_chacha16_supported() ? EG_CHACHA16_TEXT_MAX : 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_library),    cmocka_unit_test(test_self_test_detects),
		cmocka_unit_test(test_slab),       cmocka_unit_test(test_key_wiped),
		cmocka_unit_test(test_key_order),  cmocka_unit_test(test_key_shared),
		cmocka_unit_test(test_random_ivs), cmocka_unit_test(test_tag_bits),
		cmocka_unit_test(test_measure),
	};
	int failed = cmocka_run_group_tests_name("crypto", tests, NULL, NULL);

	return failed + run_wycheproof_tests() + run_hmac_tests() + run_peer_tests() +
	       run_gcm4_tests() + run_chacha16_tests();
}
