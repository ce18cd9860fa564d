/* What AES-256-GCM alone costs: IPsec-MB's burst call in a loop over 64 buffers that stay in the
 * cache, no packet handling of any kind. The yardstick that tools/bench holds the gateway against.
 *
 *   raw_gcm encrypt|decrypt SECONDS LENGTH...      several lengths: buffers take them in turn
 *
 * Prints ns a buffer. Lengths are of the text that ESP encrypts. */
#include <intel-ipsec-mb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BURST  64
#define STRIDE 2304
#define ROUND  2000

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void fill(IMB_JOB *job, struct gcm_key_data *key, uint8_t *buffer, uint64_t len, int encrypt)
{
	job->enc_keys = job->dec_keys = key;
	job->key_len_in_bytes = 32;
	job->src = job->dst = buffer + 64;
	job->cipher_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = len;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = len;
	job->iv = buffer;
	job->iv_len_in_bytes = 12;
	job->auth_tag_output = buffer + 64 + len;
	job->auth_tag_output_len_in_bytes = 16;
	job->u.GCM.aad = buffer + 16;
	job->u.GCM.aad_len_in_bytes = 8;
	job->cipher_mode = IMB_CIPHER_GCM;
	job->cipher_direction = encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->hash_alg = IMB_AUTH_AES_GMAC;
	job->chain_order = encrypt ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
}

int main(int argc, char **argv)
{
	int encrypt = argc > 3 && !strcmp(argv[1], "encrypt"), n_lengths = argc - 3;
	uint64_t lengths[BURST];
	double start, end;
	unsigned long done = 0;
	IMB_MGR *mgr = alloc_mb_mgr(0);
	struct gcm_key_data *key = aligned_alloc(64, (sizeof(*key) + 63) / 64 * 64);
	uint8_t *buffers = aligned_alloc(64, BURST * STRIDE), secret[32];

	if (argc < 4 || !mgr || !key || !buffers) {
		fprintf(stderr, "usage: raw_gcm encrypt|decrypt SECONDS LENGTH...\n");
		return 2;
	}
	init_mb_mgr_auto(mgr, NULL);
	for (unsigned i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)(i * 37 + 11);
	IMB_AES256_GCM_PRE(mgr, secret, key);
	memset(buffers, 0x5a, BURST * STRIDE);
	for (int i = 0; i < BURST; i++)
		lengths[i] = strtoul(argv[3 + i % n_lengths], NULL, 10);
	start = now_ns();
	do {
		for (int round = 0; round < ROUND; round++, done += BURST) {
			IMB_JOB *jobs[BURST];

			if (IMB_GET_NEXT_BURST(mgr, BURST, jobs) != BURST)
				return 1;
			for (int i = 0; i < BURST; i++)
				fill(jobs[i], key, buffers + i * STRIDE, lengths[i], encrypt);
			if (IMB_SUBMIT_BURST_NOCHECK(mgr, BURST, jobs) != BURST)
				return 1;
		}
		end = now_ns();
	} while (end - start < atof(argv[2]) * 1e9);
	printf("%.2f\n", (end - start) / (double)done);
	free_mb_mgr(mgr);
	free(key);
	free(buffers);
	return 0;
}
