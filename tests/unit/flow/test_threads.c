/* Workers that meet a new connection's two directions at once: one entry stays, found by all. Run
 * under -Db_sanitize=thread too. */
#include "flow_tests.h"

#include <pthread.h>
#include <sched.h>

#define KEYS    64 /* few, so that all threads are at the same one */
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

/* Key n of a round, from one side or the other. */
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

/* Old connections that the sweep takes while the workers insert: slots in front come free. */
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
	/* Nobody is inside: everything may go. */
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

int run_thread_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_four),
	};

	return cmocka_run_group_tests_name("flow threads", tests, NULL, NULL);
}
