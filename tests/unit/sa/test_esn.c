/* Inferring the high half of an extended sequence number (RFC 4303 appendix A2.2): a table, and an
 * oracle that computes in 128 bits: among all numbers with the received low half, the first
 * possible one at or right of the window's left edge. */
#include "sa/sa_tests.h"

#include "sa/replay.h"

#define HIGH(h) ((uint64_t)(h) << 32)

static uint64_t infer(uint32_t size, uint64_t top, uint32_t low)
{
	struct eg_replay replay;

	eg_replay_init(&replay, size, NULL); /* the bits are not read */
	replay.top = top;
	return eg_replay_infer(&replay, low);
}

static const struct esn_case {
	unsigned row;
	uint32_t size;
	uint64_t top;
	uint32_t low;
	uint64_t want;
} cases[] = {
	/* Case A: Tl >= W - 1, the window lies in one subspace. */
	{1, 64, HIGH(1) | 0x100, 0x101, HIGH(1) | 0x101},
	{2, 64, HIGH(1) | 0x100, 0x100, HIGH(1) | 0x100},
	{3, 64, HIGH(1) | 0x100, 0x0c1, HIGH(1) | 0x0c1}, /* left edge */
	{4, 64, HIGH(1) | 0x100, 0x0c0, HIGH(2) | 0x0c0}, /* left of it: the next subspace */
	{5, 64, HIGH(1) | 0x100, 0, HIGH(2)},
	{6, 64, HIGH(1) | 0x100, UINT32_MAX, HIGH(1) | UINT32_MAX},
	{7, 64, HIGH(1) | 63, 0, HIGH(1)}, /* Tl = W - 1: the left edge is 0 */
	{8, 64, HIGH(1) | 63, UINT32_MAX, HIGH(1) | UINT32_MAX},
	{9, 64, HIGH(7) | UINT32_MAX, 0, HIGH(8)}, /* across the border, by one step */
	{10, 64, HIGH(7) | UINT32_MAX, UINT32_MAX - 63, HIGH(7) | (UINT32_MAX - 63)},
	{11, 64, HIGH(7) | UINT32_MAX, UINT32_MAX - 64, HIGH(8) | (UINT32_MAX - 64)},
	/* Case B: Tl < W - 1, the window reaches into the previous subspace. */
	{12, 64, HIGH(1) | 62, UINT32_MAX, UINT32_MAX}, /* left edge */
	{13, 64, HIGH(1) | 62, UINT32_MAX - 1, HIGH(1) | (UINT32_MAX - 1)},
	{14, 64, HIGH(1), 0xffffffc1, 0xffffffc1}, /* left edge */
	{15, 64, HIGH(1), 0xffffffc0, HIGH(1) | 0xffffffc0},
	{16, 64, HIGH(1), 0, HIGH(1)},
	{17, 64, HIGH(1), 1, HIGH(1) | 1},
	{18, 4096, HIGH(9) | 5, 0xfffff006, HIGH(8) | 0xfffff006},
	{19, 4096, HIGH(9) | 5, 0xfffff005, HIGH(9) | 0xfffff005},
	/* The first subspace: there is no previous one. */
	{20, 64, 0, 1, 1},
	{21, 64, 0, 0, 0},
	{22, 64, 0, UINT32_MAX, UINT32_MAX},
	{23, 64, 0, 0xffffffc1, 0xffffffc1},
	{24, 64, 62, UINT32_MAX, UINT32_MAX},
	{25, 4096, 1000, 0xfffff800, 0xfffff800},
	{26, 64, 64, 0, HIGH(1)},
	/* With the window off, the longest one is used to tell the halves apart. */
	{27, 0, HIGH(3) | 9000, 8999, HIGH(3) | 8999},
	{28, 0, HIGH(3) | 9000, 809, HIGH(3) | 809},
	{29, 0, HIGH(3) | 9000, 808, HIGH(4) | 808},
	{30, 0, HIGH(3) | 5, UINT32_MAX, HIGH(2) | UINT32_MAX},
	{31, 0, 0, 1, 1},
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct esn_case *c = &cases[i];
		uint64_t got = infer(c->size, c->top, c->low);

		assert_int_equal(c->row, i + 1);
		if (got != c->want)
			fail_msg("row %u: %016llx, not %016llx", c->row, (unsigned long long)got,
				 (unsigned long long)c->want);
	}
}

/* There is no number after the last one: a wrapped one is left of the window and refused. */
static void test_last_subspace(void **state)
{
	struct eg_replay replay;
	uint64_t bits[128] = {0};

	(void)state;
	eg_replay_init(&replay, 64, bits);
	replay.top = UINT64_MAX - 10;
	assert_int_equal(eg_replay_check(&replay, eg_replay_infer(&replay, 5)),
			 EG_DROP_ESP_REPLAY_OLD);
	assert_int_equal(eg_replay_check(&replay, eg_replay_infer(&replay, 0)),
			 EG_DROP_ESP_REPLAY_SEEN);
	assert_int_equal(eg_replay_infer(&replay, UINT32_MAX), UINT64_MAX);
}

typedef __int128 wide;

static wide naive_infer(uint32_t size, uint64_t top, uint32_t low)
{
	const wide subspace = (wide)1 << 32;
	wide left = (wide)top - (size ? size : EG_REPLAY_MAX) + 1;
	wide seq = (wide)low - subspace; /* before the first, in case that one is too early */

	if (left < 0)
		left = 0;
	seq += ((left - seq) / subspace) * subspace; /* close, from below */
	while (seq < left)
		seq += subspace;
	return seq;
}

static uint64_t near_border(struct rng *rng)
{
	uint64_t high = rng_below(rng, 3) ? rng_below(rng, 3) : rng_next(rng) >> 32;

	switch (rng_below(rng, 3)) {
	case 0:
		return HIGH(high) + rng_below(rng, 10000);
	case 1:
		return HIGH(high + 1) - 1 - rng_below(rng, 10000);
	default:
		return HIGH(high) | (uint32_t)rng_next(rng);
	}
}

static void test_random(void **state)
{
	static const uint32_t sizes[] = {0, 32, 33, 64, 100, 1024, 4096, 8192};
	struct rng rng = rng_start("extended sequence numbers");
	unsigned other_subspace = 0;

	(void)state;
	for (unsigned i = 0; i < 1000000; i++) {
		uint32_t size = sizes[rng_below(&rng, COUNT(sizes))];
		uint64_t top = near_border(&rng);
		uint32_t low = rng_below(&rng, 4) ? (uint32_t)(top + rng_below(&rng, 10000) - 5000)
						  : (uint32_t)rng_next(&rng);
		wide want = naive_infer(size, top, low);
		uint64_t got = infer(size, top, low);

		if (want > UINT64_MAX)
			continue; /* test_last_subspace */
		if (got != (uint64_t)want)
			fail_msg("window %u, top %016llx, low %08x: %016llx, not %016llx", size,
				 (unsigned long long)top, low, (unsigned long long)got,
				 (unsigned long long)want);
		other_subspace += got >> 32 != top >> 32;
	}
	assert_true(other_subspace > 10000);
}

int run_esn_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_last_subspace),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("sa ESN", tests, NULL, NULL);
}
