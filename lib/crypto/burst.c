#include "crypto/crypto.h"

#include <stdlib.h>

#include "base/secret.h"
#include "crypto/job.h"
#include "crypto/random.h"

struct eg_crypto {
	struct eg_job_room room[EG_CRYPTO_BURST]; /* at the job's place in the burst */
	struct eg_random random;
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

static inline void fill(IMB_JOB *job, const struct eg_crypto_op *op, struct eg_job_room *room,
			bool seal)
{
	switch (op->key->family) {
	case EG_JOB_AEAD:
		eg_job_fill_aead(job, op, room, seal);
		break;
	case EG_JOB_GMAC:
		eg_job_fill_gmac(job, op, room, seal);
		break;
	case EG_JOB_HMAC:
		eg_job_fill_hmac(job, op, room, seal);
		break;
	}
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

	if (!get_jobs(crypto, jobs, ops, n))
		return;
	for (unsigned i = 0; i < n; i++)
		fill(jobs[i], &ops[i], &crypto->room[i], true);
	run(crypto, jobs, ops, n);
	for (unsigned i = 0; i < n; i++)
		eg_job_give_back(&ops[i], &crypto->room[i], true);
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
	for (unsigned i = 0; i < n; i++)
		fill(jobs[i], &ops[i], &crypto->room[i], false);
	run(crypto, jobs, ops, n);
	for (unsigned i = 0; i < n; i++) {
		struct eg_crypto_op *op = &ops[i];

		eg_job_give_back(op, &crypto->room[i], false);
		op->ok &= tags_equal(crypto->room[i].tag, op->icv, op->key->icv_bytes);
		/* Deciphered before or while it was authenticated: what is not authentic does not
		 * stay readable, whatever becomes of the buffer. */
		if (!op->ok)
			memset(op->text, 0, op->text_len);
	}
}
