/* The anti-replay window (RFC 4303 s3.4.3, appendix A): a truth table for every size, and random
 * sequences against a naive oracle, the set of numbers seen. */
#include "sa/sa_tests.h"

#include "sa/replay.h"

static const uint32_t sizes[] = {32, 33, 64, 100, 1024, 4096, 8192};

#define KEEP EG_PASS
#define OLD  EG_DROP_ESP_REPLAY_OLD
#define SEEN EG_DROP_ESP_REPLAY_SEEN

struct window {
	struct eg_replay replay;
	uint64_t *bits;
};

static struct window new_window(uint32_t size)
{
	struct window w;

	/* Exactly the requested size, so that ASan catches accesses outside. */
	w.bits = calloc(1, eg_replay_bytes(size) ? eg_replay_bytes(size) : 1);
	assert_non_null(w.bits);
	eg_replay_init(&w.replay, size, w.bits);
	return w;
}

/* The two steps as in the packet path. The commit refuses whatever the check refuses, and neither a
 * check nor a refusal changes anything. */
static enum eg_verdict receive(struct window *w, uint64_t seq)
{
	struct eg_replay before = w->replay;
	size_t n = eg_replay_bytes(before.size);
	uint64_t bits_before[2048 / 8];
	enum eg_verdict check, commit;

	assert_true(n <= sizeof(bits_before));
	memcpy(bits_before, w->bits, n);
	check = eg_replay_check(&w->replay, seq);
	assert_memory_equal(&w->replay, &before, sizeof(before));
	assert_memory_equal(w->bits, bits_before, n);
	commit = eg_replay_commit(&w->replay, seq);
	assert_int_equal(commit, check);
	if (commit) {
		assert_memory_equal(&w->replay, &before, sizeof(before));
		assert_memory_equal(w->bits, bits_before, n);
	}
	return commit;
}

/* Steps on one window of W packets, from its start. seq = a*W + b; the rows hold for every W. */
static const struct step {
	unsigned row, a;
	uint64_t b;
	enum eg_verdict want;
} steps[] = {
	/* The first packets. */
	{1, 0, 0, SEEN}, /* 0 is never sent (s3.3.3) */
	{2, 0, 2, KEEP},
	{3, 0, 1, KEEP}, /* late; the first number of all */
	{4, 0, 1, SEEN},
	{5, 0, 2, SEEN},
	{6, 0, 0, SEEN},
	/* Up to where the window's left edge is number 1. */
	{7, 1, 0, KEEP},
	{8, 0, 1, SEEN}, /* still inside */
	{9, 0, 3, KEEP},
	{10, 0, 0, SEEN}, /* left of it, but 0 has its own rule */
	/* One step: right edge W+1, left edge 2. */
	{11, 1, 1, KEEP},
	{12, 0, 1, OLD},
	{13, 0, 2, SEEN},
	{14, 0, 4, KEEP},
	{15, 1, 1, SEEN}, /* right edge again */
	/* Jump by exactly W: nothing of the old window remains. */
	{16, 2, 1, KEEP},
	{17, 1, 1, OLD},
	{18, 1, 2, KEEP}, /* left edge */
	{19, 1, 2, SEEN},
	{20, 2, 0, KEEP}, /* next to the right edge */
	{21, 2, 0, SEEN},
	{22, 1, 3, KEEP}, /* every number inside is fresh */
	/* Jump by W + 1. */
	{23, 3, 2, KEEP},
	{24, 2, 2, OLD}, /* between the windows */
	{25, 2, 3, KEEP},
	{26, 3, 1, KEEP},
	{27, 3, 2, SEEN},
	/* Jump by W - 1: the old right edge is the new left edge. */
	{28, 4, 1, KEEP},
	{29, 3, 2, SEEN},
	{30, 3, 1, OLD},
	/* Jump by 64: whole words of the ring. */
	{31, 4, 65, KEEP},
	{32, 4, 64, KEEP},
	{33, 4, 65, SEEN},
	/* Jump by 16384, the length of the longest ring. */
	{34, 4, 16449, KEEP},
	{35, 3, 16449, OLD},
	{36, 3, 16450, KEEP},
	{37, 4, 16448, KEEP},
	{38, 4, 16449, SEEN},
	{39, 4, 65, OLD},
	/* Far away. */
	{40, 0, 1ull << 40, KEEP},
	{41, 4, 16449, OLD},
	{42, 0, (1ull << 40) - 1, KEEP},
	{43, 0, (1ull << 40) - 31, KEEP},
	{44, 0, (1ull << 40) - 31, SEEN},
	/* Up to the end of all numbers. */
	{45, 0, UINT64_MAX - 1, KEEP},
	{46, 0, UINT64_MAX, KEEP},
	{47, 0, UINT64_MAX, SEEN},
	{48, 0, UINT64_MAX - 31, KEEP},
	{49, 0, 0, SEEN},
	{50, 0, 1, OLD},
};

static void test_table(void **state)
{
	(void)state;
	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct window w = new_window(sizes[s]);

		for (size_t i = 0; i < COUNT(steps); i++) {
			uint64_t seq = (uint64_t)steps[i].a * sizes[s] + steps[i].b;
			enum eg_verdict got = receive(&w, seq);

			assert_int_equal(steps[i].row, i + 1);
			if (got != steps[i].want)
				fail_msg("window %u, row %u, number %llu: %s, not %s", sizes[s],
					 steps[i].row, (unsigned long long)seq, eg_drop_name(got),
					 eg_drop_name(steps[i].want));
		}
		free(w.bits);
	}
}

/* The window is exactly W wide wherever in a word its right edge lies: fill it, advance one by one,
 * and check each time that the left edge is seen and its neighbour old. */
static void test_exact_width(void **state)
{
	(void)state;
	for (size_t s = 0; s < COUNT(sizes); s++) {
		struct window w = new_window(sizes[s]);

		for (uint64_t seq = 1; seq < 2 * sizes[s] + 200; seq++) {
			assert_int_equal(receive(&w, seq), KEEP);
			if (seq < sizes[s])
				continue;
			assert_int_equal(eg_replay_check(&w.replay, seq - sizes[s] + 1), SEEN);
			if (seq > sizes[s])
				assert_int_equal(eg_replay_check(&w.replay, seq - sizes[s]), OLD);
		}
		free(w.bits);
	}
}

/* Window 0: the check is disabled. */
static void test_off(void **state)
{
	struct window w = new_window(0);

	(void)state;
	assert_int_equal(eg_replay_bytes(0), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(receive(&w, 100), KEEP);
		assert_int_equal(receive(&w, 0), KEEP);
		assert_int_equal(receive(&w, 1), KEEP);
	}
	assert_int_equal(w.replay.top, 100);
	free(w.bits);
}

/* The oracle remembers every number ever taken. It covers [base, base + SPAN). */
#define SPAN (1u << 22)
#define WALK 60000

struct naive {
	uint64_t base, top;
	uint32_t size;
	uint8_t seen[SPAN];
};

static enum eg_verdict naive_receive(struct naive *n, uint64_t seq)
{
	uint8_t *seen = &n->seen[seq - n->base];

	if (seq == 0)
		return SEEN;
	if (seq + n->size <= n->top)
		return OLD;
	if (*seen)
		return SEEN;
	*seen = 1;
	if (seq > n->top)
		n->top = seq;
	return KEEP;
}

static uint64_t random_seq(struct rng *rng, const struct naive *n)
{
	uint64_t around, size = n->size;

	switch (rng_below(rng, 16)) {
	case 0: /* a jump */
		return n->top + rng_below(rng, 3 * size);
	case 1: /* whole words */
		return n->top + 64 * rng_below(rng, 70);
	case 2:
	case 3: /* the left edge and its neighbours */
		around = size + 1 - rng_below(rng, 3);
		break;
	case 4:
	case 5: /* anywhere inside, or as far left of it */
		around = rng_below(rng, 2 * size);
		break;
	default: /* in order, or nearly */
		if (rng_below(rng, 3))
			return n->top + rng_below(rng, 4);
		around = rng_below(rng, 8);
	}
	return n->top - n->base >= around ? n->top - around : n->top + 1;
}

static unsigned random_walk(struct rng *rng, struct naive *n, uint32_t size, uint64_t base,
			    unsigned count[EG_DROP_COUNT])
{
	struct window w = new_window(size);
	unsigned steps_done = 0;

	memset(n, 0, sizeof(*n));
	n->size = size;
	n->base = base;
	if (base) { /* start far away, left of where the set begins */
		assert_int_equal(receive(&w, base + 2 * size), KEEP);
		assert_int_equal(naive_receive(n, base + 2 * size), KEEP);
	}
	for (; steps_done < WALK && n->top - base < SPAN - 4 * EG_REPLAY_MAX; steps_done++) {
		uint64_t seq = random_seq(rng, n);
		enum eg_verdict want = naive_receive(n, seq), got = receive(&w, seq);

		count[want]++;
		if (got != want)
			fail_msg("window %u, top %llu, number %llu: %s, not %s", size,
				 (unsigned long long)n->top, (unsigned long long)seq,
				 eg_drop_name(got), eg_drop_name(want));
		assert_int_equal(w.replay.top, n->top);
	}
	free(w.bits);
	return steps_done;
}

static void test_random(void **state)
{
	static const uint64_t bases[] = {0, (1ull << 32) - 50000, 1ull << 63};
	struct rng rng = rng_start("replay window");
	struct naive *n = malloc(sizeof(*n));
	unsigned count[EG_DROP_COUNT] = {0};
	unsigned steps_done = 0;

	(void)state;
	assert_non_null(n);
	for (size_t s = 0; s < COUNT(sizes); s++) {
		for (size_t b = 0; b < COUNT(bases); b++) {
			/* Long windows jump far and reach the end of the set early. */
			for (unsigned done = 0; done < WALK;) {
				unsigned n_steps = random_walk(&rng, n, sizes[s], bases[b], count);

				done += n_steps;
				steps_done += n_steps;
			}
		}
	}
	print_message("%u steps: %u kept, %u old, %u seen\n", steps_done, count[KEEP], count[OLD],
		      count[SEEN]);
	assert_true(steps_done >= 1000000);
	assert_true(count[OLD] > steps_done / 50 && count[SEEN] > steps_done / 50);
	free(n);
}

int run_replay_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_exact_width),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("sa replay window", tests, NULL, NULL);
}
