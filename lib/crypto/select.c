/* Which packets are computed several at a time: what the CPU supports, and what it is faster at.
 * Gains differ between vendors and generations (512-bit units, clock limits), so they are measured
 * at start. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "crypto/crypto.h"
#include "crypto/chacha16.h"
#include "crypto/gcm4.h"

#define KEYS   16 /* traffic of several tunnels mixes keys */
#define ROUNDS 15
#define PACKET (EG_CHACHA16_TEXT_MAX + 64) /* bytes, from SPI to ICV */

struct trial {
	struct eg_keystore *store;
	struct eg_crypto *crypto;
	struct eg_crypto_key *key[KEYS];
	struct eg_crypto_op op[EG_CRYPTO_BURST];
	uint8_t packet[EG_CRYPTO_BURST][PACKET];
};

static bool prepare(struct trial *trial, const char *suite_name)
{
	const struct eg_suite *suite = eg_suite_find(suite_name);
	uint8_t material[EG_SUITE_KEY_MAX];

	trial->store = eg_keystore_new();
	trial->crypto = eg_crypto_new();
	if (!trial->store || !trial->crypto)
		return false;
	for (unsigned i = 0; i < KEYS; i++) {
		memset(material, (int)i + 1, sizeof(material));
		trial->key[i] = eg_crypto_key_new(trial->store, suite, material);
		if (!trial->key[i])
			return false;
	}
	return true;
}

static void finish(struct trial *trial)
{
	eg_crypto_free(trial->crypto);
	eg_keystore_free(trial->store);
	free(trial);
}

static void make_ops(struct trial *trial, unsigned text_len)
{
	for (unsigned i = 0; i < EG_CRYPTO_BURST; i++) {
		uint8_t *packet = trial->packet[i];

		trial->op[i] = (struct eg_crypto_op){
			.key = trial->key[i % KEYS],
			.aad = packet,
			.aad_len = 8,
			.iv = packet + 8,
			.text = packet + 16,
			.text_len = text_len,
			.icv = packet + 16 + text_len,
		};
	}
}

/* The shortest of several: interruptions make some of them longer. */
static uint64_t burst_ns(struct trial *trial, unsigned n, unsigned text_max)
{
	uint64_t best = UINT64_MAX;

	eg_crypto_set_multi_packet(trial->crypto, eg_multi_packet_up_to(text_max));
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = eg_mono_ns(), took;

		eg_crypto_seal(trial->crypto, trial->op, n);
		took = eg_mono_ns() - start;
		if (took < best)
			best = took;
	}
	return best;
}

/* The longest text for which bursts of n packets are faster with several packets at a time. */
static unsigned measure(struct trial *trial, unsigned n, unsigned limit)
{
	unsigned text_max = 0;

	for (unsigned len = 64; len <= limit; len += 64) {
		make_ops(trial, len);
		if (burst_ns(trial, n, limit) >= burst_ns(trial, n, 0))
			break;
		text_max = len;
	}
	return text_max;
}

static void measure_gcm(struct eg_multi_packet *limits)
{
	struct trial *trial = calloc(1, sizeof(*trial));

	if (!trial)
		return;
	if (prepare(trial, "aes128gcm16"))
		limits->gcm_max = measure(trial, EG_CRYPTO_BURST, EG_GCM4_TEXT_MAX);
	finish(trial);
}

static void measure_chacha(struct eg_multi_packet *limits)
{
	struct trial *trial = calloc(1, sizeof(*trial));

	if (!trial)
		return;
	if (prepare(trial, "chacha20poly1305")) {
		for (unsigned i = 0; i < EG_MULTI_PACKET_SIZES; i++)
			limits->chacha_max[i] = measure(trial, 2u << i, EG_CHACHA16_TEXT_MAX);
	}
	finish(trial);
}

struct eg_multi_packet eg_crypto_measure_multi_packet(void)
{
	struct eg_multi_packet limits = {0};

	if (eg_gcm4_supported())
		measure_gcm(&limits);
	if (eg_chacha16_supported())
		measure_chacha(&limits);
	return limits;
}
