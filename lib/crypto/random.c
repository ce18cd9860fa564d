#include "crypto/random.h"

#include <string.h>

#include "base/secret.h"

int eg_random_start(struct eg_random *random)
{
	memset(random->counter, 0, sizeof(random->counter));
	random->at = EG_RANDOM_BLOCK;
	return eg_secret_random(random->block, EG_RANDOM_KEY);
}

static void fill_job(IMB_JOB *job, struct eg_random *random)
{
	job->enc_keys = random->enc;
	job->dec_keys = random->dec;
	job->key_len_in_bytes = EG_RANDOM_KEY;
	job->src = job->dst = random->block;
	job->cipher_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = EG_RANDOM_BLOCK;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = 0;
	job->iv = random->counter;
	job->iv_len_in_bytes = sizeof(random->counter);
	job->cipher_mode = IMB_CIPHER_CNTR;
	job->hash_alg = IMB_AUTH_NULL;
	job->cipher_direction = IMB_DIR_ENCRYPT;
	job->chain_order = IMB_ORDER_CIPHER_HASH;
}

/* The first bytes of the old block are the key of the new one, which is encrypted zeros. A failure
 * is permanent: the old key is gone, and the block must not be used as a key. */
static bool refill(struct eg_random *random, IMB_MGR *mgr)
{
	struct eg_imb_session session;
	IMB_JOB *job;

	if (random->failed || IMB_GET_NEXT_BURST(mgr, 1, &job) != 1)
		return false;
	IMB_AES_KEYEXP_256(mgr, random->block, random->enc, random->dec);
	eg_secret_wipe(random->block, sizeof(random->block));
	fill_job(job, random);
	eg_imb_session_make(mgr, job, &session);
	if (IMB_SUBMIT_BURST_NOCHECK(mgr, 1, &job) != 1 || job->status != IMB_STATUS_COMPLETED) {
		random->failed = true;
		return false;
	}
	random->at = EG_RANDOM_KEY;
	return true;
}

bool eg_random_take(struct eg_random *random, IMB_MGR *mgr, uint8_t out[EG_SUITE_IV_MAX])
{
	if (random->at == EG_RANDOM_BLOCK && !refill(random, mgr))
		return false;
	memcpy(out, random->block + random->at, EG_SUITE_IV_MAX);
	memset(random->block + random->at, 0, EG_SUITE_IV_MAX);
	random->at += EG_SUITE_IV_MAX;
	return true;
}
