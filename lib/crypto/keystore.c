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

int eg_crypto_self_test(struct eg_errs *errs)
{
	IMB_MGR *mgr = alloc_mb_mgr(0);
	int ret = -1;

	if (!mgr) {
		eg_error(errs, NULL, "ipsec-mb", "out of memory");
		return -1;
	}
	init_mb_mgr_auto(mgr, NULL);
	if (imb_get_errno(mgr))
		eg_error(errs, NULL, "ipsec-mb", "%s", imb_get_strerror(imb_get_errno(mgr)));
	else if (!(mgr->features & IMB_FEATURE_SELF_TEST_PASS))
		eg_error(errs, NULL, "ipsec-mb",
			 "self-test of %s failed: it must not touch packets", eg_crypto_version());
	else
		ret = 0;
	free_mb_mgr(mgr);
	return ret;
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

void eg_keystore_free(struct eg_keystore *store)
{
	if (!store)
		return;
	eg_slab_free(&store->keys);
	free_mb_mgr(store->mgr);
	free(store);
}

struct eg_crypto_key *eg_crypto_key_new(struct eg_keystore *store, const struct eg_suite *suite,
					const uint8_t *material)
{
	struct eg_crypto_key *key = eg_slab_get(&store->keys);

	if (!key)
		return NULL;
	switch (suite->key_bytes) {
	case 16:
		IMB_AES128_GCM_PRE(store->mgr, material, &key->gcm);
		break;
	case 24:
		IMB_AES192_GCM_PRE(store->mgr, material, &key->gcm);
		break;
	default:
		IMB_AES256_GCM_PRE(store->mgr, material, &key->gcm);
		break;
	}
	memcpy(key->salt, material + suite->key_bytes, sizeof(key->salt));
	key->key_bytes = suite->key_bytes;
	key->icv_bytes = suite->icv_bytes;
	return key;
}

void eg_crypto_key_free(struct eg_keystore *store, struct eg_crypto_key *key)
{
	eg_slab_put(&store->keys, key);
}

/* Slab objects are zeroed before they are filled, so equal keys are equal bytes. */
int eg_crypto_key_order(const struct eg_crypto_key *a, const struct eg_crypto_key *b)
{
	return memcmp(a, b, sizeof(*a));
}

/* HMAC-SHA256 (RFC 2104) under the key itself, so that the result says nothing of the key but
 * whether another one is the same. */
void eg_crypto_fingerprint(struct eg_keystore *store, const struct eg_suite *suite,
			   const uint8_t *material, uint8_t out[EG_FINGERPRINT_BYTES])
{
	static const char label[] = "espgate key fingerprint";
	size_t n = (size_t)suite->key_bytes + suite->salt_bytes;
	uint8_t block[64 + sizeof(label)] = {0}, outer[64 + 32] = {0}, digest[32];

	/* No key with its salt is longer than a block of the hash. */
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
