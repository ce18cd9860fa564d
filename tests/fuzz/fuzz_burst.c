/* Bursts of AEAD packets, the same through three implementations: the engine that computes several
 * packets at a time (crypto/gcm4.h), IPsec-MB alone, and OpenSSL. They must agree on every byte and
 * every verdict. Each part of a packet is an allocation of its exact size, so AddressSanitizer sees
 * each load and store outside of it.
 *
 * The first byte of an input is the longest text for several packets at a time, in units of 16
 * bytes. Then follow records of eight bytes, one per packet; see read_packet(). A burst ends after
 * 64 packets. A fuzzer cannot find a key or an ICV, but it finds the mixtures: lengths, keys, key
 * lengths, ESN, ICV lengths, and what was corrupted where.
 *
 * For hours: build/clang/tests/fuzz/fuzz_burst -max_len=1025 -max_total_time=14400 FOLDER
 * tests/fuzz/corpus/burst. New inputs are written to FOLDER. */
#include <sanitizer/lsan_interface.h>

#include "common/peer.h"
#include "common/random.h"
#include "common/test.h"

#define KEYS     32
#define TEXT_MAX 1600
#define AAD_MAX  20
#define RECORD   8

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Who computes a copy of the burst. OPENSSL only seals: its result is what the others open. */
enum engine {
	SEVERAL, /* packets at a time */
	IPSEC_MB,
	OPENSSL,
	ENGINES,
};

enum place { /* of a corrupted byte */
	NOWHERE,
	IN_TEXT,
	IN_ICV,
	IN_AAD,
};

struct packet {
	unsigned key;
	uint32_t text_len, aad_len;
	unsigned offset; /* of each part in its allocation: alignment */
	enum place place;
	unsigned at; /* modulo the length of the part */
	uint8_t mask;
	uint8_t aad[AAD_MAX], iv[8], text[TEXT_MAX];
};

static struct {
	struct eg_keystore *store;
	struct eg_crypto *crypto[2]; /* SEVERAL, IPSEC_MB */
	const struct eg_suite *suite[KEYS];
	uint8_t material[KEYS][EG_SUITE_KEY_MAX];
	const struct eg_crypto_key *key[KEYS];
} world;

static struct packet packets[EG_CRYPTO_BURST];
static struct eg_crypto_op ops[ENGINES][EG_CRYPTO_BURST];

static void require(int truth)
{
	if (!truth)
		abort();
}

/* GCM's and ChaCha20-Poly1305's suites in turn, each with several keys. */
static const struct eg_suite *nth_suite(unsigned n)
{
	for (unsigned i = 0;; i++) {
		const struct eg_suite *suite = &eg_suites[i % EG_SUITE_COUNT];

		if (suite->cipher != EG_CIPHER_AES_GCM && suite->cipher != EG_CIPHER_CHACHA20)
			continue;
		if (!n--)
			return suite;
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct rng rng = {1};

	(void)argc;
	(void)argv;
	/* Made once, and held from secret memory, which no leak checker searches for pointers. */
	__lsan_disable();
	world.store = eg_keystore_new();
	for (unsigned e = 0; e < COUNT(world.crypto); e++) {
		world.crypto[e] = eg_crypto_new();
		require(world.crypto[e] != NULL);
	}
	eg_crypto_set_multi_packet(world.crypto[IPSEC_MB], eg_multi_packet_up_to(0));
	for (unsigned k = 0; k < KEYS; k++) {
		world.suite[k] = nth_suite(k);
		rng_fill(&rng, world.material[k], sizeof(world.material[k]));
		world.key[k] = eg_crypto_key_new(world.store, world.suite[k], world.material[k]);
		require(world.key[k] != NULL);
	}
	__lsan_enable();
	return 0;
}

static void fill_text(struct packet *p, unsigned pattern, uint8_t seed)
{
	struct rng rng = {seed};

	if (pattern < 2)
		rng_fill(&rng, p->text, p->text_len);
	else
		memset(p->text, pattern == 2 ? 0xff : seed, p->text_len);
	rng_fill(&rng, p->iv, sizeof(p->iv));
	rng_fill(&rng, p->aad, sizeof(p->aad));
}

static void read_packet(struct packet *p, const uint8_t record[RECORD])
{
	const uint32_t aad_lengths[] = {8, 12, 8, record[7] % (AAD_MAX + 1u)};

	p->key = record[0] % KEYS;
	p->text_len = (uint32_t)(record[1] | record[2] << 8) % (TEXT_MAX + 1);
	p->aad_len = aad_lengths[record[3] & 3];
	p->place = (enum place)(record[3] >> 4 & 3);
	p->offset = record[5] >> 4;
	p->at = record[4] | (record[5] & 15u) << 8;
	p->mask = record[6];
	fill_text(p, record[3] >> 2 & 3, record[7]);
}

/* A copy of `n` bytes that ends where its allocation ends. */
static uint8_t *copy(const uint8_t *bytes, size_t n, unsigned offset)
{
	uint8_t *at = malloc(offset + n);

	require(at != NULL || !(offset + n));
	if (n)
		memcpy(at + offset, bytes, n);
	return at + offset;
}

static void make_ops(unsigned n)
{
	static const uint8_t zeros[EG_SUITE_ICV_MAX];

	for (unsigned e = 0; e < ENGINES; e++) {
		for (unsigned i = 0; i < n; i++) {
			const struct packet *p = &packets[i];

			ops[e][i] = (struct eg_crypto_op){
				.key = world.key[p->key],
				.text = copy(p->text, p->text_len, p->offset),
				.text_len = p->text_len,
				.aad = copy(p->aad, p->aad_len, p->offset),
				.aad_len = p->aad_len,
				.iv = copy(p->iv, sizeof(p->iv), p->offset),
				.icv = copy(zeros, world.suite[p->key]->icv_bytes, p->offset),
			};
		}
	}
}

static void free_ops(unsigned n)
{
	for (unsigned e = 0; e < ENGINES; e++) {
		for (unsigned i = 0; i < n; i++) {
			const struct eg_crypto_op *op = &ops[e][i];
			unsigned offset = packets[i].offset;

			free(op->text - offset);
			free((uint8_t *)op->aad - offset);
			free((uint8_t *)op->iv - offset);
			free(op->icv - offset);
		}
	}
}

static void check_sealed(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned k = packets[i].key;
		const struct eg_crypto_op *want = &ops[OPENSSL][i];

		peer_seal(world.suite[k], world.material[k], want);
		for (unsigned e = SEVERAL; e <= IPSEC_MB; e++) {
			require(ops[e][i].ok);
			require(!memcmp(ops[e][i].text, want->text, want->text_len));
			require(!memcmp(ops[e][i].icv, want->icv, world.suite[k]->icv_bytes));
		}
	}
}

/* Returns true if a bit was flipped. */
static bool corrupt(const struct packet *p, const struct eg_crypto_op *op)
{
	const size_t length[] = {
		[IN_TEXT] = p->text_len,
		[IN_ICV] = world.suite[p->key]->icv_bytes,
		[IN_AAD] = p->aad_len,
	};
	uint8_t *const part[] = {
		[IN_TEXT] = op->text, [IN_ICV] = op->icv, [IN_AAD] = (uint8_t *)op->aad};

	if (p->place == NOWHERE || !length[p->place])
		return false;
	part[p->place][p->at % length[p->place]] ^= p->mask;
	return p->mask;
}

static void check_opened(const bool corrupted[], unsigned n)
{
	static const uint8_t zeros[TEXT_MAX];

	for (unsigned i = 0; i < n; i++) {
		for (unsigned e = SEVERAL; e <= IPSEC_MB; e++) {
			const struct eg_crypto_op *op = &ops[e][i];

			require(op->ok == !corrupted[i]);
			require(!memcmp(op->text, op->ok ? packets[i].text : zeros, op->text_len));
		}
	}
}

static void run_burst(unsigned n)
{
	bool corrupted[EG_CRYPTO_BURST];

	make_ops(n);
	for (unsigned e = SEVERAL; e <= IPSEC_MB; e++)
		eg_crypto_seal(world.crypto[e], ops[e], n);
	check_sealed(n);
	for (unsigned e = SEVERAL; e <= IPSEC_MB; e++) {
		for (unsigned i = 0; i < n; i++)
			corrupted[i] = corrupt(&packets[i], &ops[e][i]);
		eg_crypto_open(world.crypto[e], ops[e], n);
	}
	check_opened(corrupted, n);
	free_ops(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned n = 0;

	if (!size)
		return 0;
	eg_crypto_set_multi_packet(world.crypto[SEVERAL], eg_multi_packet_up_to(data[0] * 16u));
	for (size_t at = 1; at + RECORD <= size; at += RECORD) {
		read_packet(&packets[n++], data + at);
		if (n < EG_CRYPTO_BURST)
			continue;
		run_burst(n);
		n = 0;
	}
	run_burst(n);
	return 0;
}
