/* Measures one AEAD through lib/crypto with both engines: several packets at a time, and IPsec-MB
 * alone, in turns, so that both meet the same interruptions.
 *
 *   bench_crypto SUITE KEYS SECONDS LENGTH...      packets alternate between KEYS keys
 *
 * One line per length: ns per packet to seal and to open, several at a time / IPsec-MB; medians of
 * short rounds. A length of 0 stands for a mixture: 7 x 52, 4 x 556, 1 x 1386. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/crypto.h"

#define PACKET     2304 /* not a multiple of a page: avoids cache conflicts */
#define ROUND      20
#define ROUNDS_MAX 20000
#define KEYS_MAX   4096

enum column {
	SEAL,
	OPEN,
	COLUMNS,
};

struct bench {
	struct eg_crypto *crypto[2]; /* several packets at a time; IPsec-MB */
	struct eg_crypto_key *key[KEYS_MAX];
	unsigned n_keys, next_key;
	uint8_t packet[EG_CRYPTO_BURST][PACKET];
	struct eg_crypto_op op[EG_CRYPTO_BURST];
	double ns[2][COLUMNS][ROUNDS_MAX];
};

static bool prepare(struct bench *bench, const char *suite_name)
{
	const struct eg_suite *suite = eg_suite_find(suite_name);
	struct eg_keystore *store = eg_keystore_new();
	uint8_t material[EG_SUITE_KEY_MAX];

	bench->crypto[0] = eg_crypto_new();
	bench->crypto[1] = eg_crypto_new();
	if (!suite || suite->auth != EG_AUTH_AEAD || !store || !bench->crypto[0] ||
	    !bench->crypto[1])
		return false;
	eg_crypto_set_multi_packet(bench->crypto[1], eg_multi_packet_up_to(0));
	for (unsigned k = 0; k < bench->n_keys; k++) {
		for (unsigned i = 0; i < sizeof(material); i++)
			material[i] = (uint8_t)(k * 7 + i);
		bench->key[k] = eg_crypto_key_new(store, suite, material);
		if (!bench->key[k])
			return false;
	}
	return true;
}

static void make_ops(struct bench *bench, unsigned len)
{
	static const unsigned mixture[] = {52, 556, 52, 52, 556, 52, 1386, 52, 556, 52, 556, 52};

	for (unsigned i = 0; i < EG_CRYPTO_BURST; i++) {
		uint8_t *packet = bench->packet[i];
		unsigned each = len ? len : mixture[i % (sizeof(mixture) / sizeof(*mixture))];

		bench->op[i] = (struct eg_crypto_op){
			.key = bench->key[bench->next_key++ % bench->n_keys],
			.aad = packet,
			.aad_len = 8,
			.iv = packet + 8,
			.text = packet + 16,
			.text_len = each,
			.icv = packet + 16 + each,
		};
	}
}

/* Opened packets are authentic: they were just sealed. False if one was not opened. */
static bool run_round(struct bench *bench, unsigned len, double ns[COLUMNS],
		      struct eg_crypto *crypto)
{
	uint64_t took[COLUMNS] = {0};

	for (unsigned round = 0; round < ROUND; round++) {
		uint64_t times[3];

		make_ops(bench, len);
		times[0] = eg_mono_ns();
		eg_crypto_seal(crypto, bench->op, EG_CRYPTO_BURST);
		times[1] = eg_mono_ns();
		eg_crypto_open(crypto, bench->op, EG_CRYPTO_BURST);
		times[2] = eg_mono_ns();
		took[SEAL] += times[1] - times[0];
		took[OPEN] += times[2] - times[1];
		for (unsigned i = 0; i < EG_CRYPTO_BURST; i++) {
			if (!bench->op[i].ok)
				return false;
		}
	}
	for (unsigned c = 0; c < COLUMNS; c++)
		ns[c] = (double)took[c] / (ROUND * EG_CRYPTO_BURST);
	return true;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool measure(struct bench *bench, unsigned len, uint64_t limit_ns)
{
	const uint64_t start = eg_mono_ns();
	double ns[COLUMNS], median[2][COLUMNS];
	size_t n = 0;

	for (; n < ROUNDS_MAX && eg_mono_ns() - start < limit_ns; n++) {
		for (unsigned e = 0; e < 2; e++) {
			if (!run_round(bench, len, ns, bench->crypto[e]))
				return false;
			for (unsigned c = 0; c < COLUMNS; c++)
				bench->ns[e][c][n] = ns[c];
		}
	}
	for (unsigned e = 0; e < 2; e++) {
		for (unsigned c = 0; c < COLUMNS; c++) {
			qsort(bench->ns[e][c], n, sizeof(*ns), by_size);
			median[e][c] = bench->ns[e][c][n / 2];
		}
	}
	printf("%4u  seal %6.1f / %6.1f  open %6.1f / %6.1f\n", len, median[0][SEAL],
	       median[1][SEAL], median[0][OPEN], median[1][OPEN]);
	return true;
}

int main(int argc, char **argv)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (!bench)
		return 1;
	bench->n_keys = argc > 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	if (!bench->n_keys || bench->n_keys > KEYS_MAX || !prepare(bench, argv[1])) {
		fprintf(stderr, "usage: bench_crypto SUITE KEYS SECONDS LENGTH...\n");
		return 2;
	}
	for (int i = 4; i < argc; i++) {
		unsigned len = (unsigned)strtoul(argv[i], NULL, 10);

		if (len > PACKET - 64 || !measure(bench, len, (uint64_t)(atof(argv[3]) * 1e9)))
			return 1;
	}
	return 0;
}
