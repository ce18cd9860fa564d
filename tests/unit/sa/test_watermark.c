/* When reservations are renewed, and their new values: a table; and a daemon that crashes at every
 * moment and never reuses a number. */
#include "sa/sa_tests.h"

#include "sa/lifetime.h"
#include "sa/watermark.h"
#include "sa/sa.h"

#define S    EG_NS_PER_S
#define DAY  (24 * 3600 * S)
#define WALL (1800000000 * S)
#define MIN  EG_SEQ_BLOCK
#define MINE EG_SEQ_BLOCK_ESN

static void test_table(void **state)
{
	/* clang-format off */
	static const struct {
		const char *what;
		bool esn;
		struct eg_watermarks watermarks;
		struct eg_usage now;
		uint64_t end; /* 0: the sequence space */
		bool due;
		uint64_t seq, iv; /* of the next watermarks */
	} cases[] = {
		{"new", false, {0}, {0, 0, WALL, 5}, 0, true, MIN, WALL + DAY},
		{"new with ESN", true, {0}, {0, 0, WALL, 5}, 0, true, MINE, WALL + DAY},
		{"behind a crash", false, {0}, {MIN, WALL + DAY, WALL, 5}, 0, true, 2 * MIN,
		 WALL + DAY + 2 * MIN},
		{"behind a crash, days later", false, {0}, {MIN, WALL, WALL + 2 * DAY, 5}, 0, true,
		 2 * MIN, WALL + 3 * DAY},
		{"idle", false, {MIN, WALL + DAY, {0, WALL, WALL, 0}}, {0, WALL, WALL + S, S}, 0,
		 false, MIN, WALL + S + DAY},
		{"idle for half a day", false, {MIN, WALL + DAY, {0, WALL, WALL, 0}},
		 {0, WALL, WALL + DAY / 2 + 1, DAY / 2 + 1}, 0, true, MIN, WALL + DAY / 2 + 1 + DAY},
		{"not half used", false, {MIN, WALL + DAY, {0, WALL, WALL, 0}},
		 {MIN / 2 - 1, WALL, WALL + 8 * S, 8 * S}, 0, false, MIN / 2 - 1 + MIN,
		 WALL + 8 * S + DAY},
		{"half used, slowly", false, {MIN, WALL + DAY, {0, WALL, WALL, 0}},
		 {MIN / 2, WALL, WALL + 8 * S, 8 * S}, 0, true, MIN / 2 + MIN, WALL + 8 * S + DAY},
		{"half used in a second", false, {MIN, WALL + DAY, {0, WALL, WALL, 0}},
		 {MIN / 2, WALL, WALL + S, S}, 0, true, MIN / 2 + 4 * MIN, WALL + S + DAY},
		{"all used in no time", true, {MINE, WALL + DAY, {0, WALL, WALL, 7}},
		 {MINE, WALL, WALL, 7}, 0, true, MINE + EG_SEQ_BLOCK_MAX, WALL + DAY},
		{"IVs count behind a crash", true, {5 * MINE, WALL + DAY + 2 * MINE,
		 {4 * MINE, WALL + DAY, WALL, 0}}, {4 * MINE + 9, WALL + DAY + MINE, WALL, 8 * S}, 0,
		 true, 5 * MINE + 9, WALL + DAY + 3 * MINE},
		{"the clock stepped back", true, {MINE, WALL + DAY, {0, WALL, WALL, 0}},
		 {9, WALL + 9, WALL - DAY, S}, 0, false, MINE + 9, WALL + DAY},
		{"the clock jumped ahead", true, {MINE, WALL + DAY, {0, WALL, WALL, 0}},
		 {9, WALL + 9, WALL + 99 * DAY, S}, 0, true, MINE + 9, WALL + 100 * DAY},
		{"the end is near", false, {MIN, WALL + DAY, {0, WALL, WALL, 0}},
		 {MIN / 2, WALL, WALL + 8 * S, 8 * S}, MIN + 5, true, MIN + 5, WALL + 8 * S + DAY},
		{"the end is reserved", false, {MIN, WALL + DAY, {0, WALL, WALL, 0}},
		 {MIN - 1, WALL, WALL + 8 * S, 8 * S}, MIN, false, MIN, WALL + 8 * S + DAY},
		{"the sequence's end", false, {UINT32_MAX - 1, WALL + DAY, {UINT32_MAX - 9, WALL, WALL, 0}},
		 {UINT32_MAX - 1, WALL, WALL, S}, 0, true, UINT32_MAX, WALL + DAY},
		{"the end came nearer", false, {MIN, WALL + DAY, {0, WALL, WALL, 0}},
		 {MIN / 2, WALL, WALL, S}, 10, false, MIN, WALL + DAY},
		{"ESN's end", true, {UINT64_MAX - 5, WALL + DAY, {UINT64_MAX - 9, WALL, WALL, 0}},
		 {UINT64_MAX - 6, WALL, WALL, S}, 0, true, UINT64_MAX, WALL + DAY},
		{"the end of time", true, {MINE, UINT64_MAX, {0, WALL, WALL, 0}},
		 {1, UINT64_MAX - 1, UINT64_MAX, S}, 0, false, MINE + 1, UINT64_MAX},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t end = cases[i].end ? cases[i].end : eg_sa_space(cases[i].esn);
		struct eg_watermarks next = eg_watermarks_next(&cases[i].watermarks, &cases[i].now,
							       end, cases[i].esn, 0);

		print_message("%s\n", cases[i].what);
		assert_int_equal(eg_watermarks_due(&cases[i].watermarks, &cases[i].now, end),
				 cases[i].due);
		assert_int_equal(next.seq, cases[i].seq);
		assert_int_equal(next.iv, cases[i].iv);
	}
}

/* A sender under load whose control thread runs irregularly and which crashes anywhere, also
 * between the disk and the workers, while the wall clock runs, stops and jumps. Every number it
 * sends is higher than all before. */
static void test_crashes(void **state)
{
	struct rng rng = rng_start("crashes");
	struct eg_watermarks disk = {0};
	uint64_t last_seq = 0, last_iv = 0, wall = WALL, mono = 0, sent = 0;

	(void)state;
	for (unsigned run = 0; run < 3000; run++) {
		struct eg_sa sa = {.esn = true};
		struct eg_watermarks watermarks = {0};
		unsigned steps = (unsigned)rng_below(&rng, 40);

		atomic_store(&sa.seq, disk.seq);
		atomic_store(&sa.iv, disk.iv);
		atomic_store(&sa.seq_end, UINT64_MAX);
		atomic_store(&sa.byte_limit, UINT64_MAX);
		for (unsigned step = 0; step < steps; step++) {
			struct eg_usage now = {sa.seq, sa.iv, wall, mono};
			unsigned bursts = (unsigned)rng_below(&rng, 30);

			if (eg_watermarks_due(&watermarks, &now, UINT64_MAX)) {
				disk = eg_watermarks_next(&watermarks, &now, UINT64_MAX, true,
							  (unsigned)rng_below(&rng, EG_SPREAD));
				if (!rng_below(&rng, 10))
					break; /* a crash before the workers got it */
				watermarks = disk;
				atomic_store(&sa.seq_limit, watermarks.seq);
				atomic_store(&sa.iv_limit, watermarks.iv);
			}
			while (bursts--) {
				unsigned n = 1 + (unsigned)rng_below(&rng, 1u << 20);
				struct eg_sa_grant grant = eg_sa_reserve(&sa, n, wall);

				if (!grant.n)
					continue;
				assert_true(grant.seq > last_seq && grant.iv > last_iv);
				last_seq = grant.seq + grant.n - 1;
				last_iv = grant.iv + grant.n - 1;
				sent += grant.n;
				wall += rng_below(&rng, 4) ? rng_below(&rng, S) : 0;
			}
			if (!rng_below(&rng, 50))
				wall += rng_below(&rng, 3 * DAY);
			if (!rng_below(&rng, 50))
				wall -= rng_below(&rng, 3 * DAY);
			mono += rng_below(&rng, S);
		}
	}
	print_message("%llu packets\n", (unsigned long long)sent);
	assert_true(sent > 1000000);
	/* Crashes do not push the IVs away from the clock. */
	assert_true(last_iv < WALL + 3000ull * 20 * DAY);
}

/* The first packet received is recorded at once, later ones periodically. The most urgent
 * reservation is found by the higher of two rates. */
static void test_due(void **state)
{
	const struct eg_watermarks none = {0},
				   some = {.seq = 1000, .was = {.seq = 0, .mono_ns = S}};
	struct eg_usage now = {.seq = 1, .mono_ns = 1};

	(void)state;
	assert_true(eg_received_due(&none, &now));
	now.seq = 0;
	assert_false(eg_received_due(&none, &now));
	now = (struct eg_usage){.seq = 1001, .mono_ns = S + EG_RECEIVED_NS - 1};
	assert_false(eg_received_due(&some, &now));
	now.mono_ns++;
	assert_true(eg_received_due(&some, &now));
	now.seq = 1000;
	assert_false(eg_received_due(&some, &now));

	now = (struct eg_usage){.seq = 100, .mono_ns = 2 * S};
	assert_true(eg_watermarks_seconds_left(&some, &now, 0) == 9);
	assert_true(eg_watermarks_seconds_left(&some, &now, 900) == 1);
	now.seq = 1000;
	assert_true(eg_watermarks_seconds_left(&some, &now, 0) == 0);
}

static void test_lifetime(void **state)
{
	/* clang-format off */
	static const struct {
		struct eg_lifetime life;
		struct eg_lifetime_use use;
		enum eg_lifetime_limit soft, hard;
		double pps, bytes_per_s;
		enum eg_lifetime_limit ends;
		double seconds;
	} cases[] = {
		{{0}, {5, 5, 5}, EG_LIFETIME_NONE, EG_LIFETIME_NONE, 0, 0, EG_LIFETIME_NONE, 0},
		{{0}, {UINT32_MAX - 100, 5, 5}, EG_LIFETIME_NONE, EG_LIFETIME_NONE, 10, 0, EG_LIFETIME_SEQUENCE, 10},
		{{0}, {UINT32_MAX, 5, 5}, EG_LIFETIME_NONE, EG_LIFETIME_NONE, 0, 0, EG_LIFETIME_SEQUENCE, 0},
		{{.soft_packets = 10}, {9, 0, 0}, EG_LIFETIME_NONE, EG_LIFETIME_NONE, 0, 0, EG_LIFETIME_NONE, 0},
		{{.soft_packets = 10}, {10, 0, 0}, EG_LIFETIME_PACKETS, EG_LIFETIME_NONE, 0, 0, EG_LIFETIME_NONE, 0},
		{{.hard_packets = 100}, {99, 0, 0}, EG_LIFETIME_NONE, EG_LIFETIME_NONE, 2, 0, EG_LIFETIME_PACKETS, .5},
		{{.hard_packets = 100}, {100, 0, 0}, EG_LIFETIME_NONE, EG_LIFETIME_PACKETS, 2, 0, EG_LIFETIME_PACKETS, 0},
		{{.hard_packets = 1ull << 40}, {0, 0, 0}, EG_LIFETIME_NONE, EG_LIFETIME_NONE, UINT32_MAX, 0,
		 EG_LIFETIME_SEQUENCE, 1},
		{{.soft_bytes = 10, .hard_bytes = 20}, {0, 15, 0}, EG_LIFETIME_BYTES, EG_LIFETIME_NONE, 1, 1,
		 EG_LIFETIME_BYTES, 5},
		{{.soft_bytes = 10, .hard_bytes = 20}, {0, 25, 0}, EG_LIFETIME_BYTES, EG_LIFETIME_BYTES, 1, 1,
		 EG_LIFETIME_BYTES, 0},
		{{.soft_time_ns = 10 * S, .hard_time_ns = 20 * S}, {0, 0, 15 * S}, EG_LIFETIME_TIME,
		 EG_LIFETIME_NONE, 0, 0, EG_LIFETIME_TIME, 5},
		{{.hard_time_ns = 20 * S, .hard_packets = 10}, {10, 0, 21 * S}, EG_LIFETIME_NONE,
		 EG_LIFETIME_PACKETS, 0, 0, EG_LIFETIME_PACKETS, 0},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct eg_lifetime_forecast forecast =
			eg_lifetime_forecast(&cases[i].life, &cases[i].use, UINT32_MAX,
					     cases[i].pps, cases[i].bytes_per_s);

		assert_int_equal(eg_lifetime_soft(&cases[i].life, &cases[i].use), cases[i].soft);
		assert_int_equal(eg_lifetime_hard(&cases[i].life, &cases[i].use), cases[i].hard);
		assert_int_equal(forecast.limit, cases[i].ends);
		assert_true(forecast.seconds == cases[i].seconds);
	}
}

/* Without ESN every percent from 90 on; with ESN none. */
static void test_percent(void **state)
{
	(void)state;
	assert_int_equal(eg_lifetime_percent(UINT32_MAX, 0), 0);
	assert_int_equal(eg_lifetime_percent(UINT32_MAX, UINT32_MAX / 100 * 90 - 1), 0);
	for (unsigned percent = 90; percent < 100; percent++) {
		assert_int_equal(eg_lifetime_percent(UINT32_MAX, UINT32_MAX / 100 * percent),
				 percent);
		assert_int_equal(
			eg_lifetime_percent(UINT32_MAX, UINT32_MAX / 100 * (percent + 1) - 1),
			percent);
	}
	assert_int_equal(eg_lifetime_percent(UINT32_MAX, UINT32_MAX), 100);
	assert_int_equal(eg_lifetime_percent(UINT64_MAX, UINT64_MAX - 1), 0);
}

int run_watermark_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),    cmocka_unit_test(test_crashes),
		cmocka_unit_test(test_percent),  cmocka_unit_test(test_due),
		cmocka_unit_test(test_lifetime),
	};

	return cmocka_run_group_tests_name("sa marks", tests, NULL, NULL);
}
