#include "crypto/crypto.h"

#include <stdlib.h>

#include "base/secret.h"
#include "crypto/job.h"
#include "crypto/multi.h"
#include "crypto/random.h"

struct eg_crypto {
	struct eg_multi multi; /* what is computed without IPsec-MB */
	/* Scratch per job (crypto/job.h), indexed by its position in the burst. */
	uint8_t nonce[EG_CRYPTO_BURST][16];
	uint8_t tag[EG_CRYPTO_BURST][EG_SUITE_ICV_MAX];
	uint8_t saved[EG_CRYPTO_BURST][EG_SUITE_ICV_MAX];
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
	eg_multi_set(&crypto->multi, eg_multi_packet_up_to(UINT32_MAX));
	/* Function pointers are NULL if there is no code for this CPU. */
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

void eg_crypto_set_multi_packet(struct eg_crypto *crypto, struct eg_multi_packet limits)
{
	eg_multi_set(&crypto->multi, limits);
}

void eg_crypto_key_prefetch(const struct eg_crypto *crypto, const struct eg_crypto_key *key,
			    const struct eg_suite *suite, unsigned text_len)
{
	const char *p = (const char *)key;

	if (suite->cipher == EG_CIPHER_AES_GCM && crypto->multi.limits.gcm_max) {
		if (text_len > crypto->multi.limits.gcm_max)
			p = (const char *)&key->gcm_behind;
		else /* the lowest powers: all that the shortest texts need */
			__builtin_prefetch((const char *)&key->gcm_behind - 64);
	}
	/* Round keys (up to 15 x 16 bytes) and salt; the hash powers follow sequentially. */
	for (size_t line = 0; line < 4; line++)
		__builtin_prefetch(p + line * 64);
	__builtin_prefetch(&key->family);
}

bool eg_crypto_random_iv(struct eg_crypto *crypto, uint8_t iv[EG_SUITE_IV_MAX])
{
	return eg_random_take(&crypto->random, crypto->mgr, iv);
}

/* Fill the jobs; true if any of them modifies its packet temporarily. */
static inline bool fill(struct eg_crypto *crypto, IMB_JOB *jobs[], struct eg_crypto_op *ops[],
			unsigned n, bool seal)
{
	bool modified = false;

	for (unsigned i = 0; i < n; i++) {
		const struct eg_job_scratch scratch = {
			.nonce = crypto->nonce[i],
			.tag = seal ? ops[i]->icv : crypto->tag[i],
			.saved = crypto->saved[i],
		};

		switch ((enum eg_job_family)ops[i]->key->family) {
		case EG_JOB_GCM:
			eg_job_fill_gcm(jobs[i], ops[i], &scratch, seal);
			break;
		case EG_JOB_AEAD:
			eg_job_fill_aead(jobs[i], ops[i], &scratch, seal);
			break;
		case EG_JOB_GMAC:
			eg_job_fill_gmac(jobs[i], ops[i], &scratch, seal);
			modified = true;
			break;
		case EG_JOB_HMAC:
			eg_job_fill_hmac(jobs[i], ops[i], &scratch, seal);
			modified = true;
			break;
		}
	}
	return modified;
}

static void restore(const struct eg_crypto *crypto, struct eg_crypto_op *const ops[], unsigned n,
		    bool seal)
{
	for (unsigned i = 0; i < n; i++)
		eg_job_restore(ops[i], crypto->saved[i], seal);
}

/* Run the jobs and record each one's status. GCM completes inside submit; algorithms that process
 * several buffers in parallel lanes (CBC, HMAC, CCM) may hold jobs back until the flush. The
 * library returns jobs in submission order whatever finished first, and the loop flushes until none
 * are left, so the queue is empty between calls. */
static void run(struct eg_crypto *crypto, IMB_JOB *jobs[], struct eg_crypto_op *ops[], unsigned n)
{
	unsigned done = IMB_SUBMIT_BURST_NOCHECK(crypto->mgr, n, jobs);

	while (done < n) {
		unsigned more = IMB_FLUSH_BURST(crypto->mgr, n - done, jobs + done);

		if (!more)
			break;
		done += more;
	}
	for (unsigned i = 0; i < n; i++)
		ops[i]->ok = i < done && jobs[i]->status == IMB_STATUS_COMPLETED;
}

/* The queue is empty between calls, so any burst fits. Should that ever fail, every op of the burst
 * fails. */
static bool get_jobs(struct eg_crypto *crypto, IMB_JOB *jobs[], struct eg_crypto_op *ops[],
		     unsigned n)
{
	if (n && IMB_GET_NEXT_BURST(crypto->mgr, n, jobs) == n)
		return true;
	for (unsigned i = 0; i < n; i++)
		ops[i]->ok = false;
	return false;
}

void eg_crypto_seal(struct eg_crypto *crypto, struct eg_crypto_op *ops, unsigned n)
{
	struct eg_crypto_op *rest[EG_CRYPTO_BURST];
	IMB_JOB *jobs[EG_CRYPTO_BURST];
	bool modified;

	n = eg_multi_run(&crypto->multi, ops, n, rest, true);
	if (!get_jobs(crypto, jobs, rest, n))
		return;
	modified = fill(crypto, jobs, rest, n, true);
	run(crypto, jobs, rest, n);
	if (modified)
		restore(crypto, rest, n, true);
}

/* No early exit: timing must not reveal how many bytes match. */
static bool tags_equal(const uint8_t *a, const uint8_t *b, unsigned n)
{
	uint8_t differ = 0;

	for (unsigned i = 0; i < n; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

void eg_crypto_open(struct eg_crypto *crypto, struct eg_crypto_op *ops, unsigned n)
{
	struct eg_crypto_op *rest[EG_CRYPTO_BURST];
	IMB_JOB *jobs[EG_CRYPTO_BURST];
	bool modified;

	n = eg_multi_run(&crypto->multi, ops, n, rest, false);
	if (!get_jobs(crypto, jobs, rest, n))
		return;
	modified = fill(crypto, jobs, rest, n, false);
	run(crypto, jobs, rest, n);
	if (modified)
		restore(crypto, rest, n, false);
	for (unsigned i = 0; i < n; i++) {
		struct eg_crypto_op *op = rest[i];

		op->ok &= tags_equal(crypto->tag[i], op->icv, op->key->icv_bytes);
		/* Text is decrypted before or during authentication: unauthentic plaintext must not
		 * stay readable, whatever happens to the buffer. */
		if (!op->ok)
			memset(op->text, 0, op->text_len);
	}
}
