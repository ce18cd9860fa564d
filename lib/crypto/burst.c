#include "crypto/crypto.h"

#include <stdlib.h>

#include "base/secret.h"
#include "crypto/job.h"
#include "crypto/random.h"

struct eg_crypto {
	/* A job's room (crypto/job.h), at the job's place in the burst. */
	uint8_t nonce[EG_CRYPTO_BURST][16];
	uint8_t tag[EG_CRYPTO_BURST][EG_SUITE_ICV_MAX];
	uint8_t aside[EG_CRYPTO_BURST][EG_SUITE_ICV_MAX];
	struct eg_random random;
	IMB_MGR *mgr;
};

struct eg_crypto *eg_crypto_new(void)
{
	struct eg_crypto *crypto = eg_secret_alloc(sizeof(*crypto), NULL);

	if (!crypto)
		return NULL;
	crypto->mgr = alloc_mb_mgr(0);
	if (!crypto->mgr) {
		eg_secret_free(crypto, sizeof(*crypto));
		return NULL;
	}
	init_mb_mgr_auto(crypto->mgr, NULL);
	/* Without code for this CPU its function pointers are NULL. */
	if (imb_get_errno(crypto->mgr) || eg_random_start(&crypto->random)) {
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
	__builtin_prefetch(&key->family);
}

bool eg_crypto_random_iv(struct eg_crypto *crypto, uint8_t iv[EG_SUITE_IV_MAX])
{
	return eg_random_take(&crypto->random, crypto->mgr, iv);
}

/* Fill the jobs; true where some borrow from their packets. */
static inline bool fill(struct eg_crypto *crypto, IMB_JOB *jobs[], struct eg_crypto_op *ops,
			unsigned n, bool seal)
{
	bool borrowed = false;

	for (unsigned i = 0; i < n; i++) {
		const struct eg_job_scratch room = {
			.nonce = crypto->nonce[i],
			.tag = seal ? ops[i].icv : crypto->tag[i],
			.aside = crypto->aside[i],
		};

		switch ((enum eg_job_family)ops[i].key->family) {
		case EG_JOB_GCM:
			eg_job_fill_gcm(jobs[i], &ops[i], &room, seal);
			break;
		case EG_JOB_AEAD:
			eg_job_fill_aead(jobs[i], &ops[i], &room, seal);
			break;
		case EG_JOB_GMAC:
			eg_job_fill_gmac(jobs[i], &ops[i], &room, seal);
			borrowed = true;
			break;
		case EG_JOB_HMAC:
			eg_job_fill_hmac(jobs[i], &ops[i], &room, seal);
			borrowed = true;
			break;
		}
	}
	return borrowed;
}

static void give_back(const struct eg_crypto *crypto, const struct eg_crypto_op *ops, unsigned n,
		      bool seal)
{
	for (unsigned i = 0; i < n; i++)
		eg_job_give_back(&ops[i], crypto->aside[i], seal);
}

/* Run the jobs and keep each one's status. GCM completes inside submit; where several buffers of a
 * kind are computed side by side (CBC, HMAC, CCM), some wait for company until the flush. The
 * library hands jobs back in the order of submission whatever finished first, and never returns
 * with some left here, so the queue is empty between calls. */
static void run(struct eg_crypto *crypto, IMB_JOB *jobs[], struct eg_crypto_op *ops, unsigned n)
{
	unsigned done = IMB_SUBMIT_BURST_NOCHECK(crypto->mgr, n, jobs);

	while (done < n) {
		unsigned more = IMB_FLUSH_BURST(crypto->mgr, n - done, jobs + done);

		if (!more)
			break;
		done += more;
	}
	for (unsigned i = 0; i < n; i++)
		ops[i].ok = i < done && jobs[i]->status == IMB_STATUS_COMPLETED;
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
	bool borrowed;

	if (!get_jobs(crypto, jobs, ops, n))
		return;
	borrowed = fill(crypto, jobs, ops, n, true);
	run(crypto, jobs, ops, n);
	if (borrowed)
		give_back(crypto, ops, n, true);
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
	bool borrowed;

	if (!get_jobs(crypto, jobs, ops, n))
		return;
	borrowed = fill(crypto, jobs, ops, n, false);
	run(crypto, jobs, ops, n);
	if (borrowed)
		give_back(crypto, ops, n, false);
	for (unsigned i = 0; i < n; i++) {
		struct eg_crypto_op *op = &ops[i];

		op->ok &= tags_equal(crypto->tag[i], op->icv, op->key->icv_bytes);
		/* Deciphered before or while it was authenticated: what is not authentic does not
		 * stay readable, whatever becomes of the buffer. */
		if (!op->ok)
			memset(op->text, 0, op->text_len);
	}
}
