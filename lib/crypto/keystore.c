#include "crypto/crypto.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/slab.h"
#include "crypto/key.h"

struct eg_keystore {
	IMB_MGR *mgr;
	struct eg_slab keys;
};

const char *eg_crypto_version(void)
{
	return imb_get_version_str();
}

struct eg_keystore *eg_keystore_new(void)
{
	struct eg_keystore *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->mgr = alloc_mb_mgr(0);
	if (!store->mgr) {
		free(store);
		return NULL;
	}
	init_mb_mgr_auto(store->mgr, NULL);
	eg_slab_init(&store->keys, sizeof(struct eg_crypto_key));
	return store;
}

bool eg_keystore_swappable(const struct eg_keystore *store)
{
	return store->keys.swappable;
}

void eg_keystore_free(struct eg_keystore *store)
{
	if (!store)
		return;
	eg_slab_free(&store->keys);
	free_mb_mgr(store->mgr);
	free(store);
}

/* IPsec-MB's names and the job family. An AEAD has one name as cipher and one as hash. */
static const struct {
	uint8_t mode, tag, family;
} ciphers[] = {
	[EG_CIPHER_NULL] = {IMB_CIPHER_NULL, 0, EG_JOB_HMAC},
	[EG_CIPHER_AES_CBC] = {IMB_CIPHER_CBC, 0, EG_JOB_HMAC},
	[EG_CIPHER_AES_CTR] = {IMB_CIPHER_CNTR, 0, EG_JOB_HMAC},
	[EG_CIPHER_AES_GCM] = {IMB_CIPHER_GCM, IMB_AUTH_AES_GMAC, EG_JOB_GCM},
	[EG_CIPHER_AES_GMAC] = {IMB_CIPHER_GCM, IMB_AUTH_AES_GMAC, EG_JOB_GMAC},
	[EG_CIPHER_AES_CCM] = {IMB_CIPHER_CCM, IMB_AUTH_AES_CCM, EG_JOB_AEAD},
	[EG_CIPHER_CHACHA20] = {IMB_CIPHER_CHACHA20_POLY1305, IMB_AUTH_CHACHA20_POLY1305,
				EG_JOB_AEAD},
};

static const uint8_t hashes[] = {
	[EG_AUTH_SHA1_96] = IMB_AUTH_HMAC_SHA_1,
	[EG_AUTH_SHA256_128] = IMB_AUTH_HMAC_SHA_256,
	[EG_AUTH_SHA384_192] = IMB_AUTH_HMAC_SHA_384,
	[EG_AUTH_SHA512_256] = IMB_AUTH_HMAC_SHA_512,
};

static void expand_gcm(IMB_MGR *mgr, const uint8_t *material, unsigned key_bytes,
		       struct gcm_key_data *gcm)
{
	switch (key_bytes) {
	case 16:
		IMB_AES128_GCM_PRE(mgr, material, gcm);
		break;
	case 24:
		IMB_AES192_GCM_PRE(mgr, material, gcm);
		break;
	default:
		IMB_AES256_GCM_PRE(mgr, material, gcm);
		break;
	}
}

static void expand_aes(IMB_MGR *mgr, const uint8_t *material, unsigned key_bytes, uint8_t *enc,
		       uint8_t *dec)
{
	switch (key_bytes) {
	case 16:
		IMB_AES_KEYEXP_128(mgr, material, enc, dec);
		break;
	case 24:
		IMB_AES_KEYEXP_192(mgr, material, enc, dec);
		break;
	default:
		IMB_AES_KEYEXP_256(mgr, material, enc, dec);
		break;
	}
}

static void expand_gcm4(IMB_MGR *mgr, const uint8_t *material, struct eg_crypto_key *key)
{
	_Alignas(16) uint8_t schedule[2][EG_AES_ROUND_KEYS];

	expand_aes(mgr, material, key->key_bytes, schedule[0], schedule[1]);
	eg_gcm4_expand(&key->gcm4, schedule[0], key->key_bytes / 4u + 6);
	memcpy(key->gcm4.salt, key->salt, sizeof(key->gcm4.salt));
	key->gcm4.icv_bytes = key->icv_bytes;
	eg_secret_wipe(schedule, sizeof(schedule));
}

static void expand_cipher(IMB_MGR *mgr, enum eg_cipher cipher, const uint8_t *material,
			  struct eg_crypto_key *key)
{
	switch (cipher) {
	case EG_CIPHER_NULL:
		break;
	case EG_CIPHER_AES_GCM:
		if (!eg_gcm4_supported()) {
			expand_gcm(mgr, material, key->key_bytes, &key->gcm);
			break;
		}
		key->multi = EG_MULTI_GCM4;
		expand_gcm4(mgr, material, key);
		key->imb_offset = offsetof(struct eg_crypto_key, gcm_behind);
		expand_gcm(mgr, material, key->key_bytes, &key->gcm_behind);
		break;
	case EG_CIPHER_AES_GMAC:
		expand_gcm(mgr, material, key->key_bytes, &key->gcm);
		break;
	case EG_CIPHER_AES_CBC:
	case EG_CIPHER_AES_CTR:
	case EG_CIPHER_AES_CCM:
		expand_aes(mgr, material, key->key_bytes, key->aes.enc, key->aes.dec);
		break;
	case EG_CIPHER_CHACHA20:
		memcpy(key->chacha.key, material, sizeof(key->chacha.key));
		memcpy(key->chacha.salt, key->salt, sizeof(key->chacha.salt));
		key->multi = eg_chacha16_supported() ? EG_MULTI_CHACHA16 : EG_MULTI_NONE;
		break;
	}
}

/* Hash state after one block of the key XORed with `pad` (RFC 2104 s2, s4). Keys are never longer
 * than a block. */
static void hash_pad(IMB_MGR *mgr, const struct eg_suite *suite, const uint8_t *auth_key,
		     uint8_t pad, uint8_t state[EG_HMAC_STATE_MAX])
{
	uint8_t block[128];

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < suite->auth_key_bytes; i++)
		block[i] ^= auth_key[i];
	switch (suite->auth) {
	case EG_AUTH_AEAD:
		break;
	case EG_AUTH_SHA1_96:
		IMB_SHA1_ONE_BLOCK(mgr, block, state);
		break;
	case EG_AUTH_SHA256_128:
		IMB_SHA256_ONE_BLOCK(mgr, block, state);
		break;
	case EG_AUTH_SHA384_192:
		IMB_SHA384_ONE_BLOCK(mgr, block, state);
		break;
	case EG_AUTH_SHA512_256:
		IMB_SHA512_ONE_BLOCK(mgr, block, state);
		break;
	}
	eg_secret_wipe(block, sizeof(block));
}

static void make_sessions(IMB_MGR *mgr, struct eg_crypto_key *key)
{
	for (int seal = 0; seal < 2; seal++) {
		IMB_JOB job = {
			.key_len_in_bytes = key->key_bytes,
			.cipher_mode = key->cipher_mode,
			.hash_alg = key->hash_alg,
			.cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT,
		};

		eg_imb_session_make(mgr, &job, &key->session[seal]);
	}
}

struct eg_crypto_key *eg_crypto_key_new(struct eg_keystore *store, const struct eg_suite *suite,
					const uint8_t *material)
{
	const uint8_t *auth_key = material + suite->key_bytes + suite->salt_bytes;
	struct eg_crypto_key *key = eg_slab_get(&store->keys);

	if (!key)
		return NULL;
	key->key_bytes = suite->key_bytes;
	key->salt_bytes = suite->salt_bytes;
	key->iv_bytes = suite->iv_bytes;
	key->icv_bytes = suite->icv_bytes;
	/* CBC uses the packet's IV as is. */
	key->nonce_bytes = (uint8_t)(suite->salt_bytes + eg_suite_cipher_iv_bytes(suite));
	key->mac_first = suite->cipher == EG_CIPHER_AES_CCM;
	key->cipher_mode = ciphers[suite->cipher].mode;
	memcpy(key->salt, material + suite->key_bytes, suite->salt_bytes);
	expand_cipher(store->mgr, suite->cipher, material, key);
	key->family = ciphers[suite->cipher].family;
	if (suite->auth == EG_AUTH_AEAD) {
		key->hash_alg = ciphers[suite->cipher].tag;
	} else {
		key->hash_alg = hashes[suite->auth];
		hash_pad(store->mgr, suite, auth_key, 0x36, key->aes.ipad);
		hash_pad(store->mgr, suite, auth_key, 0x5c, key->aes.opad);
	}
	make_sessions(store->mgr, key);
	return key;
}

void eg_crypto_key_free(struct eg_keystore *store, struct eg_crypto_key *key)
{
	eg_slab_put(&store->keys, key);
}

/* Slab objects are zeroed before they are filled, so equal keys are equal bytes. */
bool eg_crypto_key_equal(const struct eg_crypto_key *a, const struct eg_crypto_key *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Expanded keys begin with the key itself. Suites without encryption compare the HMAC key. */
int eg_crypto_key_order(const struct eg_crypto_key *a, const struct eg_crypto_key *b)
{
	int order = (a->key_bytes > b->key_bytes) - (a->key_bytes < b->key_bytes);

	if (!order)
		order = memcmp(a->aes.enc, b->aes.enc, a->key_bytes);
	if (!order)
		order = memcmp(a->salt, b->salt, sizeof(a->salt));
	if (!order && !a->key_bytes)
		order = memcmp(a->aes.ipad, b->aes.ipad, sizeof(a->aes.ipad));
	return order;
}

/* HMAC-SHA256 (RFC 2104) keyed with the key itself: the result only reveals whether two keys are
 * equal. */
void eg_crypto_fingerprint(struct eg_keystore *store, const struct eg_suite *suite,
			   const uint8_t *material, uint8_t out[EG_FINGERPRINT_BYTES])
{
	static const char label[] = "espgate key fingerprint";
	/* NULL encryption has no encryption key: use the authentication key. */
	size_t n = suite->key_bytes ? (size_t)suite->key_bytes + suite->salt_bytes
				    : suite->auth_key_bytes;
	uint8_t block[64 + sizeof(label)] = {0}, outer[64 + 32] = {0}, digest[32];

	/* No key is longer than a block of the hash. */
	memset(block, 0x36, 64);
	memset(outer, 0x5c, 64);
	for (size_t i = 0; i < n; i++) {
		block[i] ^= material[i];
		outer[i] ^= material[i];
	}
	memcpy(block + 64, label, sizeof(label));
	IMB_SHA256(store->mgr, block, sizeof(block), outer + 64);
	IMB_SHA256(store->mgr, outer, sizeof(outer), digest);
	memcpy(out, digest, EG_FINGERPRINT_BYTES);
	eg_secret_wipe(block, sizeof(block));
	eg_secret_wipe(outer, sizeof(outer));
}
