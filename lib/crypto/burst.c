#include "crypto/crypto.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "crypto/key.h"

#define ICV_MAX 16

struct eg_crypto {
	/* A job's nonce and computed tag, at the job's place in the burst. */
	uint8_t nonce[EG_CRYPTO_BURST][16];
	uint8_t tag[EG_CRYPTO_BURST][ICV_MAX];
	IMB_MGR *mgr;
};

struct eg_crypto *eg_crypto_new(void)
{
	struct eg_crypto *crypto = eg_secret_alloc(sizeof(*crypto));

	if (!crypto)
		return NULL;
	crypto->mgr = alloc_mb_mgr(0);
	if (!crypto->mgr) {
		eg_secret_free(crypto, sizeof(*crypto));
		return NULL;
	}
	init_mb_mgr_auto(crypto->mgr, NULL);
	if (imb_get_errno(crypto->mgr)) { /* no code for this CPU: its function pointers are NULL */
		eg_crypto_free(crypto);
		return NULL;
	}
	return crypto;
}

void eg_crypto_free(struct eg_crypto *crypto)
{
	if (!crypto)
		return;
	free_mb_mgr(crypto->mgr);
	eg_secret_free(crypto, sizeof(*crypto));
}

void eg_crypto_key_prefetch(const struct eg_crypto_key *key)
{
	const char *p = (const char *)key;

	/* Round keys (up to 15 x 16 bytes) and salt; the hash powers follow in the same walk. */
	for (size_t line = 0; line < 4; line++)
		__builtin_prefetch(p + line * 64);
	__builtin_prefetch(key->salt);
}

/* The deterministic nonce of RFC 4106 s4: salt, then the packet's IV. */
static void make_nonce(uint8_t nonce[16], const struct eg_crypto_op *op)
{
	memcpy(nonce, op->key->salt, 4);
	memcpy(nonce + 4, op->iv, 8);
}

static void fill_job(IMB_JOB *job, const struct eg_crypto_op *op, const uint8_t *nonce,
		     uint8_t *tag)
{
	job->enc_keys = job->dec_keys = &op->key->gcm;
	job->key_len_in_bytes = op->key->key_bytes;
	job->src = job->dst = op->text;
	job->cipher_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = op->text_len;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = op->text_len;
	job->iv = nonce;
	job->iv_len_in_bytes = 12;
	job->auth_tag_output = tag;
	job->auth_tag_output_len_in_bytes = op->key->icv_bytes;
	job->u.GCM.aad = op->aad;
	job->u.GCM.aad_len_in_bytes = op->aad_len;
	job->cipher_mode = IMB_CIPHER_GCM;
	job->hash_alg = IMB_AUTH_AES_GMAC;
}

/* Run the filled jobs and keep each one's status. GCM completes inside submit, in order, so nothing
 * is ever left queued. */
static void submit(struct eg_crypto *crypto, IMB_JOB *jobs[], struct eg_crypto_op *ops, unsigned n)
{
	IMB_SUBMIT_BURST_NOCHECK(crypto->mgr, n, jobs);
	for (unsigned i = 0; i < n; i++)
		ops[i].ok = jobs[i]->status == IMB_STATUS_COMPLETED;
}

/* The queue is empty between calls, so it has room for any burst; were that ever wrong, no op of
 * the burst succeeds. */
static bool get_jobs(struct eg_crypto *crypto, IMB_JOB *jobs[], struct eg_crypto_op *ops,
		     unsigned n)
{
	if (n && IMB_GET_NEXT_BURST(crypto->mgr, n, jobs) == n)
		return true;
	for (unsigned i = 0; i < n; i++)
		ops[i].ok = false;
	return false;
}

void eg_crypto_seal(struct eg_crypto *crypto, struct eg_crypto_op *ops, unsigned n)
{
	IMB_JOB *jobs[EG_CRYPTO_BURST];

	if (!get_jobs(crypto, jobs, ops, n))
		return;
	for (unsigned i = 0; i < n; i++) {
		make_nonce(crypto->nonce[i], &ops[i]);
		fill_job(jobs[i], &ops[i], crypto->nonce[i], ops[i].icv);
		jobs[i]->cipher_direction = IMB_DIR_ENCRYPT;
		jobs[i]->chain_order = IMB_ORDER_CIPHER_HASH;
	}
	submit(crypto, jobs, ops, n);
}

/* No early exit: how many bytes agree must not show in the time. */
static bool tags_equal(const uint8_t *a, const uint8_t *b, unsigned n)
{
	uint8_t differ = 0;

	for (unsigned i = 0; i < n; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

void eg_crypto_open(struct eg_crypto *crypto, struct eg_crypto_op *ops, unsigned n)
{
	IMB_JOB *jobs[EG_CRYPTO_BURST];

	if (!get_jobs(crypto, jobs, ops, n))
		return;
	for (unsigned i = 0; i < n; i++) {
		make_nonce(crypto->nonce[i], &ops[i]);
		fill_job(jobs[i], &ops[i], crypto->nonce[i], crypto->tag[i]);
		jobs[i]->cipher_direction = IMB_DIR_DECRYPT;
		jobs[i]->chain_order = IMB_ORDER_HASH_CIPHER;
	}
	submit(crypto, jobs, ops, n);
	for (unsigned i = 0; i < n; i++)
		ops[i].ok &= tags_equal(crypto->tag[i], ops[i].icv, ops[i].key->icv_bytes);
}
