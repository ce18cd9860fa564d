#include "common/peer.h"

#include <openssl/evp.h>

#include "common/test.h"

static const EVP_CIPHER *cipher_of(const struct eg_suite *suite)
{
	static const char *const modes[] = {
		[EG_CIPHER_AES_CBC] = "cbc", [EG_CIPHER_AES_CTR] = "ctr",
		[EG_CIPHER_AES_GCM] = "gcm", [EG_CIPHER_AES_GMAC] = "gcm",
		[EG_CIPHER_AES_CCM] = "ccm",
	};
	const EVP_CIPHER *cipher;
	char name[32];

	if (suite->cipher == EG_CIPHER_CHACHA20)
		return EVP_chacha20_poly1305();
	snprintf(name, sizeof(name), "aes-%d-%s", suite->key_bytes * 8, modes[suite->cipher]);
	cipher = EVP_get_cipherbyname(name);
	assert_non_null(cipher);
	return cipher;
}

static void update(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in, size_t n)
{
	int got;

	if (n || out) /* CCM needs the call even for empty text */
		assert_int_equal(EVP_CipherUpdate(ctx, out, &got, in, (int)n), 1);
}

/* Additional authenticated data. */
static void add_aad(EVP_CIPHER_CTX *ctx, const struct eg_suite *suite,
		    const struct eg_crypto_op *op)
{
	update(ctx, NULL, op->aad, op->aad_len);
	if (suite->cipher != EG_CIPHER_AES_GMAC)
		return;
	update(ctx, NULL, op->iv, suite->iv_bytes);
	update(ctx, NULL, op->text, op->text_len);
}

/* CCM needs the tag or its length before the key, and the text length before the data. */
static EVP_CIPHER_CTX *start_aead(const struct eg_suite *suite, const uint8_t *material,
				  const struct eg_crypto_op *op, int seal)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ccm = suite->cipher == EG_CIPHER_AES_CCM;
	unsigned iv_bytes = suite->iv == EG_IV_SEQ ? 8 : suite->iv_bytes; /* RFC 8750 s4 */
	uint8_t nonce[12];
	int got;

	memcpy(nonce, material + suite->key_bytes, suite->salt_bytes);
	memcpy(nonce + suite->salt_bytes, op->iv, iv_bytes);
	assert_int_equal(EVP_CipherInit_ex(ctx, cipher_of(suite), NULL, NULL, NULL, seal), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN,
					     suite->salt_bytes + (int)iv_bytes, NULL),
			 1);
	if (ccm || !seal)
		assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, suite->icv_bytes,
						     seal ? NULL : op->icv),
				 1);
	assert_int_equal(EVP_CipherInit_ex(ctx, NULL, NULL, material, nonce, seal), 1);
	if (ccm)
		assert_int_equal(EVP_CipherUpdate(ctx, NULL, &got, NULL, (int)op->text_len), 1);
	add_aad(ctx, suite, op);
	return ctx;
}

static void seal_aead(const struct eg_suite *suite, const uint8_t *material,
		      const struct eg_crypto_op *op)
{
	EVP_CIPHER_CTX *ctx = start_aead(suite, material, op, 1);
	uint8_t none[16];
	int got;

	if (suite->cipher != EG_CIPHER_AES_GMAC)
		update(ctx, op->text, op->text, op->text_len);
	assert_int_equal(EVP_CipherFinal_ex(ctx, none, &got), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, suite->icv_bytes, op->icv),
			 1);
	EVP_CIPHER_CTX_free(ctx);
}

static bool open_aead(const struct eg_suite *suite, const uint8_t *material,
		      const struct eg_crypto_op *op)
{
	EVP_CIPHER_CTX *ctx = start_aead(suite, material, op, 0);
	uint8_t none[16];
	bool good = true;
	int got;

	if (suite->cipher != EG_CIPHER_AES_GMAC)
		good = EVP_CipherUpdate(ctx, op->text, &got, op->text, (int)op->text_len) == 1;
	/* For CCM the tag has been checked already. */
	if (suite->cipher != EG_CIPHER_AES_CCM)
		good = good && EVP_CipherFinal_ex(ctx, none, &got) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

static void crypt(const struct eg_suite *suite, const uint8_t *material,
		  const struct eg_crypto_op *op, int seal)
{
	uint8_t iv[16] = {0}, none[16];
	EVP_CIPHER_CTX *ctx;
	int got;

	if (suite->cipher == EG_CIPHER_NULL)
		return;
	memcpy(iv, material + suite->key_bytes, suite->salt_bytes);
	memcpy(iv + suite->salt_bytes, op->iv, suite->iv_bytes);
	if (suite->cipher == EG_CIPHER_AES_CTR)
		iv[15] = 1; /* RFC 3686 s4 */
	ctx = EVP_CIPHER_CTX_new();
	assert_int_equal(EVP_CipherInit_ex(ctx, cipher_of(suite), NULL, material, iv, seal), 1);
	assert_int_equal(EVP_CIPHER_CTX_set_padding(ctx, 0), 1);
	update(ctx, op->text, op->text, op->text_len);
	assert_int_equal(EVP_CipherFinal_ex(ctx, none, &got), 1);
	EVP_CIPHER_CTX_free(ctx);
}

/* RFC 4303 s3.3.2.1: SPI and low half, IV, ciphertext; then the high half. */
static void mac(const struct eg_suite *suite, const uint8_t *material,
		const struct eg_crypto_op *op, uint8_t icv[EG_SUITE_ICV_MAX])
{
	char names[][8] = {
		[EG_AUTH_SHA1_96] = "SHA1",
		[EG_AUTH_SHA256_128] = "SHA256",
		[EG_AUTH_SHA384_192] = "SHA384",
		[EG_AUTH_SHA512_256] = "SHA512",
	};
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("digest", names[suite->auth], 0),
		OSSL_PARAM_construct_end(),
	};
	bool esn = op->aad_len == 12;
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac);
	uint8_t digest[64];
	size_t n;

	assert_int_equal(EVP_MAC_init(ctx, material + suite->key_bytes + suite->salt_bytes,
				      suite->auth_key_bytes, params),
			 1);
	assert_int_equal(EVP_MAC_update(ctx, op->aad, 4), 1);
	assert_int_equal(EVP_MAC_update(ctx, op->aad + (esn ? 8 : 4), 4), 1);
	assert_int_equal(EVP_MAC_update(ctx, op->iv, suite->iv_bytes), 1);
	assert_int_equal(EVP_MAC_update(ctx, op->text, op->text_len), 1);
	if (esn)
		assert_int_equal(EVP_MAC_update(ctx, op->aad + 4, 4), 1);
	assert_int_equal(EVP_MAC_final(ctx, digest, &n, sizeof(digest)), 1);
	memcpy(icv, digest, suite->icv_bytes);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(hmac);
}

void peer_seal(const struct eg_suite *suite, const uint8_t *material, const struct eg_crypto_op *op)
{
	if (suite->auth == EG_AUTH_AEAD) {
		seal_aead(suite, material, op);
		return;
	}
	crypt(suite, material, op, 1);
	mac(suite, material, op, op->icv);
}

bool peer_open(const struct eg_suite *suite, const uint8_t *material, const struct eg_crypto_op *op)
{
	uint8_t icv[EG_SUITE_ICV_MAX];

	if (suite->auth == EG_AUTH_AEAD)
		return open_aead(suite, material, op);
	mac(suite, material, op, icv);
	crypt(suite, material, op, 0);
	return !memcmp(icv, op->icv, suite->icv_bytes);
}
