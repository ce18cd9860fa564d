/* lib/rcu: what is deferred is freed after the grace period, not before, and all of it in the end.
 * The last test has real threads: run it under -Db_sanitize=thread and =address, too. */
#include "common/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "common/random.h"
#include "rcu/rcu.h"

void *__real_aligned_alloc(size_t alignment, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);

static bool no_memory;

void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
	return no_memory ? NULL : __real_aligned_alloc(alignment, n);
}

static unsigned n_freed;
static unsigned order[1024];

struct object {
	unsigned number;
	struct eg_rcu_node node;
	struct eg_rcu *rcu; /* of chained ones */
	struct object *next;
};

static void free_object(struct eg_rcu_node *node)
{
	struct object *object = eg_rcu_container(node, struct object, node);

	if (n_freed < COUNT(order))
		order[n_freed] = object->number;
	n_freed++;
	free(object);
}

/* Frees itself and defers the next one, as a table does with what it contains. */
static void free_chained(struct eg_rcu_node *node)
{
	struct object *object = eg_rcu_container(node, struct object, node);

	if (object->next)
		eg_rcu_defer(object->rcu, &object->next->node, free_chained);
	free_object(node);
}

static void defer(struct eg_rcu *rcu, unsigned number)
{
	struct object *object = calloc(1, sizeof(*object));

	assert_non_null(object);
	object->number = number;
	eg_rcu_defer(rcu, &object->node, free_object);
}

static struct eg_rcu *start(struct eg_rcu *rcu, unsigned n_workers)
{
	n_freed = 0;
	assert_int_equal(eg_rcu_init(rcu, n_workers), 0);
	return rcu;
}

/* Nobody reads: two polls free it, because the first one starts the grace period. */
static void test_no_reader(void **state)
{
	struct eg_rcu rcu;

	(void)state;
	start(&rcu, 2);
	assert_false(eg_rcu_poll(&rcu));
	defer(&rcu, 1);
	assert_int_equal(n_freed, 0);
	assert_int_equal(eg_rcu_pending(&rcu), 1);
	eg_rcu_poll(&rcu);
	assert_int_equal(n_freed, 0);
	eg_rcu_poll(&rcu);
	assert_int_equal(n_freed, 1);
	assert_int_equal(eg_rcu_pending(&rcu), 0);
	eg_rcu_fini(&rcu);
}

/* One of two readers delays it, for as long as it does not report; one that is offline does not. */
static void test_reader_delays(void **state)
{
	struct eg_rcu rcu;

	(void)state;
	start(&rcu, 3);
	eg_rcu_online(&rcu, 0);
	eg_rcu_online(&rcu, 1);
	defer(&rcu, 1);
	for (int i = 0; i < 10; i++) {
		eg_rcu_quiescent(&rcu, 0);
		eg_rcu_poll(&rcu);
	}
	assert_int_equal(n_freed, 0);
	eg_rcu_quiescent(&rcu, 1);
	eg_rcu_poll(&rcu);
	assert_int_equal(n_freed, 1);

	defer(&rcu, 2);
	eg_rcu_poll(&rcu);
	eg_rcu_quiescent(&rcu, 0);
	eg_rcu_poll(&rcu);
	assert_int_equal(n_freed, 1);
	eg_rcu_offline(&rcu, 1);
	eg_rcu_poll(&rcu);
	assert_int_equal(n_freed, 2);
	eg_rcu_offline(&rcu, 0);
	eg_rcu_fini(&rcu);
}

/* What comes while a batch waits has a grace period of its own: a reader may have reported for the
 * first one before it loaded the pointer to the second object. */
static void test_batches(void **state)
{
	struct eg_rcu rcu;

	(void)state;
	start(&rcu, 1);
	eg_rcu_online(&rcu, 0);
	defer(&rcu, 1);
	eg_rcu_poll(&rcu);
	eg_rcu_quiescent(&rcu, 0);
	defer(&rcu, 2);
	eg_rcu_poll(&rcu);
	assert_int_equal(n_freed, 1);
	for (int i = 0; i < 5; i++)
		eg_rcu_poll(&rcu);
	assert_int_equal(n_freed, 1);
	eg_rcu_quiescent(&rcu, 0);
	eg_rcu_poll(&rcu);
	assert_int_equal(n_freed, 2);
	eg_rcu_offline(&rcu, 0);
	eg_rcu_fini(&rcu);
}

/* A poll frees so many and no more, oldest first. */
static void test_bounded(void **state)
{
	struct eg_rcu rcu;
	unsigned n = 3 * EG_RCU_FREE_MAX + 1;

	(void)state;
	start(&rcu, 1);
	for (unsigned i = 0; i < n; i++)
		defer(&rcu, i);
	assert_false(eg_rcu_poll(&rcu));
	for (unsigned i = 1; i <= 3; i++) {
		assert_true(eg_rcu_poll(&rcu));
		assert_int_equal(n_freed, i * EG_RCU_FREE_MAX);
	}
	assert_false(eg_rcu_poll(&rcu));
	assert_int_equal(n_freed, n);
	for (unsigned i = 0; i < n && i < COUNT(order); i++)
		assert_int_equal(order[i], i);
	eg_rcu_fini(&rcu);
}

static struct object *make_chain(struct eg_rcu *rcu, unsigned n)
{
	struct object *first = NULL;

	while (n--) {
		struct object *object = calloc(1, sizeof(*object));

		assert_non_null(object);
		*object = (struct object){.number = n, .rcu = rcu, .next = first};
		first = object;
	}
	return first;
}

/* Freeing one defers the next; synchronize and fini end only when none is left. */
static void test_chains(void **state)
{
	struct eg_rcu rcu;

	(void)state;
	start(&rcu, 1);
	eg_rcu_defer(&rcu, &make_chain(&rcu, 5)->node, free_chained);
	eg_rcu_poll(&rcu);
	for (unsigned i = 1; i <= 5; i++) {
		eg_rcu_poll(&rcu);
		assert_int_equal(n_freed, i);
		eg_rcu_poll(&rcu);
	}
	eg_rcu_defer(&rcu, &make_chain(&rcu, 5)->node, free_chained);
	eg_rcu_poll(&rcu);
	eg_rcu_defer(&rcu, &make_chain(&rcu, 5)->node, free_chained);
	eg_rcu_synchronize(&rcu);
	assert_int_equal(n_freed, 15);
	assert_int_equal(eg_rcu_pending(&rcu), 0);
	eg_rcu_defer(&rcu, &make_chain(&rcu, 3)->node, free_chained);
	eg_rcu_fini(&rcu);
	assert_int_equal(n_freed, 18);
	eg_rcu_fini(&rcu); /* nothing more to do */
}

static void test_token(void **state)
{
	struct eg_rcu rcu;
	uint64_t token;

	(void)state;
	start(&rcu, 2);
	token = eg_rcu_token(&rcu);
	assert_true(eg_rcu_passed(&rcu, token));
	eg_rcu_online(&rcu, 1);
	token = eg_rcu_token(&rcu);
	assert_false(eg_rcu_passed(&rcu, token));
	eg_rcu_quiescent(&rcu, 1);
	assert_true(eg_rcu_passed(&rcu, token));
	eg_rcu_offline(&rcu, 1);
	eg_rcu_fini(&rcu);
}

static void test_no_memory(void **state)
{
	struct eg_rcu rcu;

	(void)state;
	no_memory = true;
	assert_int_equal(eg_rcu_init(&rcu, 4), -12 /* ENOMEM */);
	no_memory = false;
	eg_rcu_fini(&rcu);
}

/* Random deferrals, reports and polls of three workers against a model: an object may be freed only
 * if every online worker has reported since it was deferred. */
#define MODEL_WORKERS 3
#define MODEL_OBJECTS 4000

static unsigned model_reports[MODEL_WORKERS]; /* so far; odd bit not used */
static bool model_online[MODEL_WORKERS];
static unsigned model_at[MODEL_OBJECTS][MODEL_WORKERS]; /* reports when it was deferred */
static bool model_waits[MODEL_OBJECTS][MODEL_WORKERS];  /* was online then, and still is */

static void free_modelled(struct eg_rcu_node *node)
{
	struct object *object = eg_rcu_container(node, struct object, node);

	for (unsigned w = 0; w < MODEL_WORKERS; w++)
		assert_true(!model_waits[object->number][w] ||
			    model_reports[w] > model_at[object->number][w]);
	n_freed++;
	free(object);
}

static void model_defer(struct eg_rcu *rcu, unsigned number)
{
	struct object *object = calloc(1, sizeof(*object));

	assert_non_null(object);
	object->number = number;
	for (unsigned w = 0; w < MODEL_WORKERS; w++) {
		model_at[number][w] = model_reports[w];
		model_waits[number][w] = model_online[w];
	}
	eg_rcu_defer(rcu, &object->node, free_modelled);
}

static void model_offline(struct eg_rcu *rcu, unsigned n, unsigned w)
{
	eg_rcu_offline(rcu, w);
	model_online[w] = false;
	for (unsigned i = 0; i < n; i++)
		model_waits[i][w] = false;
}

static void test_random(void **state)
{
	struct rng rng = rng_start("rcu random");
	unsigned n = 0;
	struct eg_rcu rcu;

	(void)state;
	start(&rcu, MODEL_WORKERS);
	while (n < MODEL_OBJECTS) {
		unsigned w = (unsigned)rng_below(&rng, MODEL_WORKERS);

		switch (rng_below(&rng, 8)) {
		case 0:
		case 1:
			model_defer(&rcu, n++);
			break;
		case 2:
			if (!model_online[w])
				eg_rcu_online(&rcu, w);
			model_online[w] = true;
			break;
		case 3:
			if (model_online[w] && !rng_below(&rng, 4))
				model_offline(&rcu, n, w);
			break;
		case 4:
		case 5:
			if (model_online[w]) {
				eg_rcu_quiescent(&rcu, w);
				model_reports[w]++;
			}
			break;
		default:
			eg_rcu_poll(&rcu);
		}
	}
	assert_true(n_freed > MODEL_OBJECTS / 2);
	for (unsigned w = 0; w < MODEL_WORKERS; w++) {
		if (model_online[w])
			model_offline(&rcu, n, w);
	}
	eg_rcu_fini(&rcu);
	assert_int_equal(n_freed, MODEL_OBJECTS);
}

/* Threads: readers follow a pointer that the writer replaces all the time. */
#define READERS 3
#define ROUNDS  20000
#define MAGIC   0x5a5a5a5a

struct shared {
	struct eg_rcu rcu;
	_Atomic(struct value *) value;
	_Atomic bool over;
	_Atomic unsigned ready;
};

struct value {
	unsigned magic[8];
	struct eg_rcu_node node;
};

struct reader {
	struct shared *shared;
	unsigned w;
	uint64_t seen, torn;
};

static void free_value(struct eg_rcu_node *node)
{
	struct value *value = eg_rcu_container(node, struct value, node);

	memset(value->magic, 0, sizeof(value->magic));
	free(value);
}

static struct value *make_value(void)
{
	struct value *value = calloc(1, sizeof(*value));

	assert_non_null(value);
	for (unsigned i = 0; i < COUNT(value->magic); i++)
		value->magic[i] = MAGIC;
	return value;
}

static void *read_values(void *arg)
{
	struct reader *reader = arg;
	struct shared *shared = reader->shared;

	eg_rcu_online(&shared->rcu, reader->w);
	atomic_fetch_add(&shared->ready, 1);
	while (!atomic_load_explicit(&shared->over, memory_order_relaxed)) {
		const struct value *value =
			atomic_load_explicit(&shared->value, memory_order_acquire);

		for (unsigned i = 0; i < COUNT(value->magic); i++)
			reader->torn += value->magic[i] != MAGIC;
		reader->seen++;
		eg_rcu_quiescent(&shared->rcu, reader->w);
		if (reader->seen % 64 == 0)
			sched_yield();
	}
	eg_rcu_offline(&shared->rcu, reader->w);
	return NULL;
}

static void test_threads(void **state)
{
	static struct shared shared;
	struct reader readers[READERS];
	pthread_t threads[READERS];

	(void)state;
	start(&shared.rcu, READERS);
	atomic_store(&shared.value, make_value());
	for (unsigned w = 0; w < READERS; w++) {
		readers[w] = (struct reader){.shared = &shared, .w = w};
		assert_int_equal(pthread_create(&threads[w], NULL, read_values, &readers[w]), 0);
	}
	while (atomic_load(&shared.ready) < READERS)
		sched_yield();
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct value *old =
			atomic_exchange_explicit(&shared.value, make_value(), memory_order_acq_rel);

		eg_rcu_defer(&shared.rcu, &old->node, free_value);
		eg_rcu_poll(&shared.rcu);
		if (i % 128 == 0)
			sched_yield();
	}
	eg_rcu_synchronize(&shared.rcu);
	assert_int_equal(eg_rcu_pending(&shared.rcu), 0);
	atomic_store(&shared.over, true);
	for (unsigned w = 0; w < READERS; w++) {
		pthread_join(threads[w], NULL);
		assert_true(readers[w].seen > 0);
		assert_int_equal(readers[w].torn, 0);
	}
	eg_rcu_fini(&shared.rcu);
	free(atomic_load(&shared.value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_reader), cmocka_unit_test(test_reader_delays),
		cmocka_unit_test(test_batches),   cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_chains),    cmocka_unit_test(test_token),
		cmocka_unit_test(test_no_memory), cmocka_unit_test(test_random),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
