/* Workers that see both directions of a new connection at once: one entry remains, found by all.
 * Also run with -Db_sanitize=thread. */
#include "flow_tests.h"

#include <pthread.h>
#include <sched.h>

#define KEYS    64 /* few, so that all threads work on the same one */
#define ROUNDS  400
#define THREADS 4

struct scene {
	struct eg_flow_table *table;
	unsigned n_threads;
	_Atomic unsigned round, done;
	_Atomic bool over;
};

struct worker {
	struct scene *scene;
	struct eg_flow *flow;
	unsigned index;
};

/* Key n of a round, seen from either side. */
static void make_lookup(const struct eg_flow *flow, unsigned round, unsigned n, unsigned side,
			struct eg_lookup *lookup)
{
	const uint8_t a[4] = {10, 0, 0, 1}, b[4] = {10, (uint8_t)(round >> 8), (uint8_t)round, 2};
	const struct eg_flow_tuple tuple = {side ? a : b,
					    side ? b : a,
					    (uint16_t)(side ? 1 : n + 2),
					    (uint16_t)(side ? n + 2 : 1),
					    6,
					    4};

	eg_lookup_make(lookup, flow, &tuple, EG_EVENT_DATA);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct scene *scene = worker->scene;
	unsigned last = 0;

	while (!atomic_load(&scene->over)) {
		unsigned round = atomic_load(&scene->round);
		const struct eg_flow_now now = {.generation = 1, .s = 1000};

		if (round == last) {
			sched_yield();
			continue;
		}
		last = round;
		for (unsigned n = 0; n < KEYS; n++) {
			struct eg_lookup lookup;

			make_lookup(worker->flow, round, n, worker->index & 1, &lookup);
			eg_flow_find(worker->flow, &lookup, 1, &now);
			if (lookup.need == EG_FLOW_DECIDE)
				eg_flow_allow(worker->flow, &lookup, &now);
		}
		atomic_fetch_add(&scene->done, 1);
	}
	return NULL;
}

static unsigned count_live(const struct eg_flow_table *table, const struct eg_flow_key *key)
{
	unsigned live = 0;

	for (uint32_t b = 0; b <= table->bucket_mask; b++) {
		for (unsigned i = 0; i < EG_BUCKET_SLOTS; i++) {
			uint32_t slot = atomic_load(&table->buckets[b].slot[i]);
			const struct eg_conn *conn = &table->conns[(slot & 0xffffff) - 1];

			live += slot && eg_flow_key_equal(&conn->key, key) &&
				eg_conn_standing(conn).state != EG_CONN_DEAD;
		}
	}
	return live;
}

/* Old connections that the sweep removes while workers insert: earlier slots become free. */
static void add_old(struct eg_flow_table *table, unsigned round)
{
	for (uint32_t n = 0; n < 300; n++) {
		const uint8_t a[4] = {12, 0, (uint8_t)(round >> 8), (uint8_t)round},
			      b[4] = {12, 1, 0, 1};
		const struct eg_flow_tuple tuple = {a, b, (uint16_t)n, 9, 6, 4};
		struct eg_flow_key key;
		bool fresh;

		eg_flow_key_make(&key, &tuple);
		eg_conn_insert(table, &key, eg_flow_hash(&key, &table->seed),
			       (struct eg_standing){.state = EG_CONN_CLOSED}, 0, &fresh);
	}
}

static void play_round(struct scene *scene, struct eg_flow *flow, unsigned round)
{
	/* No reader is active: everything may be freed. */
	eg_flow_sweep(scene->table, scene->table->bucket_mask + 1, 100000);
	while (eg_flow_reclaim_begin(scene->table))
		eg_flow_reclaim_finish(scene->table);
	add_old(scene->table, round);
	atomic_store(&scene->done, 0);
	atomic_store(&scene->round, round);
	while (atomic_load(&scene->done) != scene->n_threads) {
		eg_flow_sweep(scene->table, 8, 1000);
		sched_yield();
	}
	for (unsigned n = 0; n < KEYS; n++) {
		struct eg_lookup lookup;

		make_lookup(flow, round, n, 0, &lookup);
		assert_int_equal(count_live(scene->table, &lookup.key), 1);
		assert_int_not_equal(eg_conn_find(scene->table, &lookup.key, lookup.hash),
				     EG_CONN_NONE);
	}
}

static void play(unsigned n_threads)
{
	struct scene scene = {.table = eg_flow_table_new(1024), .n_threads = n_threads};
	struct worker workers[THREADS];
	pthread_t threads[THREADS];

	for (unsigned t = 0; t < n_threads; t++) {
		workers[t] = (struct worker){&scene, aligned_alloc(64, sizeof(struct eg_flow)), t};
		memset(workers[t].flow, 0, sizeof(struct eg_flow));
		eg_flow_init(workers[t].flow, scene.table);
		assert_int_equal(pthread_create(&threads[t], NULL, work, &workers[t]), 0);
	}
	for (unsigned round = 1; round <= ROUNDS; round++)
		play_round(&scene, workers[0].flow, round);
	atomic_store(&scene.over, true);
	for (unsigned t = 0; t < n_threads; t++) {
		pthread_join(threads[t], NULL);
		free(workers[t].flow);
	}
	eg_flow_table_free(scene.table);
}

static void test_two(void **state)
{
	(void)state;
	play(2);
}

static void test_four(void **state)
{
	(void)state;
	play(4);
}

/* A full table flooded by several workers while the control thread sweeps and reclaims. */
#define FLOODERS 3
#define BURST    16
#define BURSTS   20000

struct flooder {
	struct eg_flow *flow;
	_Atomic unsigned bursts;
	_Atomic bool failed;
	unsigned index;
};

/* One of a few connections, half of them opened, half of them established. */
static void meet(struct flooder *flooder, unsigned n, struct eg_lookup *lookup)
{
	const uint8_t a[4] = {13, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n},
		      b[4] = {10, 0, 0, 1};
	const struct eg_flow_tuple there = {a, b, 7, 9, 17, 4}, back = {b, a, 9, 7, 17, 4};
	const struct eg_flow_now now = {.generation = 1, .s = 1000 + n % 7};

	eg_lookup_make(lookup, flooder->flow, &there, EG_EVENT_DATA);
	eg_flow_find(flooder->flow, lookup, 1, &now);
	if (lookup->need == EG_FLOW_DECIDE)
		eg_flow_allow(flooder->flow, lookup, &now);
	if (n & 1)
		return;
	eg_lookup_make(lookup, flooder->flow, &back, EG_EVENT_DATA);
	eg_flow_find(flooder->flow, lookup, 1, &now);
}

static void *flood(void *arg)
{
	struct flooder *flooder = arg;
	struct rng rng = {.state = 0x9e3779b97f4a7c15ull * (flooder->index + 1)};

	for (unsigned burst = 0; burst < BURSTS; burst++) {
		struct eg_lookup lookups[BURST];

		for (unsigned i = 0; i < BURST; i++)
			meet(flooder, (unsigned)rng_below(&rng, 4000), &lookups[i]);
		/* A connection found in a burst is not reused before its end. */
		for (unsigned i = 0; i < BURST; i++) {
			if (lookups[i].conn != EG_CONN_NONE &&
			    !eg_flow_key_equal(&flooder->flow->table->conns[lookups[i].conn].key,
					       &lookups[i].key))
				atomic_store(&flooder->failed, true);
		}
		atomic_fetch_add(&flooder->bursts, 1);
	}
	return NULL;
}

static bool all_have_passed(const struct flooder *flooders, const unsigned *before)
{
	for (unsigned t = 0; t < FLOODERS; t++) {
		unsigned bursts = atomic_load(&flooders[t].bursts);

		if (bursts == before[t] && bursts < BURSTS)
			return false;
	}
	return true;
}

static uint32_t count_free(const struct eg_flow_table *table)
{
	uint32_t n = table->n_numbers - table->n_fresh;

	for (uint32_t at = (uint32_t)table->free_head; at; at = table->conns[at - 1].next)
		n++;
	return n;
}

static void test_flooded(void **state)
{
	struct eg_flow_table *table = eg_flow_table_new(1024);
	struct flooder flooders[FLOODERS];
	unsigned before[FLOODERS];
	pthread_t threads[FLOODERS];
	bool ended = false;

	(void)state;
	memset(flooders, 0, sizeof(flooders));
	for (unsigned t = 0; t < FLOODERS; t++) {
		flooders[t].index = t;
		flooders[t].flow = aligned_alloc(64, sizeof(struct eg_flow));
		memset(flooders[t].flow, 0, sizeof(struct eg_flow));
		eg_flow_init(flooders[t].flow, table);
		assert_int_equal(pthread_create(&threads[t], NULL, flood, &flooders[t]), 0);
	}
	for (uint32_t now_s = 1000; !ended; now_s = now_s < 1040 ? now_s + 1 : 1000) {
		ended = true;
		for (unsigned t = 0; t < FLOODERS; t++)
			ended &= (before[t] = atomic_load(&flooders[t].bursts)) == BURSTS;
		eg_flow_sweep(table, 16, now_s);
		if (!eg_flow_reclaim_begin(table))
			continue;
		for (unsigned t = 0; t < FLOODERS; t++)
			before[t] = atomic_load(&flooders[t].bursts);
		while (!all_have_passed(flooders, before))
			sched_yield();
		eg_flow_reclaim_finish(table);
	}
	for (unsigned t = 0; t < FLOODERS; t++) {
		pthread_join(threads[t], NULL);
		assert_false(flooders[t].failed);
		free(flooders[t].flow);
	}
	print_message("%llu evicted\n", (unsigned long long)eg_flow_evicted(table));
	assert_true(eg_flow_evicted(table) > 1000);
	assert_true(eg_flow_in_use(table) <= 1024 + FLOODERS);
	/* Nothing is lost, nothing exists twice. */
	eg_flow_sweep(table, table->bucket_mask + 1, 200000);
	while (eg_flow_reclaim_begin(table))
		eg_flow_reclaim_finish(table);
	assert_int_equal(eg_flow_in_use(table), 0);
	assert_int_equal(count_free(table), table->n_numbers);
	for (unsigned i = 0; i < 2 * EG_SOURCE_CELLS; i++)
		assert_int_equal(atomic_load(&table->sources->cell[0][0] + i), 0);
	eg_flow_table_free(table);
}

int run_thread_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_four),
		cmocka_unit_test(test_flooded),
	};

	return cmocka_run_group_tests_name("flow threads", tests, NULL, NULL);
}
