/* AES-GCM four packets at a time (crypto/gcm4.h) beside IPsec-MB's and OpenSSL's: the same bytes
 * whatever a burst mixes, nothing touched outside of the packets, and no time that depends on a
 * secret. Skipped on a CPU without the instructions. */
#include "crypto/crypto_tests.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/peer.h"
#include "common/random.h"
#include "crypto/key.h"

#define TEXT_MAX (EG_GCM4_TEXT_MAX + 80) /* beyond what goes four at a time, too */
#define HEADER   16
#define KEYS     24

static void require_cpu(void)
{
	if (eg_gcm4_supported())
		return;
	print_message("SKIP: this CPU has no AVX-512 with VAES and VPCLMULQDQ\n");
	skip();
}

/* GCM's suites: three key lengths, three ICV lengths, implicit IVs. */
static const struct eg_suite *random_suite(struct rng *rng)
{
	for (;;) {
		const struct eg_suite *suite = &eg_suites[rng_below(rng, EG_SUITE_COUNT)];

		if (suite->cipher == EG_CIPHER_AES_GCM)
			return suite;
	}
}

struct key {
	const struct eg_suite *suite;
	uint8_t material[EG_SUITE_KEY_MAX];
	struct eg_crypto_key *key;
};

struct burst {
	struct rng rng;
	struct eg_keystore *store;
	struct eg_crypto *four, *one; /* engines: four at a time; IPsec-MB alone */
	struct key keys[KEYS];
	const struct key *key[EG_CRYPTO_BURST];
	uint8_t plain[EG_CRYPTO_BURST][TEXT_MAX];
	uint8_t bytes[2][EG_CRYPTO_BURST][HEADER + TEXT_MAX + EG_SUITE_ICV_MAX]; /* by engine */
	uint8_t aad[EG_CRYPTO_BURST][12];
	struct eg_crypto_op op[2][EG_CRYPTO_BURST];
};

static struct burst *burst_new(const char *name)
{
	struct burst *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->rng = rng_start(name);
	b->store = eg_keystore_new();
	b->four = eg_crypto_new();
	b->one = eg_crypto_new();
	eg_crypto_set_multi_packet(b->one, 0);
	for (unsigned i = 0; i < KEYS; i++) {
		struct key *key = &b->keys[i];

		key->suite = random_suite(&b->rng);
		rng_fill(&b->rng, key->material, sizeof(key->material));
		key->key = eg_crypto_key_new(b->store, key->suite, key->material);
		assert_non_null(key->key);
	}
	return b;
}

static void burst_free(struct burst *b)
{
	eg_crypto_free(b->four);
	eg_crypto_free(b->one);
	eg_keystore_free(b->store);
	free(b);
}

static uint32_t random_length(struct rng *rng)
{
	switch (rng_below(rng, 4)) {
	case 0:
		return 1 + (uint32_t)rng_below(rng, 80);
	case 1: /* around the borders of vectors */
		return (uint32_t)(64 * (1 + rng_below(rng, EG_GCM4_VECTORS)) - 2 +
				  rng_below(rng, 5));
	default:
		return 1 + (uint32_t)rng_below(rng, TEXT_MAX - 1);
	}
}

static void set_op(struct burst *b, unsigned engine, unsigned i, uint32_t len, uint32_t aad_len)
{
	uint8_t *iv = b->bytes[engine][i];

	b->op[engine][i] = (struct eg_crypto_op){
		.key = b->key[i]->key,
		.aad = b->aad[i],
		.aad_len = aad_len,
		.iv = iv,
		.text = iv + HEADER,
		.text_len = len,
		.icv = iv + HEADER + len,
	};
}

/* n packets, the same for both engines; few keys, or many, so that lanes share one or do not. */
static void fill_burst(struct burst *b, unsigned n, unsigned keys)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = random_length(&b->rng);
		uint32_t aad_len = rng_below(&b->rng, 2) ? 12 : 8;

		b->key[i] = &b->keys[rng_below(&b->rng, keys)];
		rng_fill(&b->rng, b->aad[i], sizeof(b->aad[i]));
		rng_fill(&b->rng, b->plain[i], len);
		memset(b->bytes[0][i], 0x5a, sizeof(b->bytes[0][i]));
		rng_fill(&b->rng, b->bytes[0][i], 8);
		memcpy(b->bytes[0][i] + HEADER, b->plain[i], len);
		memcpy(b->bytes[1][i], b->bytes[0][i], sizeof(b->bytes[1][i]));
		set_op(b, 0, i, len, aad_len);
		set_op(b, 1, i, len, aad_len);
	}
}

static void assert_same_bytes(const struct burst *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(b->op[0][i].ok, b->op[1][i].ok);
		assert_memory_equal(b->bytes[0][i], b->bytes[1][i], sizeof(b->bytes[0][i]));
	}
}

static void seal_and_open(struct burst *b, unsigned n)
{
	bool spoiled[EG_CRYPTO_BURST];

	eg_crypto_seal(b->four, b->op[0], n);
	eg_crypto_seal(b->one, b->op[1], n);
	assert_same_bytes(b, n);
	for (unsigned i = 0; i < n; i++) {
		const struct eg_crypto_op *op = &b->op[1][i];
		size_t at = HEADER + rng_below(&b->rng, op->text_len + b->key[i]->suite->icv_bytes);

		assert_true(op->ok);
		assert_true(peer_open(b->key[i]->suite, b->key[i]->material, op));
		assert_memory_equal(op->text, b->plain[i], op->text_len);
		spoiled[i] = !rng_below(&b->rng, 4);
		if (spoiled[i])
			b->bytes[0][i][at] ^= (uint8_t)(1 << rng_below(&b->rng, 8));
		memcpy(b->bytes[1][i], b->bytes[0][i], sizeof(b->bytes[1][i]));
	}
	eg_crypto_open(b->four, b->op[0], n);
	eg_crypto_open(b->one, b->op[1], n);
	assert_same_bytes(b, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(b->op[0][i].ok, !spoiled[i]);
}

static void test_mixed(void **state)
{
	struct burst *b;

	(void)state;
	require_cpu();
	b = burst_new("four at a time");
	for (unsigned round = 0; round < 3000; round++) {
		unsigned n = 1 + (unsigned)rng_below(&b->rng, EG_CRYPTO_BURST);

		fill_burst(b, n, 1 + (unsigned)rng_below(&b->rng, KEYS));
		seal_and_open(b, n);
	}
	burst_free(b);
}

/* Every length in every place of the four, with lengths beside it that have the same vectors. */
static void test_lengths(void **state)
{
	struct burst *b;

	(void)state;
	require_cpu();
	b = burst_new("every length");
	for (uint32_t len = 1; len < TEXT_MAX; len++) {
		fill_burst(b, EG_GCM4_LANES, KEYS);
		for (unsigned i = 0; i < EG_GCM4_LANES; i++) {
			uint32_t other = (len - 1) / 64 * 64 + 1 + (uint32_t)rng_below(&b->rng, 64);
			uint32_t each = i == len % EG_GCM4_LANES || other >= TEXT_MAX ? len : other;

			rng_fill(&b->rng, b->plain[i], each);
			memset(b->bytes[0][i] + HEADER, 0x5a, sizeof(b->bytes[0][i]) - HEADER);
			memcpy(b->bytes[0][i] + HEADER, b->plain[i], each);
			memcpy(b->bytes[1][i], b->bytes[0][i], sizeof(b->bytes[1][i]));
			set_op(b, 0, i, each, 8);
			set_op(b, 1, i, each, 8);
		}
		seal_and_open(b, EG_GCM4_LANES);
	}
	burst_free(b);
}

/* The engine does what it was told: with a spoiled hash power only packets that go four at a time
 * have other ICVs. */
static void test_engine_chosen(void **state)
{
	static const struct {
		unsigned n;
		uint32_t len, limit;
		bool four;
	} cases[] = {
		{4, 64, EG_GCM4_TEXT_MAX, true},
		{2, 64, EG_GCM4_TEXT_MAX, true}, /* with stand-ins */
		{1, 64, EG_GCM4_TEXT_MAX, false},
		{4, EG_GCM4_TEXT_MAX, EG_GCM4_TEXT_MAX, true},
		{4, EG_GCM4_TEXT_MAX + 1, UINT32_MAX, false},
		{4, 64, 64, true},
		{4, 65, 64, false},
		{4, 64, 0, false},
	};

	(void)state;
	require_cpu();
	for (size_t c = 0; c < COUNT(cases); c++) {
		struct burst *b = burst_new("which engine");

		fill_burst(b, cases[c].n, 1);
		eg_crypto_set_multi_packet(b->four, cases[c].limit);
		for (unsigned i = 0; i < cases[c].n; i++) {
			set_op(b, 0, i, cases[c].len, 8);
			set_op(b, 1, i, cases[c].len, 8);
		}
		b->keys[0].key->gcm4.power[EG_GCM4_POWERS - 1][0] ^= 1;
		eg_crypto_seal(b->four, b->op[0], cases[c].n);
		eg_crypto_seal(b->one, b->op[1], cases[c].n);
		for (unsigned i = 0; i < cases[c].n; i++)
			assert_int_equal(memcmp(b->op[0][i].icv, b->op[1][i].icv, 8) != 0,
					 cases[c].four);
		burst_free(b);
	}
}

/* A page between two that nobody may touch. */
static uint8_t *lonely_page(size_t page)
{
	uint8_t *at = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(mprotect(at + page, page, PROT_READ | PROT_WRITE), 0);
	return at + page;
}

/* Each part of a packet at the very end of a page, and at the very beginning. */
static void test_bounds(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct burst *b;
	uint8_t *parts[4];

	(void)state;
	require_cpu();
	b = burst_new("bounds");
	for (unsigned i = 0; i < COUNT(parts); i++)
		parts[i] = lonely_page(page);
	for (unsigned round = 0; round < 2000; round++) {
		unsigned lane = (unsigned)rng_below(&b->rng, EG_GCM4_LANES);
		struct eg_crypto_op *op = &b->op[0][lane];
		bool end = rng_below(&b->rng, 2);
		uint32_t len = 1 + (uint32_t)rng_below(&b->rng, EG_GCM4_TEXT_MAX);

		fill_burst(b, EG_GCM4_LANES, KEYS);
		for (unsigned i = 0; i < EG_GCM4_LANES; i++)
			set_op(b, 0, i, (len - 1) / 64 * 64 + 1, 8);
		op->text_len = len;
		op->aad_len = rng_below(&b->rng, 2) ? 12 : 8;
		op->text = parts[0] + (end ? page - len : 0);
		op->icv = parts[1] + (end ? page - b->key[lane]->suite->icv_bytes : 0);
		op->iv = parts[2] + (end ? page - 8 : 0);
		op->aad = parts[3] + (end ? page - op->aad_len : 0);
		eg_crypto_seal(b->four, b->op[0], EG_GCM4_LANES);
		eg_crypto_open(b->four, b->op[0], EG_GCM4_LANES);
		for (unsigned i = 0; i < EG_GCM4_LANES; i++)
			assert_true(b->op[0][i].ok);
	}
	for (unsigned i = 0; i < COUNT(parts); i++)
		munmap(parts[i] - page, 3 * page);
	burst_free(b);
}

#define STEPS_MAX 20000

#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif

enum traced {
	SEAL,
	OPEN,
	EXPAND,
};

/* One call in a child, between two instructions that stop it. */
static void traced_child(struct burst *b, enum traced what)
{
	struct eg_gcm4_key expanded, first = b->key[0]->key->gcm4;
	const struct eg_gcm4_key *keys[EG_GCM4_LANES];
	struct eg_crypto_op *ops[EG_GCM4_LANES];

	for (unsigned i = 0; i < EG_GCM4_LANES; i++) {
		ops[i] = &b->op[0][i];
		keys[i] = &b->key[i]->key->gcm4;
	}
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	__asm__ volatile("int3"); /* SIGTRAP: the trace begins */
	if (what == SEAL)
		eg_gcm4_seal(ops, keys);
	else if (what == OPEN)
		eg_gcm4_open(ops, keys);
	else
		eg_gcm4_expand(&expanded, first.round_key[0], first.rounds);
	__asm__ volatile("ud2"); /* SIGILL: it ends */
	_exit(0);
}

/* General registers at each step, but for flags, which hold nothing that is not used: a branch on
 * them shows in rip. */
struct step {
	uint64_t reg[16];
};

static void note_step(pid_t child, struct step *step)
{
	struct user_regs_struct r;

	assert_int_equal(ptrace(PTRACE_GETREGS, child, NULL, &r), 0);
	*step = (struct step){{r.rip, r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8,
			       r.r9, r.r10, r.r11, r.r12, r.r13, r.r14}};
}

/* Single-step the child. Returns the number of steps; 0: the system allows no tracing. */
static unsigned trace(struct burst *b, enum traced what, struct step *steps)
{
	pid_t child = fork();
	unsigned n = 0;
	int status;

	assert_true(child >= 0);
	if (!child)
		traced_child(b, what);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSTOPPED(status))
		return 0;
	for (;;) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL)) {
			assert_int_equal(errno, EPERM);
			break;
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			break;
		assert_true(n < STEPS_MAX);
		note_step(child, &steps[n++]);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return n;
}

/* Other secrets at the same addresses. */
static void change_secrets(struct burst *b)
{
	for (unsigned k = 0; k < KEYS; k++) {
		struct key *key = &b->keys[k];
		struct eg_crypto_key *other;

		rng_fill(&b->rng, key->material, sizeof(key->material));
		other = eg_crypto_key_new(b->store, key->suite, key->material);
		memcpy(key->key, other, sizeof(*other));
		eg_crypto_key_free(b->store, other);
	}
	for (unsigned i = 0; i < EG_GCM4_LANES; i++)
		rng_fill(&b->rng, b->op[0][i].text, b->op[0][i].text_len);
}

/* The same instruction with the same registers. A register that still holds what it held at the
 * begin may differ: it is the caller's. */
static void assert_same_step(const struct step *a, const struct step *b, unsigned i, unsigned n)
{
	for (unsigned r = 0; r < n; r++) {
		if (a[i].reg[r] != a[0].reg[r] || b[i].reg[r] != b[0].reg[r])
			assert_int_equal(a[i].reg[r], b[i].reg[r]);
	}
}

static void check_steps(struct burst *b, enum traced what)
{
	/* Expanding a key computes with H itself in general registers: there only rip counts. */
	unsigned registers = what == EXPAND ? 1 : COUNT(((struct step *)NULL)->reg);
	static struct step steps[2][STEPS_MAX];
	unsigned n[2];

	for (unsigned run = 0; run < 2; run++) {
		change_secrets(b);
		if (what == OPEN)
			eg_crypto_seal(b->one, b->op[0], EG_GCM4_LANES);
		n[run] = trace(b, what, steps[run]);
	}
	if (!n[0]) {
		print_message("SKIP: no single-stepping with ptrace here\n");
		skip();
	}
	assert_in_range(n[0], 100, STEPS_MAX);
	assert_int_equal(n[0], n[1]);
	for (unsigned i = 0; i < n[0]; i++)
		assert_same_step(steps[0], steps[1], i, registers);
}

/* The n-th of the keys that may share lanes with the first. */
static const struct key *lane_key(const struct burst *b, unsigned n)
{
	const struct key *found = &b->keys[0];

	for (unsigned k = 1; k < KEYS && n; k++) {
		if (b->keys[k].suite->key_bytes != b->keys[0].suite->key_bytes)
			continue;
		found = &b->keys[k];
		n--;
	}
	return found;
}

/* Under two sets of keys, salts and texts, instruction by instruction: the same instructions with
 * the same general registers, so no branch and no address can depend on a secret. */
static void test_constant_time(void **state)
{
	static const uint32_t lengths[] = {1, 52, 64, 100, 260, EG_GCM4_TEXT_MAX};
	struct burst *b;

	(void)state;
	require_cpu();
	if (SANITIZED) {
		print_message("SKIP: a sanitizer's own branches are not what this test is about\n");
		skip();
	}
	b = burst_new("constant time");
	for (size_t i = 0; i < COUNT(lengths); i++) {
		for (unsigned different = 0; different < 2; different++) {
			fill_burst(b, EG_GCM4_LANES, 1);
			for (unsigned k = 0; k < EG_GCM4_LANES; k++) {
				b->key[k] = lane_key(b, different ? k : 0);
				set_op(b, 0, k, lengths[i], 8);
			}
			check_steps(b, SEAL);
			check_steps(b, OPEN);
		}
	}
	for (unsigned i = 0; i < 20; i++)
		check_steps(b, EXPAND);
	burst_free(b);
}

int run_gcm4_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mixed),         cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_engine_chosen), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_constant_time),
	};

	return cmocka_run_group_tests_name("AES-GCM four at a time", tests, NULL, NULL);
}
