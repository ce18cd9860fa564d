/* The loop's end of the workers' events. Run under -Db_sanitize=thread too. */
#include "ctl_tests.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "ctl/events.h"

enum {
	KIND_MOVED,
	KIND_LEARNED,
	KIND_IGNORED, /* no handlers */
	KIND_LAST = EG_EVENT_KINDS - 1,
};

struct scene {
	struct eg_loop *loop;
	struct eg_event_queue *queue;
	struct eg_events *events;
	unsigned n_moved, n_learned, n_removed, n_last;
	uint32_t sum_moved;
	unsigned stop_at; /* calls of `moved` */
};

static void moved(void *arg, uint32_t id)
{
	struct scene *scene = arg;

	scene->sum_moved += id;
	if (++scene->n_moved == scene->stop_at)
		eg_loop_stop(scene->loop);
}

static void learned(void *arg, uint32_t id)
{
	struct scene *scene = arg;

	assert_int_equal(id, 7);
	scene->n_learned++;
}

static void last(void *arg, uint32_t id)
{
	struct scene *scene = arg;

	assert_int_equal(id, UINT32_MAX);
	scene->n_last++;
	eg_loop_stop(scene->loop);
}

static void lost(void *arg)
{
	struct scene *scene = arg;

	scene->n_removed++;
}

static void stop(void *arg)
{
	eg_loop_stop(*(struct eg_loop **)arg);
}

static void set_up(struct scene *scene, unsigned n_workers)
{
	*scene = (struct scene){.loop = eg_loop_new(NULL, NULL),
				.queue = eg_event_queue_new(n_workers)};
	assert_non_null(scene->loop);
	assert_non_null(scene->queue);
	scene->events = eg_events_new(scene->loop, scene->queue);
	assert_non_null(scene->events);
	eg_events_handle(scene->events, KIND_MOVED, moved, lost, scene);
	eg_events_handle(scene->events, KIND_LEARNED, learned, NULL, scene);
	eg_events_handle(scene->events, KIND_LAST, last, NULL, scene);
}

static void tear_down(struct scene *scene)
{
	eg_events_free(scene->events);
	eg_event_queue_free(scene->queue);
	eg_loop_free(scene->loop);
}

/* Run the loop for so long. */
static void run_for(struct scene *scene, uint64_t ns)
{
	struct eg_loop_source *timer = eg_loop_add_timer(scene->loop, "end", stop, &scene->loop);

	eg_loop_set_timer(timer, ns, 0);
	assert_int_equal(eg_loop_run(scene->loop), 0);
	eg_loop_remove(scene->loop, timer);
}

/* Each kind to its handler; what was posted before the loop ran is not forgotten. */
static void test_kinds(void **state)
{
	struct scene scene;

	(void)state;
	set_up(&scene, 2);
	eg_event_post(scene.queue, 0, KIND_MOVED, 1);
	eg_event_post(scene.queue, 1, KIND_LEARNED, 7);
	eg_event_post(scene.queue, 1, KIND_IGNORED, 3);
	eg_event_post(scene.queue, 0, KIND_MOVED, 10);
	eg_event_post(scene.queue, 1, KIND_LAST, UINT32_MAX);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_int_equal(scene.n_last, 1);
	assert_int_equal(scene.n_learned, 1);
	assert_int_equal(scene.n_moved, 2);
	assert_int_equal(scene.sum_moved, 11);
	assert_int_equal(scene.n_removed, 0);
	tear_down(&scene);
}

/* A ring that overflows: its handler for lost events is called, and all that fitted came. */
static void test_lost(void **state)
{
	struct scene scene;

	(void)state;
	set_up(&scene, 1);
	for (unsigned i = 0; i < EG_EVENT_RING + 5; i++)
		eg_event_post(scene.queue, 0, KIND_MOVED, 1);
	eg_event_post(scene.queue, 0, KIND_LEARNED, 7); /* lost too; nobody has to know */
	scene.stop_at = EG_EVENT_RING;
	assert_int_equal(eg_loop_run(scene.loop), 0);
	run_for(&scene, 20 * EG_NS_PER_MS);
	assert_int_equal(scene.n_moved, EG_EVENT_RING);
	assert_int_equal(scene.n_removed, 1);
	assert_int_equal(scene.n_learned, 0);
	/* The next one fits again. */
	scene.stop_at = EG_EVENT_RING + 1;
	eg_event_post(scene.queue, 0, KIND_MOVED, 1);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_int_equal(scene.n_removed, 1);
	tear_down(&scene);
}

#define FLOOD 200000

struct poster {
	struct eg_event_queue *queue;
	pthread_t thread;
	_Atomic uint32_t written; /* what the events are about */
	_Atomic bool *stop;
};

static void *post_flood(void *arg)
{
	struct poster *poster = arg;

	for (uint32_t i = 1; i <= FLOOD; i++) {
		atomic_store_explicit(&poster->written, i, memory_order_relaxed);
		eg_event_post(poster->queue, 0, KIND_MOVED, i);
	}
	eg_event_post(poster->queue, 1, KIND_MOVED, 0);
	return NULL;
}

/* A flood: whatever the pace, the handlers see the last value, by its event or as lost; and the
 * loop is woken seldom. */
static void test_flood(void **state)
{
	struct scene scene;
	struct poster poster = {0};
	struct eg_loop_stats stats;
	uint64_t start_ns, took_ns;

	(void)state;
	set_up(&scene, 2);
	poster.queue = scene.queue;
	start_ns = eg_mono_ns();
	assert_int_equal(pthread_create(&poster.thread, NULL, post_flood, &poster), 0);
	run_for(&scene, 50 * EG_NS_PER_MS);
	pthread_join(poster.thread, NULL);
	took_ns = eg_mono_ns() - start_ns;
	run_for(&scene, 50 * EG_NS_PER_MS);
	assert_int_equal(atomic_load(&poster.written), FLOOD);
	assert_true(scene.n_moved == FLOOD + 1 || scene.n_removed > 0);
	assert_true(scene.n_moved > 0);
	/* Idle now: nothing polls any more. */
	stats = eg_loop_stats(scene.loop);
	run_for(&scene, 50 * EG_NS_PER_MS);
	assert_int_equal(eg_loop_stats(scene.loop).calls, stats.calls + 1);
	printf("flood of %u events in %.1f ms: %u came, %u times lost, %lu handler calls\n", FLOOD,
	       (double)took_ns / 1e6, scene.n_moved, scene.n_removed, (unsigned long)stats.calls);
	tear_down(&scene);
}

int run_events_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests_name("ctl events", tests, NULL, NULL);
}
