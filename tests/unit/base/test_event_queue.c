/* Events from workers: order, loss, and when the reader is woken. Run under -Db_sanitize=thread
 * too. */
#include "base_tests.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/event_queue.h"

static bool readable(const struct eg_event_queue *queue, int timeout_ms)
{
	struct pollfd pfd = {.fd = eg_event_queue_fd(queue), .events = POLLIN};

	return poll(&pfd, 1, timeout_ms) == 1;
}

static void test_order(void **state)
{
	struct eg_event_queue *queue = eg_event_queue_new(3);
	struct eg_event v[8];

	(void)state;
	assert_non_null(queue);
	assert_int_equal(eg_event_take(queue, v, COUNT(v)), 0);
	for (uint32_t i = 0; i < 4; i++) {
		eg_event_post(queue, 2, 5, 200 + i);
		eg_event_post(queue, 0, 6, i);
	}
	/* Of each worker in its order, worker by worker; no more than asked for. */
	assert_int_equal(eg_event_take(queue, v, 3), 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(v[i].kind, 6);
		assert_int_equal(v[i].id, i);
	}
	/* The next call begins behind the worker of the last one: none starves. */
	assert_int_equal(eg_event_take(queue, v, 8), 5);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(v[i].kind, 5);
		assert_int_equal(v[i].id, 200 + i);
	}
	assert_int_equal(v[4].id, 3);
	assert_int_equal(eg_event_take_lost(queue), 0);
	eg_event_queue_free(queue);
	eg_event_queue_free(NULL);
}

/* Around the ring's end, many times; a full ring loses the newest and marks the kind. */
static void test_full(void **state)
{
	struct eg_event_queue *queue = eg_event_queue_new(1);
	struct eg_event v[EG_EVENT_RING + 1];
	uint32_t next = 0, seen = 0;

	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < 3 + round % 700; i++)
			eg_event_post(queue, 0, 1, next++);
		for (size_t i = 0, n = eg_event_take(queue, v, COUNT(v)); i < n; i++)
			assert_int_equal(v[i].id, seen++);
	}
	assert_int_equal(seen, next);
	assert_int_equal(eg_event_take_lost(queue), 0);
	for (unsigned i = 0; i < EG_EVENT_RING; i++)
		eg_event_post(queue, 0, 1, i);
	assert_int_equal(eg_event_take_lost(queue), 0);
	eg_event_post(queue, 0, 2, 0);
	eg_event_post(queue, 0, EG_EVENT_KINDS - 1, 0);
	assert_int_equal(eg_event_take_lost(queue), 1u << 2 | 1u << (EG_EVENT_KINDS - 1));
	assert_int_equal(eg_event_take_lost(queue), 0);
	assert_int_equal(eg_event_take(queue, v, COUNT(v)), EG_EVENT_RING);
	for (unsigned i = 0; i < EG_EVENT_RING; i++)
		assert_int_equal(v[i].id, i);
	eg_event_queue_free(queue);
}

/* The descriptor: written only when armed, once per arming. */
static void test_arm(void **state)
{
	struct eg_event_queue *queue = eg_event_queue_new(1);
	struct eg_event v[4];

	(void)state;
	eg_event_post(queue, 0, 0, 1);
	assert_false(readable(queue, 0)); /* not armed */
	assert_false(eg_event_queue_arm(queue));
	eg_event_post(queue, 0, 0, 2);
	assert_false(readable(queue, 0)); /* arming failed: disarmed */
	assert_int_equal(eg_event_take(queue, v, COUNT(v)), 2);
	assert_true(eg_event_queue_arm(queue));
	assert_false(readable(queue, 0));
	eg_event_post(queue, 0, 0, 3);
	assert_true(readable(queue, 0));
	eg_event_queue_clear(queue);
	assert_false(readable(queue, 0));
	eg_event_post(queue, 0, 0, 4);
	assert_false(readable(queue, 0)); /* the first one disarmed it */
	assert_int_equal(eg_event_take(queue, v, COUNT(v)), 2);
	/* A lost event counts as something to take. */
	for (unsigned i = 0; i <= EG_EVENT_RING; i++)
		eg_event_post(queue, 0, 0, i);
	while (eg_event_take(queue, v, COUNT(v)))
		;
	assert_false(eg_event_queue_arm(queue));
	assert_int_equal(eg_event_take_lost(queue), 1);
	assert_true(eg_event_queue_arm(queue));
	eg_event_queue_free(queue);
}

#define PRODUCERS 3
#define EVENTS    100000

struct producer {
	struct eg_event_queue *queue;
	pthread_t thread;
	unsigned index;
	_Atomic uint32_t value; /* what its events are about */
};

static void *produce(void *arg)
{
	struct producer *producer = arg;

	for (uint32_t i = 1; i <= EVENTS; i++) {
		atomic_store_explicit(&producer->value, i, memory_order_relaxed);
		eg_event_post(producer->queue, producer->index, producer->index, i);
		if (i % 97 == 0)
			sched_yield();
	}
	return NULL;
}

/* Learn what the queue has to say; false: nothing. */
static bool learn(struct producer *producer, uint32_t *known)
{
	struct eg_event v[64];
	size_t n = eg_event_take(producer->queue, v, COUNT(v));
	uint32_t lost;

	for (size_t i = 0; i < n; i++) {
		uint32_t value =
			atomic_load_explicit(&producer[v[i].kind].value, memory_order_relaxed);

		assert_true(value >= v[i].id); /* what was written before is seen */
		known[v[i].kind] = value;
	}
	lost = eg_event_take_lost(producer->queue);
	for (unsigned p = 0; p < PRODUCERS; p++) {
		if (lost >> p & 1)
			known[p] = atomic_load_explicit(&producer[p].value, memory_order_relaxed);
	}
	return n || lost;
}

/* The reader sleeps whenever it may, and still learns everybody's last value. */
static void test_threads(void **state)
{
	struct eg_event_queue *queue = eg_event_queue_new(PRODUCERS);
	struct producer producer[PRODUCERS] = {0};
	uint32_t known[PRODUCERS] = {0};
	unsigned sleeps = 0;

	(void)state;
	for (unsigned p = 0; p < PRODUCERS; p++) {
		producer[p].queue = queue;
		producer[p].index = p;
		assert_int_equal(pthread_create(&producer[p].thread, NULL, produce, &producer[p]),
				 0);
	}
	while (known[0] < EVENTS || known[1] < EVENTS || known[2] < EVENTS) {
		if (learn(producer, known) || !eg_event_queue_arm(queue))
			continue;
		sleeps++;
		assert_true(readable(queue, 20000)); /* never woken: an event was missed */
		eg_event_queue_clear(queue);
	}
	for (unsigned p = 0; p < PRODUCERS; p++)
		pthread_join(producer[p].thread, NULL);
	printf("events: the reader slept %u times\n", sleeps);
	eg_event_queue_free(queue);
}

int run_event_queue_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_arm),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("event queue", tests, NULL, NULL);
}
