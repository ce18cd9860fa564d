/* Wycheproof's AES-GCM entries with a 96-bit IV and a 128-bit tag: what is valid is accepted and
 * equal in both directions, all else is refused. */
#include "crypto/crypto_tests.h"

#include "common/vectors.h"

#define TEXT_MAX 1024

struct entry {
	const struct eg_suite *suite;
	uint8_t material[EG_SUITE_KEY_MAX]; /* key, then the salt: the IV's first four bytes */
	uint8_t iv[8], aad[TEXT_MAX], msg[TEXT_MAX], ct[TEXT_MAX], tag[16];
	size_t aad_len, msg_len;
	bool valid;
};

static void read_entry(const struct eg_node *node, struct entry *e)
{
	uint8_t nonce[12];
	size_t key_bytes = vectors_bytes(node, "key", e->material, 32);

	e->suite = crypto_suite(key_bytes);
	assert_int_equal(vectors_bytes(node, "iv", nonce, sizeof(nonce)), sizeof(nonce));
	memcpy(e->material + key_bytes, nonce, 4);
	memcpy(e->iv, nonce + 4, 8);
	e->aad_len = vectors_bytes(node, "aad", e->aad, sizeof(e->aad));
	e->msg_len = vectors_bytes(node, "msg", e->msg, sizeof(e->msg));
	assert_int_equal(vectors_bytes(node, "ct", e->ct, sizeof(e->ct)), e->msg_len);
	assert_int_equal(vectors_bytes(node, "tag", e->tag, sizeof(e->tag)), sizeof(e->tag));
	e->valid = !strcmp(vectors_text(node, "result"), "valid");
}

static void check_entry(const struct entry *e, struct eg_crypto *crypto, struct eg_keystore *store)
{
	uint8_t text[TEXT_MAX], icv[16];
	struct eg_crypto_key *key = eg_crypto_key_new(store, e->suite, e->material);
	struct eg_crypto_op op = {
		.key = key,
		.text = text,
		.aad = e->aad,
		.iv = e->iv,
		.icv = icv,
		.text_len = (uint32_t)e->msg_len,
		.aad_len = (uint32_t)e->aad_len,
	};

	assert_non_null(key);
	memcpy(text, e->ct, e->msg_len);
	memcpy(icv, e->tag, sizeof(icv));
	eg_crypto_open(crypto, &op, 1);
	assert_int_equal(op.ok, e->valid);
	if (e->valid)
		assert_memory_equal(text, e->msg, e->msg_len);

	memcpy(text, e->msg, e->msg_len);
	memset(icv, 0, sizeof(icv));
	eg_crypto_seal(crypto, &op, 1);
	assert_true(op.ok);
	if (e->valid) {
		assert_memory_equal(text, e->ct, e->msg_len);
		assert_memory_equal(icv, e->tag, sizeof(icv));
	} else { /* what we make is never what must be refused */
		assert_true(memcmp(text, e->ct, e->msg_len) || memcmp(icv, e->tag, sizeof(icv)));
	}
	eg_crypto_key_free(store, key);
}

static void test_wycheproof(void **state)
{
	struct eg_tree tree = vectors_read("wycheproof_aead.json");
	const struct eg_node *gcm = eg_node_get(tree.docs, "aes_gcm");
	struct eg_keystore *store = eg_keystore_new();
	struct eg_crypto *crypto = eg_crypto_new();
	unsigned valid = 0, refused = 0;

	(void)state;
	assert_non_null(gcm);
	for (const struct eg_node *node = gcm->child; node; node = node->next) {
		struct entry e;

		read_entry(node, &e);
		check_entry(&e, crypto, store);
		if (e.valid)
			valid++;
		else
			refused++;
	}
	print_message("Wycheproof aes_gcm: %u valid accepted, %u others refused\n", valid, refused);
	assert_int_equal(valid, 116);
	assert_int_equal(refused, 81);
	eg_crypto_free(crypto);
	eg_keystore_free(store);
	eg_tree_free(&tree);
}

int run_wycheproof_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wycheproof),
	};

	return cmocka_run_group_tests_name("crypto Wycheproof", tests, NULL, NULL);
}
