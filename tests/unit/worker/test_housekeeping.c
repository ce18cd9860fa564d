/* When a worker does its housekeeping. */
#include "common/test.h"

#include "worker/housekeeping.h"
#include "worker_tests.h"

#define PER_S 2000000 /* 2000 cycles per millisecond */

static bool poll(struct eg_housekeeping *housekeeping, bool at_once, uint64_t cycles)
{
	return eg_housekeeping_is_due(housekeeping, at_once, cycles, PER_S);
}

/* An idle worker: always. */
static void test_idle(void **state)
{
	struct eg_housekeeping housekeeping = {0};

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		assert_true(poll(&housekeeping, true, i));
}

/* A busy one with short polls: every 64th, the first one included, also if the clock stands. */
static void test_polls(void **state)
{
	struct eg_housekeeping housekeeping = {0};

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(poll(&housekeeping, false, 1000 + i / 10), i % 64 == 0);
}

/* With long polls: no later than the first one after a millisecond. */
static void test_clock(void **state)
{
	struct eg_housekeeping housekeeping = {0};
	uint64_t last = 0, now = UINT32_MAX;

	(void)state;
	for (unsigned i = 0; i < 1000; i++, now += 300) {
		bool due = poll(&housekeeping, false, now);

		assert_int_equal(due, i == 0 || now - last >= 2000);
		if (due)
			last = now;
	}
}

/* What waits does not wait for that, and restarts the count. */
static void test_at_once(void **state)
{
	struct eg_housekeeping housekeeping = {0};
	unsigned since = 0;

	(void)state;
	assert_true(poll(&housekeeping, false, 0));
	for (unsigned i = 1; i < 1000; i++) {
		bool at_once = i % 97 == 0;

		since++;
		assert_int_equal(poll(&housekeeping, at_once, 0), at_once || since == 64);
		if (at_once || since == 64)
			since = 0;
	}
	eg_housekeeping_again(&housekeeping);
	assert_true(poll(&housekeeping, false, 0));
	assert_false(poll(&housekeeping, false, 0));
}

int run_housekeeping_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_polls),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_at_once),
	};

	return cmocka_run_group_tests_name("housekeeping", tests, NULL, NULL);
}
