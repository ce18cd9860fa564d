/* Measures a suite alone: IPsec-MB's burst API in a loop over 64 buffers that stay in the cache,
 * without any packet handling. tools/bench compares the gateway with this.
 *
 *   raw_imb SUITE encrypt|decrypt SECONDS LENGTH...      buffers alternate between several lengths
 *   raw_imb version                                      of IPsec-MB
 *
 * Prints ns per buffer, the median of short rounds, to reduce the influence of other programs.
 * Lengths are those of the plaintext that ESP encrypts. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/suite.h"
#include "crypto/compat.h"

#define BURST      64
#define STRIDE     2304 /* not a multiple of a page: avoids cache conflicts */
#define ROUND      50
#define ROUNDS_MAX 100000
#define BEFORE     24 /* ESP header and the longest IV */

struct raw {
	const struct eg_suite *suite;
	bool encrypt;
	uint64_t lengths[BURST];
	IMB_MGR *mgr;
	struct gcm_key_data *gcm;
	_Alignas(64) uint8_t enc[15 * 16], dec[15 * 16], pads[64];
	struct eg_imb_session session;
	uint8_t *buffers; /* each: nonce; from offset 64: header, IV, text and ICV */
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void set_modes(const struct raw *raw, IMB_JOB *job)
{
	static const uint8_t ciphers[] = {
		[EG_CIPHER_NULL] = IMB_CIPHER_NULL,
		[EG_CIPHER_AES_CBC] = IMB_CIPHER_CBC,
		[EG_CIPHER_AES_CTR] = IMB_CIPHER_CNTR,
		[EG_CIPHER_AES_GCM] = IMB_CIPHER_GCM,
		[EG_CIPHER_AES_GMAC] = IMB_CIPHER_GCM,
		[EG_CIPHER_AES_CCM] = IMB_CIPHER_CCM,
		[EG_CIPHER_CHACHA20] = IMB_CIPHER_CHACHA20_POLY1305,
	};
	static const uint8_t hashes[] = {
		[EG_AUTH_SHA1_96] = IMB_AUTH_HMAC_SHA_1,
		[EG_AUTH_SHA256_128] = IMB_AUTH_HMAC_SHA_256,
		[EG_AUTH_SHA384_192] = IMB_AUTH_HMAC_SHA_384,
		[EG_AUTH_SHA512_256] = IMB_AUTH_HMAC_SHA_512,
	};
	enum eg_cipher cipher = raw->suite->cipher;
	bool mac_first = (cipher == EG_CIPHER_AES_CCM) == raw->encrypt;

	job->cipher_mode = ciphers[cipher];
	job->hash_alg = raw->suite->auth               ? hashes[raw->suite->auth]
			: cipher == EG_CIPHER_AES_CCM  ? IMB_AUTH_AES_CCM
			: cipher == EG_CIPHER_CHACHA20 ? IMB_AUTH_CHACHA20_POLY1305
						       : IMB_AUTH_AES_GMAC;
	job->cipher_direction = raw->encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->chain_order = mac_first ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
	job->key_len_in_bytes = raw->suite->key_bytes;
}

static void fill(IMB_JOB *job, const struct raw *raw, uint8_t *buffer, uint64_t len)
{
	uint8_t *text = buffer + 64 + BEFORE, *header = text - 8 - raw->suite->iv_bytes;
	bool gmac = raw->suite->cipher == EG_CIPHER_AES_GMAC;

	set_modes(raw, job);
	job->enc_keys = raw->enc;
	job->dec_keys = raw->dec;
	job->src = job->dst = text;
	job->cipher_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = gmac ? 0 : len;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = gmac ? 0 : len;
	job->iv = buffer;
	job->iv_len_in_bytes = (uint64_t)raw->suite->salt_bytes + raw->suite->iv_bytes;
	job->auth_tag_output = text + len;
	job->auth_tag_output_len_in_bytes = raw->suite->icv_bytes;
	if (raw->suite->auth) {
		job->src = header;
		job->cipher_start_src_offset_in_bytes = (uint64_t)(text - header);
		job->msg_len_to_hash_in_bytes += (uint64_t)(text - header);
		job->u.HMAC._hashed_auth_key_xor_ipad = raw->pads;
		job->u.HMAC._hashed_auth_key_xor_opad = raw->pads;
	} else if (raw->suite->cipher == EG_CIPHER_CHACHA20) {
		job->u.CHACHA20_POLY1305.aad = header;
		job->u.CHACHA20_POLY1305.aad_len_in_bytes = 8;
	} else if (raw->suite->cipher == EG_CIPHER_AES_CCM) {
		job->u.CCM.aad = header;
		job->u.CCM.aad_len_in_bytes = 8;
	} else {
		job->enc_keys = job->dec_keys = raw->gcm;
		job->u.GCM.aad = header;
		job->u.GCM.aad_len_in_bytes = gmac ? (uint64_t)(text - header) + len : 8;
	}
	eg_imb_session_use(&raw->session, job);
}

static void expand(struct raw *raw, const uint8_t secret[32])
{
	switch (raw->suite->key_bytes) {
	case 16:
		IMB_AES128_GCM_PRE(raw->mgr, secret, raw->gcm);
		IMB_AES_KEYEXP_128(raw->mgr, secret, raw->enc, raw->dec);
		break;
	case 24:
		IMB_AES192_GCM_PRE(raw->mgr, secret, raw->gcm);
		IMB_AES_KEYEXP_192(raw->mgr, secret, raw->enc, raw->dec);
		break;
	default:
		IMB_AES256_GCM_PRE(raw->mgr, secret, raw->gcm);
		IMB_AES_KEYEXP_256(raw->mgr, secret, raw->enc, raw->dec);
		break;
	}
}

static int prepare(struct raw *raw)
{
	IMB_JOB job = {0};
	uint8_t secret[32];

	raw->mgr = alloc_mb_mgr(0);
	raw->gcm = aligned_alloc(64, (sizeof(*raw->gcm) + 63) / 64 * 64);
	raw->buffers = aligned_alloc(64, BURST * STRIDE);
	if (!raw->mgr || !raw->gcm || !raw->buffers)
		return -1;
	init_mb_mgr_auto(raw->mgr, NULL);
	memset(raw->buffers, 0x5a, BURST * STRIDE);
	for (unsigned i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)(i * 37 + 11);
	expand(raw, secret);
	set_modes(raw, &job);
	eg_imb_session_make(raw->mgr, &job, &raw->session);
	return 0;
}

static bool burst(const struct raw *raw)
{
	IMB_JOB *jobs[BURST];
	unsigned done;

	if (IMB_GET_NEXT_BURST(raw->mgr, BURST, jobs) != BURST)
		return false;
	for (int i = 0; i < BURST; i++)
		fill(jobs[i], raw, raw->buffers + i * STRIDE, raw->lengths[i]);
	done = IMB_SUBMIT_BURST_NOCHECK(raw->mgr, BURST, jobs);
	while (done < BURST) {
		unsigned more = IMB_FLUSH_BURST(raw->mgr, BURST - done, jobs);

		if (!more)
			return false;
		done += more;
	}
	return true;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	struct raw raw = {.suite = argc > 4 ? eg_suite_find(argv[1]) : NULL};
	double start, end, limit_ns;
	static double rounds[ROUNDS_MAX];
	size_t n = 0;

	if (argc == 2 && !strcmp(argv[1], "version")) {
		printf("%s\n", imb_get_version_str());
		return 0;
	}
	if (!raw.suite) {
		fprintf(stderr, "usage: raw_imb SUITE encrypt|decrypt SECONDS LENGTH...\n");
		return 2;
	}
	raw.encrypt = !strcmp(argv[2], "encrypt");
	limit_ns = atof(argv[3]) * 1e9;
	for (int i = 0; i < BURST; i++)
		raw.lengths[i] = strtoul(argv[4 + i % (argc - 4)], NULL, 10);
	if (prepare(&raw))
		return 1;
	start = end = now_ns();
	while (n < ROUNDS_MAX && end - start < limit_ns) {
		for (int round = 0; round < ROUND; round++) {
			if (!burst(&raw))
				return 1;
		}
		rounds[n++] = (now_ns() - end) / (ROUND * BURST);
		end = now_ns();
	}
	qsort(rounds, n, sizeof(*rounds), by_size);
	printf("%.2f\n", rounds[n / 2]);
	free_mb_mgr(raw.mgr);
	free(raw.gcm);
	free(raw.buffers);
	return 0;
}
