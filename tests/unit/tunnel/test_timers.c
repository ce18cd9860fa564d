/* The timer heap against a list that is searched. */
#include "tunnel/harness.h"

#include "tunnel/timers.h"

#define TIMERS 60

static uint64_t first_of(struct eg_tunnel_state *states)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < TIMERS; i++)
		first = states[i].next_ns < first ? states[i].next_ns : first;
	return first;
}

static void check(const struct eg_timers *timers, struct eg_tunnel_state *states)
{
	const struct eg_tunnel_state *first = eg_timers_first(timers);
	unsigned n = 0;

	for (unsigned i = 0; i < TIMERS; i++) {
		n += states[i].next_ns != UINT64_MAX;
		assert_int_equal(states[i].timer == EG_TUNNEL_NONE,
				 states[i].next_ns == UINT64_MAX);
		if (states[i].timer != EG_TUNNEL_NONE)
			assert_ptr_equal(timers->heap[states[i].timer], &states[i]);
	}
	assert_int_equal(timers->n, n);
	assert_int_equal(first ? first->next_ns : UINT64_MAX, first_of(states));
}

static void test_random(void **state)
{
	struct rng rng = rng_start("tunnel timers");
	struct eg_timers *timers = eg_timers_new(TIMERS);
	struct eg_tunnel_state *states = calloc(TIMERS, sizeof(*states));

	(void)state;
	assert_non_null(timers);
	assert_non_null(states);
	for (unsigned i = 0; i < TIMERS; i++) {
		states[i].next_ns = UINT64_MAX;
		states[i].timer = EG_TUNNEL_NONE;
	}
	for (int i = 0; i < 20000; i++) {
		struct eg_tunnel_state *at = &states[rng_below(&rng, TIMERS)];
		/* Phases in which the heap grows, and those in which it becomes empty. */
		bool clears = rng_below(&rng, 10) < (i / 1000 % 2 ? 8 : 2);

		/* Few values, so that many are equal. */
		eg_timers_set(timers, at, clears ? UINT64_MAX : rng_below(&rng, 40));
		check(timers, states);
	}
	for (unsigned i = 0; i < TIMERS; i++)
		eg_timers_set(timers, &states[i], UINT64_MAX);
	check(timers, states);
	eg_timers_free(timers);
	free(states);
}

int run_timers_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
