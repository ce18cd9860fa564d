/* When a peer is down and when it is up again, as a truth table; how long a silent one counts as up
 * at most; what counts as a reply. */
#include "tunnel/harness.h"

#include "base/clock.h"
#include "common/random.h"
#include "tunnel/liveness.h"

#define INTERVAL (100 * EG_NS_PER_MS)
#define BEGIN    (5 * EG_NS_PER_S)
#define WAY      (3 * EG_NS_PER_MS) /* from a request to its answer */

/* A peer that is looked at every millisecond. */
struct watch {
	struct eg_liveness *liveness;
	struct eg_liveness_plan plan;
	uint64_t now_ns;
};

static struct watch watch_open(uint32_t threshold)
{
	struct watch watch = {eg_liveness_new(0, 1), {INTERVAL, threshold}, BEGIN};

	assert_non_null(watch.liveness);
	watch.liveness->id = 0x1234; /* jitter is of it: the same in every run */
	return watch;
}

/* To the next request; false where there was none within `limit_ns`. */
static bool to_request(struct watch *watch, uint64_t limit_ns)
{
	uint64_t end = watch->now_ns + limit_ns;

	for (; watch->now_ns < end; watch->now_ns += EG_NS_PER_MS) {
		if (eg_liveness_poll(watch->liveness, &watch->plan, watch->now_ns))
			return true;
	}
	return false;
}

static void answer(struct watch *watch)
{
	watch->now_ns += WAY;
	eg_liveness_reply(watch->liveness, eg_liveness_sequence(watch->liveness));
	assert_false(eg_liveness_poll(watch->liveness, &watch->plan, watch->now_ns));
}

/* One column a request: was it answered (a) or not (.), and what holds when the one behind it goes
 * out: alive (A) or dead (D). With requests every 75 to 100 ms, `threshold` intervals of silence
 * are over before the request behind the first unanswered `threshold` + 1. */
static void test_truth_table(void **state)
{
	static const struct {
		unsigned number;
		uint32_t threshold;
		const char *answers, *verdicts;
	} rows[] = {
		{1, 3, "aaaaaaaa", "AAAAAAAA"},
		{2, 3, "aa..aaaa", "AAAAAAAA"},         /* two lost ones are two lost ones */
		{3, 3, "aa.a.a..", "AAAAAAAA"},         /* only in a row */
		{4, 3, "aa......", "AAAADDDD"},         /* silence */
		{5, 3, "........", "AAADDDDD"},         /* never a word: alive until proved dead */
		{6, 3, "aa....aaaaa", "AAAADDDDAAA"},   /* three answers in a row bring it back */
		{7, 3, "aa....aa.aaa", "AAAADDDDDDDA"}, /* interrupted: counted anew */
		{8, 3, "aa....a.a.a.", "AAAADDDDDDDD"},
		{9, 3, "aa....aaa....aaa", "AAAADDDDAAADDDDA"}, /* twice */
		{10, 1, "aa.aa", "AADAA"},                      /* one is enough, both ways */
		{11, 2, "aa..aaa", "AAADDAA"},
		{12, 5, "aa....aa", "AAAAAAAA"},
		{13, 5, "aa.......aaaaaa", "AAAAAADDDDDDDAA"},
	};

	(void)state;
	for (size_t r = 0; r < COUNT(rows); r++) {
		struct watch watch = watch_open(rows[r].threshold);

		assert_true(to_request(&watch, 1));
		for (size_t i = 0; rows[r].answers[i]; i++) {
			bool dead = rows[r].verdicts[i] == 'D';

			if (rows[r].answers[i] == 'a')
				answer(&watch);
			assert_true(to_request(&watch, INTERVAL + EG_NS_PER_MS));
			if (eg_liveness_is_up(watch.liveness) == dead)
				fail_msg("row %u, column %zu: %s", rows[r].number, i + 1,
					 dead ? "alive" : "dead");
		}
		eg_liveness_release(watch.liveness);
	}
}

/* A peer that dies at any moment is found dead at most interval * threshold later (and a look), and
 * not before it was silent for so long. */
static void test_bound(void **state)
{
	struct rng rng = rng_start("alive");

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct watch watch = watch_open(1 + (uint32_t)rng_below(&rng, 6));
		uint64_t limit = INTERVAL * watch.plan.threshold, death, found, last = 0;

		watch.liveness->id = (uint16_t)rng_next(&rng);
		death = BEGIN + INTERVAL + rng_below(&rng, 20 * INTERVAL);
		while (to_request(&watch, 2 * INTERVAL) && watch.now_ns + WAY <= death) {
			answer(&watch);
			last = watch.now_ns;
			assert_true(eg_liveness_is_up(watch.liveness));
		}
		while (eg_liveness_is_up(watch.liveness)) {
			eg_liveness_poll(watch.liveness, &watch.plan, watch.now_ns);
			watch.now_ns += EG_NS_PER_MS;
		}
		found = watch.now_ns - EG_NS_PER_MS;
		assert_true(found - death <= limit + EG_NS_PER_MS);
		assert_true(found - last >= limit);
		assert_int_equal(atomic_load(&watch.liveness->since_ns), found);
		assert_int_equal(atomic_load(&watch.liveness->changes), 1);
		eg_liveness_release(watch.liveness);
	}
}

/* 75 to 100% of the interval, and not always the same. */
static void test_jitter(void **state)
{
	struct watch watch = watch_open(3);
	uint64_t least = UINT64_MAX, most = 0, before;

	(void)state;
	assert_true(to_request(&watch, 1));
	for (unsigned i = 0; i < 200; i++) {
		answer(&watch);
		before = watch.now_ns - WAY;
		assert_true(to_request(&watch, 2 * INTERVAL));
		least = watch.now_ns - before < least ? watch.now_ns - before : least;
		most = watch.now_ns - before > most ? watch.now_ns - before : most;
	}
	assert_true(least >= INTERVAL * 3 / 4 && least < INTERVAL * 8 / 10);
	assert_true(most <= INTERVAL && most > INTERVAL * 95 / 100);
	eg_liveness_release(watch.liveness);
}

/* A worker that was held up for seconds asked nothing and heard nothing: that is no silence. */
static void test_stall(void **state)
{
	struct watch watch = watch_open(2);

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_true(to_request(&watch, 2 * INTERVAL));
		answer(&watch);
	}
	watch.now_ns += 30 * INTERVAL;
	assert_true(eg_liveness_poll(watch.liveness, &watch.plan, watch.now_ns));
	assert_true(eg_liveness_is_up(watch.liveness));
	answer(&watch);
	assert_true(to_request(&watch, 2 * INTERVAL));
	assert_true(eg_liveness_is_up(watch.liveness));
	/* What was silence before stays so. */
	assert_true(to_request(&watch, 2 * INTERVAL));
	assert_true(eg_liveness_is_up(watch.liveness));
	watch.now_ns += 30 * INTERVAL;
	eg_liveness_poll(watch.liveness, &watch.plan, watch.now_ns);
	watch.now_ns += INTERVAL / 2;
	eg_liveness_poll(watch.liveness, &watch.plan, watch.now_ns);
	assert_false(eg_liveness_is_up(watch.liveness));
	eg_liveness_release(watch.liveness);
}

/* The borders, to the nanosecond. */
static void test_borders(void **state)
{
	struct watch watch = watch_open(3);
	struct eg_liveness *liveness = watch.liveness;
	const struct eg_liveness_plan one = {INTERVAL, 1};
	uint64_t asked, step = INTERVAL - 1;

	(void)state;
	/* Dead at interval * threshold of silence, and not a nanosecond before; time between looks
	 * that are less than an interval apart counts whole. */
	assert_true(eg_liveness_poll(liveness, &watch.plan, BEGIN));
	for (unsigned i = 1; i <= 3; i++)
		eg_liveness_poll(liveness, &watch.plan, BEGIN + i * step);
	eg_liveness_poll(liveness, &watch.plan, BEGIN + 3 * INTERVAL - 1);
	assert_true(eg_liveness_is_up(liveness));
	eg_liveness_poll(liveness, &watch.plan, BEGIN + 3 * INTERVAL);
	assert_false(eg_liveness_is_up(liveness));
	assert_int_equal(atomic_load(&liveness->since_ns), BEGIN + 3 * INTERVAL);
	eg_liveness_release(liveness);

	/* Looks that are a whole interval apart: the asker was held up, and that is no silence. */
	liveness = eg_liveness_new(0, 1);
	assert_non_null(liveness);
	for (unsigned i = 0; i < 20; i++)
		eg_liveness_poll(liveness, &watch.plan, BEGIN + i * INTERVAL);
	assert_true(eg_liveness_is_up(liveness));
	eg_liveness_release(liveness);

	/* The next request goes out at its time, not a nanosecond before it or behind it. */
	liveness = eg_liveness_new(0, 1);
	assert_non_null(liveness);
	assert_true(eg_liveness_poll(liveness, &watch.plan, BEGIN));
	asked = liveness->next_ns;
	assert_in_range(asked - BEGIN, INTERVAL * 3 / 4, INTERVAL);
	assert_false(eg_liveness_poll(liveness, &watch.plan, asked - 1));
	assert_true(eg_liveness_poll(liveness, &watch.plan, asked));
	assert_int_equal(eg_liveness_sequence(liveness), 2);
	eg_liveness_release(liveness);

	/* A threshold of 1: the request goes out early enough for its answer, 75 to 90%. */
	for (unsigned id = 0; id < 1000; id++) {
		liveness = eg_liveness_new(0, 1);
		assert_non_null(liveness);
		liveness->id = (uint16_t)(id * 61);
		assert_true(eg_liveness_poll(liveness, &one, BEGIN));
		assert_in_range(liveness->next_ns - BEGIN, INTERVAL * 3 / 4, INTERVAL * 9 / 10);
		eg_liveness_release(liveness);
	}
}

/* A port without a link: dead at once, once, and since then. */
static void test_cut(void **state)
{
	struct watch watch = watch_open(2);

	(void)state;
	assert_true(to_request(&watch, 1));
	answer(&watch);
	eg_liveness_link_down(watch.liveness, watch.now_ns);
	assert_false(eg_liveness_is_up(watch.liveness));
	eg_liveness_link_down(watch.liveness, watch.now_ns + 5);
	assert_int_equal(atomic_load(&watch.liveness->changes), 1);
	assert_int_equal(atomic_load(&watch.liveness->since_ns), watch.now_ns);
	/* Answers in a row bring it back; the one before the cut is the first of them. */
	for (unsigned i = 0; i < 2; i++) {
		assert_true(to_request(&watch, 2 * INTERVAL));
		assert_int_equal(eg_liveness_is_up(watch.liveness), i == 1);
		answer(&watch);
	}
	eg_liveness_release(watch.liveness);
}

/* Packets that went by others: the sum over all workers, the last one's, too. */
static void test_moved(void **state)
{
	struct eg_liveness *liveness = eg_liveness_new(2, 3);

	(void)state;
	assert_non_null(liveness);
	assert_int_equal(liveness->worker, 2);
	for (unsigned worker = 0; worker < 3; worker++) {
		for (unsigned i = 0; i <= worker; i++)
			eg_liveness_count_rerouted(liveness, worker);
	}
	assert_int_equal(eg_liveness_rerouted(liveness), 6);
	assert_ptr_equal(eg_liveness_retain(liveness), liveness);
	eg_liveness_release(liveness);
	assert_int_equal(eg_liveness_rerouted(liveness), 6);
	eg_liveness_release(liveness);
	assert_true(eg_liveness_is_up(NULL)); /* nobody asks */
}

/* What is no answer to a late request that none answered before changes nothing. */
static void test_hear(void **state)
{
	static const struct {
		uint32_t asked, answered;
		uint16_t number;
		uint32_t then;
	} rows[] = {
		{100, 90, 100, 100},
		{100, 90, 95, 95},
		{100, 90, 91, 91},
		{100, 90, 90, 90},  /* again */
		{100, 95, 92, 95},  /* older than one that was heard */
		{100, 10, 85, 85},  /* as late as may be */
		{100, 10, 84, 10},  /* later */
		{100, 90, 101, 90}, /* never sent */
		{1, 0, 1, 1},
		{1, 0, 0, 0},
		{1, 0, 65535, 0},
		{65537, 65530, 1, 65537}, /* numbers are of 16 bits */
		{65537, 65530, 65535, 65535},
		{0, UINT32_MAX - 3, 0, 0}, /* the count wraps, too */
		{1, UINT32_MAX - 3, 65535, UINT32_MAX},
	};

	(void)state;
	for (size_t r = 0; r < COUNT(rows); r++) {
		struct eg_liveness *liveness = eg_liveness_new(0, 1);

		atomic_store(&liveness->requests, rows[r].asked);
		atomic_store(&liveness->answered, rows[r].answered);
		eg_liveness_reply(liveness, rows[r].number);
		if (atomic_load(&liveness->answered) != rows[r].then)
			fail_msg("row %zu: %u", r + 1, atomic_load(&liveness->answered));
		assert_int_equal(atomic_load(&liveness->answers), rows[r].then != rows[r].answered);
		eg_liveness_release(liveness);
	}
}

int run_liveness_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truth_table), cmocka_unit_test(test_bound),
		cmocka_unit_test(test_jitter),      cmocka_unit_test(test_stall),
		cmocka_unit_test(test_hear),        cmocka_unit_test(test_borders),
		cmocka_unit_test(test_cut),         cmocka_unit_test(test_moved),
	};

	return cmocka_run_group_tests_name("alive", tests, NULL, NULL);
}
