/* Granting sequence numbers and IVs: never twice, never wrapped, whatever the clock does and
 * however many workers share an SA. */
#include "sa/sa_tests.h"

#include <pthread.h>

#include "sa/sa.h"

/* No limit except the sequence space. */
static void open_limits(struct eg_sa *sa)
{
	atomic_store(&sa->seq_limit, eg_sa_space(sa->esn));
	atomic_store(&sa->seq_end, eg_sa_space(sa->esn));
	atomic_store(&sa->iv_limit, UINT64_MAX);
	atomic_store(&sa->byte_limit, UINT64_MAX);
}

static void test_table(void **state)
{
	static const struct {
		bool esn;
		uint64_t last;
		unsigned n, granted;
		uint64_t first;
	} cases[] = {
		{false, 0, 1, 1, 1}, /* the first number sent is 1 (RFC 4303 s3.3.3) */
		{false, 0, 64, 64, 1},
		{false, 41, 3, 3, 42},
		{false, UINT32_MAX - 65ull, 64, 64, UINT32_MAX - 64ull},
		{false, UINT32_MAX - 64ull, 64, 64, UINT32_MAX - 63ull},
		{false, UINT32_MAX - 63ull, 64, 63, UINT32_MAX - 62ull},
		{false, UINT32_MAX - 1ull, 64, 1, UINT32_MAX},
		{false, UINT32_MAX, 64, 0, 0},
		{false, UINT32_MAX, 1, 0, 0},
		{true, UINT32_MAX, 64, 64, 1ull << 32},
		{true, UINT32_MAX - 1ull, 2, 2, UINT32_MAX},
		{true, UINT64_MAX - 64, 64, 64, UINT64_MAX - 63},
		{true, UINT64_MAX - 1, 64, 1, UINT64_MAX},
		{true, UINT64_MAX, 64, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		struct eg_sa sa = {.esn = cases[i / 2].esn, .shared = i % 2};
		struct eg_sa_grant grant;

		open_limits(&sa);
		atomic_store(&sa.seq, cases[i / 2].last);
		grant = eg_sa_reserve(&sa, cases[i / 2].n, 1000);
		assert_int_equal(grant.n, cases[i / 2].granted);
		if (grant.n)
			assert_int_equal(grant.seq, cases[i / 2].first);
		assert_int_equal(atomic_load(&sa.seq), cases[i / 2].last + cases[i / 2].granted);
	}
}

/* Exhausted for good. */
static void test_exhausted(void **state)
{
	struct eg_sa sa = {0};

	(void)state;
	open_limits(&sa);
	atomic_store(&sa.seq, UINT32_MAX - 10ull);
	assert_int_equal(eg_sa_reserve(&sa, 64, 1).n, 10);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(eg_sa_reserve(&sa, 64, 1).n, 0);
	assert_int_equal(atomic_load(&sa.seq), UINT32_MAX);
}

/* The wall clock runs, stops, and steps back by up to an hour; IVs only increase. */
static void test_clock(void **state)
{
	struct rng rng = rng_start("IV clock");
	struct eg_sa sa = {0};
	uint64_t wall = 1700000000000000000ull, last = 0;
	unsigned from_wall = 0;

	(void)state;
	open_limits(&sa);
	for (unsigned i = 0; i < 200000; i++) {
		unsigned n = 1 + (unsigned)rng_below(&rng, 64);
		struct eg_sa_grant grant;

		switch (rng_below(&rng, 8)) {
		case 0:
			wall -= rng_below(&rng, 3600000000000ull);
			break;
		case 1:
			break;
		default:
			wall += rng_below(&rng, 2000000000000ull);
		}
		sa.shared = i % 2;
		grant = eg_sa_reserve(&sa, n, wall);
		assert_int_equal(grant.n, n);
		assert_true(grant.iv > last);
		assert_true(grant.iv >= wall);
		from_wall += grant.iv == wall;
		last = grant.iv + n - 1;
	}
	assert_true(from_wall > 1000 && from_wall < 199000); /* both cases occurred */
}

/* Several workers on one SA. */
#define THREADS 4
#define GRANTS  30000

struct sender {
	pthread_t thread;
	struct eg_sa *sa;
	struct rng rng;
	struct eg_sa_grant grants[GRANTS];
};

static void *send_bursts(void *arg)
{
	struct sender *s = arg;

	for (unsigned i = 0; i < GRANTS; i++)
		s->grants[i] = eg_sa_reserve(s->sa, 1 + (unsigned)rng_below(&s->rng, 64),
					     rng_below(&s->rng, 4) ? 5000000 : i * 100);
	return NULL;
}

static int by_seq(const void *a, const void *b)
{
	const struct eg_sa_grant *ga = a, *gb = b;

	return ga->seq < gb->seq ? -1 : ga->seq > gb->seq;
}

static int by_iv(const void *a, const void *b)
{
	const struct eg_sa_grant *ga = a, *gb = b;

	return ga->iv < gb->iv ? -1 : ga->iv > gb->iv;
}

/* Every number from `start` to `end` is granted exactly once, and no IV twice. */
static void share(struct rng *rng, uint64_t start, uint64_t end)
{
	struct sender *senders = calloc(THREADS, sizeof(*senders));
	struct eg_sa_grant *all = calloc((size_t)THREADS * GRANTS, sizeof(*all));
	struct eg_sa sa = {.shared = true};
	uint64_t next = start, next_iv = 0;
	size_t n = 0;

	assert_true(senders && all);
	open_limits(&sa);
	atomic_store(&sa.seq, start - 1);
	for (unsigned t = 0; t < THREADS; t++) {
		senders[t].sa = &sa;
		senders[t].rng = (struct rng){rng_next(rng)};
		assert_int_equal(pthread_create(&senders[t].thread, NULL, send_bursts, &senders[t]),
				 0);
	}
	for (unsigned t = 0; t < THREADS; t++) {
		assert_int_equal(pthread_join(senders[t].thread, NULL), 0);
		for (unsigned i = 0; i < GRANTS; i++) {
			if (senders[t].grants[i].n)
				all[n++] = senders[t].grants[i];
		}
	}
	qsort(all, n, sizeof(*all), by_seq);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(all[i].seq, next);
		next += all[i].n;
	}
	assert_int_equal(next - 1, atomic_load(&sa.seq));
	if (end)
		assert_int_equal(next - 1, end);
	qsort(all, n, sizeof(*all), by_iv);
	for (size_t i = 0; i < n; i++) {
		assert_true(all[i].iv >= next_iv);
		next_iv = all[i].iv + all[i].n;
	}
	free(all);
	free(senders);
}

static void test_shared(void **state)
{
	struct rng rng = rng_start("shared SA");

	(void)state;
	share(&rng, 1, 0);
	share(&rng, UINT32_MAX - 1000000ull, UINT32_MAX); /* exhausted in the middle */
}

/* Numbers end at the reservation, the lifetime or the sequence space; each has its own drop reason.
 */
static void test_limits(void **state)
{
	static const struct {
		const char *what;
		bool esn;
		uint64_t seq, limit, end; /* end 0: the sequence space */
		uint64_t iv, iv_limit, wall;
		uint64_t bytes, byte_limit;
		unsigned n, granted;
		uint64_t first_iv;
		enum eg_verdict shortage;
	} cases[] = {
		{"room", false, 0, 100, 0, 0, 9999, 50, 0, 1, 64, 64, 50, EG_PASS},
		{"the mark", false, 0, 100, 0, 0, 9999, 50, 0, 1, 200, 100, 50,
		 EG_DROP_SEQ_RESERVATION},
		{"at the mark", false, 100, 100, 0, 0, 9999, 50, 0, 1, 1, 0, 0,
		 EG_DROP_SEQ_RESERVATION},
		{"nothing reserved yet", true, 7, 0, 0, 0, 0, 50, 0, 1, 1, 0, 0,
		 EG_DROP_SEQ_RESERVATION},
		{"the lifetime's packets", false, 90, 100, 100, 0, 9999, 50, 0, 1, 64, 10, 50,
		 EG_DROP_SA_EXPIRED},
		{"the sequence", false, UINT32_MAX - 1ull, UINT32_MAX, 0, 0, 9999, 50, 0, 1, 2, 1,
		 50, EG_DROP_SEQ_EXHAUSTED},
		{"one byte left", false, 0, 100, 0, 0, 9999, 50, 999, 1000, 64, 64, 50, EG_PASS},
		{"the lifetime's bytes", false, 0, 100, 0, 0, 9999, 50, 1000, 1000, 1, 0, 50,
		 EG_DROP_SA_EXPIRED},
		{"the clock", true, 0, 100, 0, 40, 9999, 50, 0, 1, 10, 10, 50, EG_PASS},
		{"the clock stepped back", true, 0, 100, 0, 90, 9999, 50, 0, 1, 10, 10, 91,
		 EG_PASS},
		{"the last IVs by the clock", true, 0, 100, 0, 40, 99, 90, 0, 1, 9, 9, 90, EG_PASS},
		{"too few by the clock", true, 0, 100, 0, 40, 99, 91, 0, 1, 9, 9, 41, EG_PASS},
		{"the clock is past the mark", true, 0, 100, 0, 40, 99, 5000, 0, 1, 59, 59, 41,
		 EG_PASS},
		{"the IV's mark", true, 0, 100, 0, 40, 99, 5000, 0, 1, 60, 59, 41,
		 EG_DROP_SEQ_RESERVATION},
		{"no IV left", true, 0, 100, 0, 99, 99, 5000, 0, 1, 60, 0, 0,
		 EG_DROP_SEQ_RESERVATION},
		{"the last IV of all", true, 0, 100, 0, UINT64_MAX - 1, UINT64_MAX, 50, 0, 1, 2, 1,
		 UINT64_MAX, EG_DROP_SEQ_RESERVATION},
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		struct eg_sa sa = {.esn = cases[i / 2].esn, .shared = i % 2};
		uint64_t end = cases[i / 2].end ? cases[i / 2].end : eg_sa_space(sa.esn);
		struct eg_sa_grant grant;

		print_message("%s\n", cases[i / 2].what);
		atomic_store(&sa.seq, cases[i / 2].seq);
		atomic_store(&sa.iv, cases[i / 2].iv);
		atomic_store(&sa.bytes, cases[i / 2].bytes);
		atomic_store(&sa.seq_limit, cases[i / 2].limit);
		atomic_store(&sa.seq_end, end);
		atomic_store(&sa.iv_limit, cases[i / 2].iv_limit);
		atomic_store(&sa.byte_limit, cases[i / 2].byte_limit);
		grant = eg_sa_reserve(&sa, cases[i / 2].n, cases[i / 2].wall);
		assert_int_equal(grant.n, cases[i / 2].granted);
		if (grant.n) {
			assert_int_equal(grant.iv, cases[i / 2].first_iv);
			assert_int_equal(atomic_load(&sa.iv), grant.iv + grant.n - 1);
		} else {
			assert_true(atomic_load(&sa.iv) <= cases[i / 2].iv_limit);
		}
		if (cases[i / 2].shortage)
			assert_int_equal(eg_sa_shortage(&sa), cases[i / 2].shortage);
	}
}

static void test_count(void **state)
{
	(void)state;
	for (int shared = 0; shared < 2; shared++) {
		struct eg_sa sa = {.shared = shared};

		eg_sa_count(&sa, 3, 300);
		eg_sa_count(&sa, 1, 64);
		assert_int_equal(atomic_load(&sa.packets), 4);
		assert_int_equal(atomic_load(&sa.bytes), 364);
	}
}

int run_reserve_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_exhausted),
		cmocka_unit_test(test_clock), cmocka_unit_test(test_shared),
		cmocka_unit_test(test_count), cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("sa reserve", tests, NULL, NULL);
}
