/* Wycheproof vectors that fit ESP: AES-GCM and ChaCha20-Poly1305 with 96-bit IVs, AES-CCM with
 * 88-bit IVs, 128-bit tags. Valid ones match in both directions, all others are refused. */
#include "crypto/crypto_tests.h"

#include "common/vectors.h"

#define TEXT_MAX 1024

struct entry {
	const struct eg_suite *suite;
	uint8_t material[EG_SUITE_KEY_MAX]; /* key, then the salt (first bytes of the IV) */
	uint8_t iv[8], aad[TEXT_MAX], msg[TEXT_MAX], ct[TEXT_MAX], tag[16];
	size_t aad_len, msg_len;
	bool valid;
};

static const struct eg_suite *find_suite(enum eg_cipher cipher, size_t key_bytes)
{
	for (size_t i = 0; i < EG_SUITE_COUNT; i++) {
		const struct eg_suite *suite = &eg_suites[i];

		if (suite->cipher == cipher && suite->key_bytes == key_bytes &&
		    suite->icv_bytes == 16)
			return suite;
	}
	return NULL;
}

/* False if no suite has the vector's algorithm. */
static bool read_entry(const struct eg_node *node, enum eg_cipher cipher, struct entry *e)
{
	uint8_t nonce[12];
	size_t key_bytes = vectors_bytes(node, "key", e->material, 32);

	e->suite = find_suite(cipher, key_bytes);
	if (!e->suite)
		return false;
	assert_int_equal(vectors_bytes(node, "iv", nonce, sizeof(nonce)),
			 e->suite->salt_bytes + e->suite->iv_bytes);
	memcpy(e->material + key_bytes, nonce, e->suite->salt_bytes);
	memcpy(e->iv, nonce + e->suite->salt_bytes, e->suite->iv_bytes);
	e->aad_len = vectors_bytes(node, "aad", e->aad, sizeof(e->aad));
	e->msg_len = vectors_bytes(node, "msg", e->msg, sizeof(e->msg));
	assert_int_equal(vectors_bytes(node, "ct", e->ct, sizeof(e->ct)), e->msg_len);
	assert_int_equal(vectors_bytes(node, "tag", e->tag, sizeof(e->tag)), sizeof(e->tag));
	e->valid = !strcmp(vectors_text(node, "result"), "valid");
	return true;
}

/* As many copies as are computed at a time (crypto/chacha16.h), and one more. */
#define COPIES 17

struct copies {
	uint8_t text[COPIES][TEXT_MAX], icv[COPIES][16];
	struct eg_crypto_op op[COPIES];
};

static void fill(struct copies *copies, const struct entry *e, const struct eg_crypto_key *key,
		 const uint8_t *text, const uint8_t *icv)
{
	for (unsigned i = 0; i < COPIES; i++) {
		memcpy(copies->text[i], text, e->msg_len);
		memcpy(copies->icv[i], icv, sizeof(copies->icv[i]));
		copies->op[i] = (struct eg_crypto_op){
			.key = key,
			.text = copies->text[i],
			.aad = e->aad,
			.iv = e->iv,
			.icv = copies->icv[i],
			.text_len = (uint32_t)e->msg_len,
			.aad_len = (uint32_t)e->aad_len,
		};
	}
}

static void check_burst(const struct entry *e, struct eg_crypto *crypto,
			const struct eg_crypto_key *key, unsigned n)
{
	static const uint8_t zero[16];
	static struct copies copies;

	fill(&copies, e, key, e->ct, e->tag);
	eg_crypto_open(crypto, copies.op, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(copies.op[i].ok, e->valid);
		if (e->valid)
			assert_memory_equal(copies.text[i], e->msg, e->msg_len);
	}
	fill(&copies, e, key, e->msg, zero);
	eg_crypto_seal(crypto, copies.op, n);
	for (unsigned i = 0; i < n; i++) {
		assert_true(copies.op[i].ok);
		if (e->valid) {
			assert_memory_equal(copies.text[i], e->ct, e->msg_len);
			assert_memory_equal(copies.icv[i], e->tag, sizeof(copies.icv[i]));
		} else { /* what we make is never what must be refused */
			assert_true(memcmp(copies.text[i], e->ct, e->msg_len) ||
				    memcmp(copies.icv[i], e->tag, sizeof(copies.icv[i])));
		}
	}
}

static void check_entry(const struct entry *e, struct eg_crypto *crypto, struct eg_keystore *store)
{
	struct eg_crypto_key *key = eg_crypto_key_new(store, e->suite, e->material);

	assert_non_null(key);
	for (unsigned n = 1; n <= COPIES; n++)
		check_burst(e, crypto, key, n);
	eg_crypto_key_free(store, key);
}

static void check_all(const char *name, enum eg_cipher cipher, const unsigned expected[3])
{
	struct eg_tree tree = vectors_read("wycheproof_aead.json");
	const struct eg_node *list = eg_node_get(tree.docs, name);
	struct eg_keystore *store = eg_keystore_new();
	struct eg_crypto *crypto = eg_crypto_new();
	unsigned valid = 0, refused = 0, foreign = 0;

	assert_non_null(list);
	for (const struct eg_node *node = list->child; node; node = node->next) {
		struct entry e;

		if (!read_entry(node, cipher, &e)) {
			foreign++;
			continue;
		}
		check_entry(&e, crypto, store);
		if (e.valid)
			valid++;
		else
			refused++;
	}
	print_message("Wycheproof %s: %u valid accepted, %u others refused, %u not offered\n", name,
		      valid, refused, foreign);
	assert_int_equal(valid, expected[0]);
	assert_int_equal(refused, expected[1]);
	assert_int_equal(foreign, expected[2]);
	eg_crypto_free(crypto);
	eg_keystore_free(store);
	eg_tree_free(&tree);
}

static void test_gcm(void **state)
{
	(void)state;
	check_all("aes_gcm", EG_CIPHER_AES_GCM, (const unsigned[]){116, 81, 0});
}

static void test_chacha20(void **state)
{
	(void)state;
	check_all("chacha20_poly1305", EG_CIPHER_CHACHA20, (const unsigned[]){256, 60, 0});
}

/* 192-bit keys are not supported: IPsec-MB has no CCM for them. */
static void test_ccm(void **state)
{
	(void)state;
	check_all("aes_ccm", EG_CIPHER_AES_CCM, (const unsigned[]){12, 0, 6});
}

int run_wycheproof_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gcm),
		cmocka_unit_test(test_chacha20),
		cmocka_unit_test(test_ccm),
	};

	return cmocka_run_group_tests_name("crypto Wycheproof", tests, NULL, NULL);
}
