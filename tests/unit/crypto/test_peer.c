/* Random bursts against OpenSSL's AES-GCM, which shares no code with IPsec-MB: what we seal it
 * opens, what it seals we open, and in a burst where some packets are spoiled exactly those fail.
 */
#include "crypto/crypto_tests.h"

#include <openssl/evp.h>

#include "common/random.h"

#define TEXT_MAX 9000
#define KEYS     9
#define GUARD    32 /* bytes behind text and ICV that nobody may touch */

struct peer_key {
	const struct eg_suite *suite;
	uint8_t material[EG_SUITE_KEY_MAX];
	struct eg_crypto_key *key;
};

struct packet {
	const struct peer_key *key;
	uint8_t text[TEXT_MAX + GUARD], plain[TEXT_MAX], icv[16 + GUARD], aad[12], iv[8];
	bool spoiled;
};

struct world {
	struct rng rng;
	struct eg_keystore *store;
	struct eg_crypto *crypto;
	EVP_CIPHER_CTX *peer;
	struct peer_key keys[KEYS];
	struct packet packets[EG_CRYPTO_BURST];
	struct eg_crypto_op ops[EG_CRYPTO_BURST];
};

static const EVP_CIPHER *peer_cipher(const struct eg_suite *suite)
{
	return suite->key_bytes == 16   ? EVP_aes_128_gcm()
	       : suite->key_bytes == 24 ? EVP_aes_192_gcm()
					: EVP_aes_256_gcm();
}

static void peer_start(EVP_CIPHER_CTX *peer, const struct packet *p, uint32_t aad_len, int seal)
{
	const uint8_t *material = p->key->material;
	uint8_t nonce[12];
	int n;

	memcpy(nonce, material + p->key->suite->key_bytes, 4);
	memcpy(nonce + 4, p->iv, 8);
	assert_int_equal(
		EVP_CipherInit_ex(peer, peer_cipher(p->key->suite), NULL, material, nonce, seal),
		1);
	assert_int_equal(EVP_CipherUpdate(peer, NULL, &n, p->aad, (int)aad_len), 1);
}

static void peer_seal(EVP_CIPHER_CTX *peer, struct packet *p, const struct eg_crypto_op *op)
{
	int n;

	peer_start(peer, p, op->aad_len, 1);
	if (op->text_len)
		assert_int_equal(EVP_CipherUpdate(peer, p->text, &n, p->text, (int)op->text_len),
				 1);
	assert_int_equal(EVP_CipherFinal_ex(peer, NULL, &n), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(peer, EVP_CTRL_AEAD_GET_TAG, 16, p->icv), 1);
}

static bool peer_open(EVP_CIPHER_CTX *peer, struct packet *p, const struct eg_crypto_op *op)
{
	int n;

	peer_start(peer, p, op->aad_len, 0);
	if (op->text_len)
		assert_int_equal(EVP_CipherUpdate(peer, p->text, &n, p->text, (int)op->text_len),
				 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(peer, EVP_CTRL_AEAD_SET_TAG, 16, p->icv), 1);
	return EVP_CipherFinal_ex(peer, NULL, &n) == 1;
}

static uint32_t random_size(struct rng *rng)
{
	switch (rng_below(rng, 4)) {
	case 0:
		return (uint32_t)rng_below(rng, 33); /* around the cipher's block */
	case 1:
		return (uint32_t)rng_below(rng, TEXT_MAX + 1);
	default:
		return (uint32_t)rng_below(rng, 1501);
	}
}

static void make_burst(struct world *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct packet *p = &w->packets[i];

		p->key = &w->keys[rng_below(&w->rng, KEYS)];
		w->ops[i] = (struct eg_crypto_op){
			.key = p->key->key,
			.text = p->text,
			.aad = p->aad,
			.iv = p->iv,
			.icv = p->icv,
			.text_len = random_size(&w->rng),
			.aad_len = rng_below(&w->rng, 2) ? 12 : 8,
		};
		rng_fill(&w->rng, p->plain, w->ops[i].text_len);
		rng_fill(&w->rng, p->aad, sizeof(p->aad));
		rng_fill(&w->rng, p->iv, sizeof(p->iv));
		memcpy(p->text, p->plain, w->ops[i].text_len);
		memset(p->text + w->ops[i].text_len, 0x5a, GUARD);
		memset(p->icv, 0x5a, sizeof(p->icv));
		p->spoiled = false;
	}
}

static void assert_guarded(const struct packet *p, uint32_t text_len)
{
	uint8_t guard[GUARD];

	memset(guard, 0x5a, GUARD);
	assert_memory_equal(p->text + text_len, guard, GUARD);
	assert_memory_equal(p->icv + 16, guard, GUARD);
}

static void seal_for_peer(struct world *w, unsigned n)
{
	make_burst(w, n);
	eg_crypto_seal(w->crypto, w->ops, n);
	for (unsigned i = 0; i < n; i++) {
		struct packet *p = &w->packets[i];

		assert_true(w->ops[i].ok);
		assert_guarded(p, w->ops[i].text_len);
		assert_true(peer_open(w->peer, p, &w->ops[i]));
		assert_memory_equal(p->text, p->plain, w->ops[i].text_len);
	}
}

/* Flip one bit of the text, the ICV, the associated data or the IV. */
static void spoil(struct rng *rng, struct packet *p, const struct eg_crypto_op *op)
{
	struct {
		uint8_t *at;
		uint32_t n;
	} parts[] = {{p->icv, 16}, {p->aad, op->aad_len}, {p->iv, 8}, {p->text, op->text_len}};
	uint64_t part = rng_below(rng, op->text_len ? 4 : 3);

	parts[part].at[rng_below(rng, parts[part].n)] ^= (uint8_t)(1 << rng_below(rng, 8));
	p->spoiled = true;
}

static void open_from_peer(struct world *w, unsigned n)
{
	make_burst(w, n);
	for (unsigned i = 0; i < n; i++) {
		peer_seal(w->peer, &w->packets[i], &w->ops[i]);
		if (!rng_below(&w->rng, 5))
			spoil(&w->rng, &w->packets[i], &w->ops[i]);
	}
	eg_crypto_open(w->crypto, w->ops, n);
	for (unsigned i = 0; i < n; i++) {
		const struct packet *p = &w->packets[i];

		assert_int_equal(w->ops[i].ok, !p->spoiled);
		if (!p->spoiled)
			assert_memory_equal(p->text, p->plain, w->ops[i].text_len);
		assert_guarded(p, w->ops[i].text_len);
	}
}

static struct world *new_world(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->rng = rng_start("bursts against OpenSSL");
	w->store = eg_keystore_new();
	w->crypto = eg_crypto_new();
	w->peer = EVP_CIPHER_CTX_new();
	for (unsigned i = 0; i < KEYS; i++) {
		struct peer_key *key = &w->keys[i];

		key->suite = &eg_suites[i % EG_SUITE_COUNT];
		rng_fill(&w->rng, key->material, sizeof(key->material));
		key->key = eg_crypto_key_new(w->store, key->suite, key->material);
		assert_non_null(key->key);
	}
	return w;
}

static void free_world(struct world *w)
{
	EVP_CIPHER_CTX_free(w->peer);
	eg_crypto_free(w->crypto);
	eg_keystore_free(w->store);
	free(w);
}

static void test_bursts(void **state)
{
	struct world *w = new_world();

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		seal_for_peer(w, 1 + (unsigned)rng_below(&w->rng, EG_CRYPTO_BURST));
		open_from_peer(w, 1 + (unsigned)rng_below(&w->rng, EG_CRYPTO_BURST));
	}
	seal_for_peer(w, EG_CRYPTO_BURST);
	open_from_peer(w, EG_CRYPTO_BURST);
	free_world(w);
}

int run_peer_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bursts),
	};

	return cmocka_run_group_tests_name("crypto against OpenSSL", tests, NULL, NULL);
}
