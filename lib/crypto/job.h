/* Private to lib/crypto: an op as an IPsec-MB job, one function a family. Nothing is checked on the
 * way in (the burst call is the one without checks), so what IPsec-MB demands is met here:
 *  - CBC wants whole blocks, and at least one: ESP's padding (RFC 3602 s2.4) sees to it.
 *  - CTR, GCM and ChaCha20-Poly1305 take a nonce of 12 bytes, salt and IV, and set the block
 * counter themselves: 1 for CTR (RFC 3686 s4) and for ChaCha20's text (RFC 7634 s2), 2 for GCM's.
 *  - CCM takes 11 bytes, and at most 46 of associated data.
 *  - A hash needs at least a byte: there is always an ESP header.
 * All is in place, and no length is beyond 16 bits. */
#ifndef EG_CRYPTO_JOB_H
#define EG_CRYPTO_JOB_H

#include <stddef.h>
#include <string.h>

#include "crypto/crypto.h"
#include "crypto/key.h"

#define EG_ESP_HEADER   8 /* SPI, low half of the sequence number */
#define EG_ESP_HIGH     4 /* high half, of ESN */
#define EG_ESN_AAD      12
#define EG_ESN_AAD_HIGH 4 /* where it stands in the associated data (RFC 4106 s5) */

/* One job's memory beside the packet. */
struct eg_job_scratch {
	uint8_t *nonce; /* 16 bytes */
	uint8_t *tag;   /* the ICV's place; open: room for what the ICV should be */
	uint8_t *aside; /* EG_SUITE_ICV_MAX: bytes of the packet whose place the job borrows */
};

/* What an AEAD's job says of associated data is the same whichever it is. */
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

/* What all families have alike. */
static inline void eg_job_fill_key(IMB_JOB *job, const struct eg_crypto_op *op,
				   const struct eg_job_scratch *room, bool seal)
{
	const struct eg_crypto_key *key = op->key;

	job->enc_keys = job->dec_keys = key;
	job->key_len_in_bytes = key->key_bytes;
	job->iv = room->nonce;
	job->iv_len_in_bytes = key->nonce_bytes;
	job->auth_tag_output = room->tag;
	job->auth_tag_output_len_in_bytes = key->icv_bytes;
	job->cipher_mode = key->cipher_mode;
	job->hash_alg = key->hash_alg;
	job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->chain_order = seal == key->mac_first ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
	eg_imb_session_use(&key->session[seal], job);
}

/* The deterministic nonce of RFC 4106 s4, RFC 3686 s4, RFC 7634 s2: salt, then the packet's IV. CCM
 * has a salt of 3 bytes (RFC 4309 s4). */
static inline void eg_job_make_nonce(const struct eg_job_scratch *room,
				     const struct eg_crypto_op *op)
{
	memcpy(room->nonce, op->key->salt, sizeof(op->key->salt));
	memcpy(room->nonce + op->key->salt_bytes, op->iv, 8);
}

/* The text and associated data of an AEAD. */
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

/* What most traffic takes: what the next function loads from the key, which may not be in the
 * cache, are constants here. It saves 1 ns of 33 at 64 bytes. */
static inline void eg_job_fill_gcm(IMB_JOB *job, const struct eg_crypto_op *op,
				   const struct eg_job_scratch *room, bool seal)
{
	const struct eg_crypto_key *key = op->key;

	memcpy(room->nonce, key->salt, 4);
	memcpy(room->nonce + 4, op->iv, 8);
	job->enc_keys = job->dec_keys = key;
	job->key_len_in_bytes = key->key_bytes;
	job->iv = room->nonce;
	job->iv_len_in_bytes = 12;
	job->auth_tag_output = room->tag;
	job->auth_tag_output_len_in_bytes = key->icv_bytes;
	job->cipher_mode = IMB_CIPHER_GCM;
	job->hash_alg = IMB_AUTH_AES_GMAC;
	job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	eg_imb_session_use(&key->session[seal], job);
	eg_job_fill_text(job, op);
}

static inline void eg_job_fill_aead(IMB_JOB *job, const struct eg_crypto_op *op,
				    const struct eg_job_scratch *room, bool seal)
{
	eg_job_fill_key(job, op, room, seal);
	eg_job_make_nonce(room, op);
	eg_job_fill_text(job, op);
}

/* GCM over no text: the associated data are SPI, sequence number (64 bits with ESN), IV and all
 * that follows (RFC 4543 s3.3). They must lie in a row, so with ESN the SPI moves 4 bytes to the
 * front and the high half takes its place, until eg_job_give_back(). */
static inline void eg_job_fill_gmac(IMB_JOB *job, const struct eg_crypto_op *op,
				    const struct eg_job_scratch *room, bool seal)
{
	uint8_t *from = eg_job_header(op);

	eg_job_fill_key(job, op, room, seal);
	eg_job_make_nonce(room, op);
	if (eg_job_esn(op)) {
		from -= EG_ESP_HIGH;
		memcpy(room->aside, from, EG_ESP_HIGH + EG_ESP_HEADER);
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

/* Encrypt, then MAC (RFC 4303 s3.3.2.1): the hash is over header, IV and ciphertext, and with ESN
 * the high half behind them (s2.2.1), which borrows the place of the ICV. */
static inline void eg_job_fill_hmac(IMB_JOB *job, const struct eg_crypto_op *op,
				    const struct eg_job_scratch *room, bool seal)
{
	const struct eg_crypto_key *key = op->key;
	uint8_t *header = eg_job_header(op);
	uint64_t before = (uint64_t)(op->text - header);

	eg_job_fill_key(job, op, room, seal);
	job->dec_keys = key->aes.dec;
	if (key->nonce_bytes == 12)
		eg_job_make_nonce(room, op);
	else
		job->iv = op->iv;
	job->src = header;
	job->dst = op->text;
	job->cipher_start_src_offset_in_bytes = before;
	job->msg_len_to_cipher_in_bytes = op->text_len;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = before + op->text_len;
	if (eg_job_esn(op)) {
		uint8_t *behind = op->text + op->text_len;

		memcpy(room->aside, behind, key->icv_bytes);
		memcpy(behind, op->aad + EG_ESN_AAD_HIGH, EG_ESP_HIGH);
		job->msg_len_to_hash_in_bytes += EG_ESP_HIGH;
	}
	job->u.HMAC._hashed_auth_key_xor_ipad = key->aes.ipad;
	job->u.HMAC._hashed_auth_key_xor_opad = key->aes.opad;
}

/* After the job: the packet's bytes back in their places. Sealing's ICV stays where it was put. */
static inline void eg_job_give_back(const struct eg_crypto_op *op, const uint8_t *aside, bool seal)
{
	if (!eg_job_esn(op))
		return;
	if (op->key->family == EG_JOB_GMAC)
		memcpy(eg_job_header(op) - EG_ESP_HIGH, aside, EG_ESP_HIGH + EG_ESP_HEADER);
	else if (op->key->family == EG_JOB_HMAC && !seal)
		memcpy(op->text + op->text_len, aside, op->key->icv_bytes);
}

#endif
