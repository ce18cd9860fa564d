/* Private to lib/crypto: converts an op to an IPsec-MB job, one function per family. The burst call
 * does not check arguments, so the library's requirements are met here:
 *   - CBC needs whole blocks, at least one: guaranteed by ESP padding (RFC 3602 s2.4).
 *   - CTR, GCM and ChaCha20-Poly1305 take a 12-byte nonce of salt and IV, and set the block counter
 *   themselves: 1 for CTR (RFC 3686 s4) and for ChaCha20's text (RFC 7634 s2), 2 for GCM's.
 *   - CCM takes an 11-byte nonce and at most 46 bytes of associated data.
 *   - A hash needs at least one byte: there is always an ESP header.
 * All operations are in place, and all lengths fit into 16 bits. */
#ifndef EG_CRYPTO_JOB_H
#define EG_CRYPTO_JOB_H

#include <stddef.h>
#include <string.h>

#include "crypto/crypto.h"
#include "crypto/key.h"

#define EG_ESP_HEADER   8 /* SPI, low half of the sequence number */
#define EG_ESP_HIGH     4 /* high half of an ESN */
#define EG_ESN_AAD      12
#define EG_ESN_AAD_HIGH 4 /* its offset in the associated data (RFC 4106 s5) */

/* Memory of one job beside the packet. */
struct eg_job_scratch {
	uint8_t *nonce; /* 16 bytes */
	uint8_t *tag;   /* seal: the packet's ICV; open: the computed ICV, for comparison */
	uint8_t *saved; /* EG_SUITE_ICV_MAX: packet bytes that the job overwrites temporarily */
};

/* The AAD fields have the same place for every AEAD. */
_Static_assert(offsetof(IMB_JOB, u.GCM.aad) == offsetof(IMB_JOB, u.CCM.aad) &&
		       offsetof(IMB_JOB, u.GCM.aad) == offsetof(IMB_JOB, u.CHACHA20_POLY1305.aad),
	       "u.GCM stands for all");
_Static_assert(offsetof(IMB_JOB, u.GCM.aad_len_in_bytes) ==
			       offsetof(IMB_JOB, u.CCM.aad_len_in_bytes) &&
		       offsetof(IMB_JOB, u.GCM.aad_len_in_bytes) ==
			       offsetof(IMB_JOB, u.CHACHA20_POLY1305.aad_len_in_bytes),
	       "u.GCM stands for all");

static inline uint8_t *eg_job_header(const struct eg_crypto_op *op)
{
	return op->text - op->key->iv_bytes - EG_ESP_HEADER;
}

static inline bool eg_job_esn(const struct eg_crypto_op *op)
{
	return op->aad_len == EG_ESN_AAD;
}

/* Fields common to all families. */
static inline void eg_job_fill_key(IMB_JOB *job, const struct eg_crypto_op *op,
				   const struct eg_job_scratch *scratch, bool seal)
{
	const struct eg_crypto_key *key = op->key;

	job->enc_keys = job->dec_keys = (const uint8_t *)key + key->imb_offset;
	job->key_len_in_bytes = key->key_bytes;
	job->iv = scratch->nonce;
	job->iv_len_in_bytes = key->nonce_bytes;
	job->auth_tag_output = scratch->tag;
	job->auth_tag_output_len_in_bytes = key->icv_bytes;
	job->cipher_mode = key->cipher_mode;
	job->hash_alg = key->hash_alg;
	job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->chain_order = seal == key->mac_first ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
	eg_imb_session_use(&key->session[seal], job);
}

/* Deterministic nonce of RFC 4106 s4, RFC 3686 s4, RFC 7634 s2: the salt, then the packet's IV. CCM
 * has a 3-byte salt (RFC 4309 s4). */
static inline void eg_job_make_nonce(const struct eg_job_scratch *scratch,
				     const struct eg_crypto_op *op)
{
	memcpy(scratch->nonce, op->key->salt, sizeof(op->key->salt));
	memcpy(scratch->nonce + op->key->salt_bytes, op->iv, 8);
}

/* Text and associated data of an AEAD. */
static inline void eg_job_fill_text(IMB_JOB *job, const struct eg_crypto_op *op)
{
	job->src = job->dst = op->text;
	job->cipher_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = op->text_len;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = op->text_len;
	job->u.GCM.aad = op->aad;
	job->u.GCM.aad_len_in_bytes = op->aad_len;
}

/* GCM is the common case: values that eg_job_fill_aead() loads from the key, which may not be
 * cached, are constants here. Saves 1 ns of 33 at 64 bytes. */
static inline void eg_job_fill_gcm(IMB_JOB *job, const struct eg_crypto_op *op,
				   const struct eg_job_scratch *scratch, bool seal)
{
	const struct eg_crypto_key *key = op->key;

	memcpy(scratch->nonce, key->salt, 4);
	memcpy(scratch->nonce + 4, op->iv, 8);
	job->enc_keys = job->dec_keys = (const uint8_t *)key + key->imb_offset;
	job->key_len_in_bytes = key->key_bytes;
	job->iv = scratch->nonce;
	job->iv_len_in_bytes = 12;
	job->auth_tag_output = scratch->tag;
	job->auth_tag_output_len_in_bytes = key->icv_bytes;
	job->cipher_mode = IMB_CIPHER_GCM;
	job->hash_alg = IMB_AUTH_AES_GMAC;
	job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	eg_imb_session_use(&key->session[seal], job);
	eg_job_fill_text(job, op);
}

static inline void eg_job_fill_aead(IMB_JOB *job, const struct eg_crypto_op *op,
				    const struct eg_job_scratch *scratch, bool seal)
{
	eg_job_fill_key(job, op, scratch, seal);
	eg_job_make_nonce(scratch, op);
	eg_job_fill_text(job, op);
}

/* GCM without text: the associated data are SPI, sequence number (64 bits with ESN), IV and
 * everything after it (RFC 4543 s3.3). They must be contiguous, so with ESN the SPI moves 4 bytes
 * forward and the high half takes its place until eg_job_restore(). */
static inline void eg_job_fill_gmac(IMB_JOB *job, const struct eg_crypto_op *op,
				    const struct eg_job_scratch *scratch, bool seal)
{
	uint8_t *from = eg_job_header(op);

	eg_job_fill_key(job, op, scratch, seal);
	eg_job_make_nonce(scratch, op);
	if (eg_job_esn(op)) {
		from -= EG_ESP_HIGH;
		memcpy(scratch->saved, from, EG_ESP_HIGH + EG_ESP_HEADER);
		memcpy(from, op->aad, EG_ESN_AAD);
	}
	job->src = job->dst = op->text;
	job->cipher_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = 0;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = 0;
	job->u.GCM.aad = from;
	job->u.GCM.aad_len_in_bytes = (uint64_t)(op->text - from) + op->text_len;
}

/* Encrypt-then-MAC (RFC 4303 s3.3.2.1): the hash covers header, IV and ciphertext, and with ESN the
 * high half after them (s2.2.1), which temporarily overwrites the ICV. */
static inline void eg_job_fill_hmac(IMB_JOB *job, const struct eg_crypto_op *op,
				    const struct eg_job_scratch *scratch, bool seal)
{
	const struct eg_crypto_key *key = op->key;
	uint8_t *header = eg_job_header(op);
	uint64_t before = (uint64_t)(op->text - header);

	eg_job_fill_key(job, op, scratch, seal);
	job->dec_keys = key->aes.dec;
	if (key->nonce_bytes == 12)
		eg_job_make_nonce(scratch, op);
	else
		job->iv = op->iv;
	job->src = header;
	job->dst = op->text;
	job->cipher_start_src_offset_in_bytes = before;
	job->msg_len_to_cipher_in_bytes = op->text_len;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = before + op->text_len;
	if (eg_job_esn(op)) {
		uint8_t *after = op->text + op->text_len;

		memcpy(scratch->saved, after, key->icv_bytes);
		memcpy(after, op->aad + EG_ESN_AAD_HIGH, EG_ESP_HIGH);
		job->msg_len_to_hash_in_bytes += EG_ESP_HIGH;
	}
	job->u.HMAC._hashed_auth_key_xor_ipad = key->aes.ipad;
	job->u.HMAC._hashed_auth_key_xor_opad = key->aes.opad;
}

/* After the job: restore the packet's bytes. The ICV written by sealing stays. */
static inline void eg_job_restore(const struct eg_crypto_op *op, const uint8_t *saved, bool seal)
{
	if (!eg_job_esn(op))
		return;
	if (op->key->family == EG_JOB_GMAC)
		memcpy(eg_job_header(op) - EG_ESP_HIGH, saved, EG_ESP_HIGH + EG_ESP_HEADER);
	else if (op->key->family == EG_JOB_HMAC && !seal)
		memcpy(op->text + op->text_len, saved, op->key->icv_bytes);
}

#endif
