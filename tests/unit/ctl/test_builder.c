/* The builder thread: each build ends in finish() or discard(), once, and only the newest one is
 * used. Run under -Db_sanitize=thread too. */
#include "ctl_tests.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "common/random.h"
#include "ctl/builder.h"

/* How a test's build got on. The struct outlives the build. */
struct fate {
	_Atomic unsigned ran, finished, discarded;
	_Atomic bool saw_superseded;
	pthread_t discarded_by;
};

struct build {
	struct eg_build base;
	struct fate *fate;
	sem_t *started, *go; /* run() posts one and waits for the other; NULL: it does not wait */
	bool until_superseded;
};

static void run(struct eg_build *base, struct eg_builder *builder)
{
	struct build *build = (struct build *)base;
	sigset_t blocked;

	build->fate->ran++;
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	assert_true(sigismember(&blocked, SIGTERM));
	if (build->started)
		sem_post(build->started);
	if (build->go)
		sem_wait(build->go);
	while (build->until_superseded && !eg_builder_superseded(builder))
		usleep(100);
	build->fate->saw_superseded = eg_builder_superseded(builder);
}

static void finish(struct eg_build *base)
{
	struct build *build = (struct build *)base;

	build->fate->finished++;
	free(build);
}

static void discard(struct eg_build *base)
{
	struct build *build = (struct build *)base;

	build->fate->discarded_by = pthread_self();
	build->fate->discarded++;
	free(build);
}

static struct build *new_build(struct fate *fate)
{
	struct build *build = calloc(1, sizeof(*build));

	assert_non_null(build);
	build->base = (struct eg_build){.run = run, .finish = finish, .discard = discard};
	build->fate = fate;
	return build;
}

static bool readable(struct eg_builder *builder, int timeout_ms)
{
	struct pollfd pfd = {.fd = eg_builder_fd(builder), .events = POLLIN};

	return poll(&pfd, 1, timeout_ms) == 1;
}

static void until(const _Atomic unsigned *counter, unsigned value)
{
	for (unsigned i = 0; atomic_load(counter) != value; i++) {
		assert_true(i < 100000);
		usleep(100);
	}
}

static void assert_fate(const struct fate *fate, unsigned ran, unsigned finished,
			unsigned discarded)
{
	assert_int_equal(fate->ran, ran);
	assert_int_equal(fate->finished, finished);
	assert_int_equal(fate->discarded, discarded);
}

static void test_finish(void **state)
{
	struct eg_builder *builder = eg_builder_new(NULL);
	struct fate fate = {0};

	(void)state;
	assert_non_null(builder);
	for (unsigned n = 1; n <= 3; n++) {
		assert_false(eg_builder_busy(builder));
		assert_false(readable(builder, 0));
		eg_builder_submit(builder, &new_build(&fate)->base);
		assert_true(eg_builder_busy(builder));
		assert_true(readable(builder, 10000));
		assert_fate(&fate, n, n - 1, 0);
		eg_builder_collect(builder);
		assert_fate(&fate, n, n, 0);
		eg_builder_collect(builder); /* nothing there: nothing happens */
	}
	assert_false(fate.saw_superseded);
	eg_builder_free(builder);
	assert_fate(&fate, 3, 3, 0);
}

/* The first runs, the second and third wait: the second never runs, the third is used. */
static void test_supersede(void **state)
{
	struct eg_builder *builder = eg_builder_new(NULL);
	struct fate first = {0}, second = {0}, third = {0};
	struct build *build = new_build(&first);
	sem_t started;

	(void)state;
	sem_init(&started, 0, 0);
	build->started = &started;
	build->until_superseded = true;
	eg_builder_submit(builder, &build->base);
	sem_wait(&started);
	eg_builder_submit(builder, &new_build(&second)->base);
	eg_builder_submit(builder, &new_build(&third)->base);
	assert_true(readable(builder, 10000));
	eg_builder_collect(builder);
	assert_fate(&third, 1, 1, 0);
	eg_builder_free(builder);
	assert_fate(&first, 1, 0, 1);
	assert_true(first.saw_superseded);
	assert_fate(&second, 0, 0, 1);
	assert_fate(&third, 1, 1, 0);
	assert_false(third.saw_superseded);
	sem_destroy(&started);
}

/* Finished, but superseded before it was collected: not used. Its signal may still be there. */
static void test_supersede_finished(void **state)
{
	struct eg_builder *builder = eg_builder_new(NULL);
	struct fate first = {0}, second = {0};
	struct build *build = new_build(&second);
	sem_t go;

	(void)state;
	sem_init(&go, 0, 0);
	build->go = &go;
	eg_builder_submit(builder, &new_build(&first)->base);
	assert_true(readable(builder, 10000));
	eg_builder_submit(builder, &build->base);
	eg_builder_collect(builder);
	assert_int_equal(first.finished, 0);
	until(&first.discarded, 1);
	assert_false(pthread_equal(first.discarded_by, pthread_self()));
	sem_post(&go);
	assert_true(readable(builder, 10000));
	eg_builder_collect(builder);
	assert_fate(&first, 1, 0, 1);
	assert_fate(&second, 1, 1, 0);
	eg_builder_free(builder);
	sem_destroy(&go);
}

static void test_cancel(void **state)
{
	struct eg_builder *builder = eg_builder_new(NULL);
	struct fate running = {0}, waiting = {0}, after = {0};
	struct build *build = new_build(&running);
	sem_t started;

	(void)state;
	sem_init(&started, 0, 0);
	build->started = &started;
	build->until_superseded = true;
	eg_builder_cancel(builder); /* nothing there */
	eg_builder_submit(builder, &build->base);
	sem_wait(&started);
	eg_builder_submit(builder, &new_build(&waiting)->base);
	eg_builder_cancel(builder);
	assert_false(eg_builder_busy(builder));
	until(&running.discarded, 1);
	until(&waiting.discarded, 1);
	assert_fate(&running, 1, 0, 1);
	assert_fate(&waiting, 0, 0, 1);
	assert_false(readable(builder, 0));
	eg_builder_submit(builder, &new_build(&after)->base);
	assert_true(readable(builder, 10000));
	eg_builder_collect(builder);
	assert_fate(&after, 1, 1, 0);
	eg_builder_free(builder);
	sem_destroy(&started);
}

/* The end supersedes what runs and discards what waits. */
static void test_end(void **state)
{
	struct eg_builder *builder = eg_builder_new(NULL);
	struct fate running = {0}, retired = {0};
	struct build *build = new_build(&running);
	sem_t started;

	(void)state;
	sem_init(&started, 0, 0);
	build->started = &started;
	build->until_superseded = true;
	eg_builder_submit(builder, &build->base);
	sem_wait(&started);
	eg_builder_discard(builder, &new_build(&retired)->base);
	eg_builder_free(builder);
	assert_fate(&running, 1, 0, 1);
	assert_true(running.saw_superseded);
	assert_fate(&retired, 0, 0, 1);
	eg_builder_free(NULL);
	sem_destroy(&started);
}

/* Something else to free: in the builder thread, without a build. */
static void test_discard(void **state)
{
	struct eg_builder *builder = eg_builder_new(NULL);
	struct fate fate = {0};

	(void)state;
	for (unsigned n = 1; n <= 10; n++)
		eg_builder_discard(builder, &new_build(&fate)->base);
	until(&fate.discarded, 10);
	assert_false(pthread_equal(fate.discarded_by, pthread_self()));
	assert_fate(&fate, 0, 0, 10);
	assert_false(eg_builder_busy(builder));
	eg_builder_free(builder);
}

/* Waiting for the end of a build that does not check whether it should end. */
static void test_wait(void **state)
{
	struct eg_builder *builder = eg_builder_new(NULL);
	struct fate fate = {0};
	struct build *build = new_build(&fate);
	sem_t started, go;

	(void)state;
	sem_init(&started, 0, 0);
	sem_init(&go, 0, 0);
	assert_true(eg_builder_wait(builder, 0)); /* nothing to wait for */
	build->started = &started;
	build->go = &go;
	eg_builder_submit(builder, &build->base);
	sem_wait(&started);
	eg_builder_cancel(builder);
	assert_false(eg_builder_wait(builder, 0));
	assert_false(eg_builder_wait(builder, 20000000));
	sem_post(&go);
	assert_true(eg_builder_wait(builder, 10000000000));
	assert_fate(&fate, 1, 0, 1);
	/* What is only to be discarded counts, too. */
	for (unsigned n = 0; n < 10; n++)
		eg_builder_discard(builder, &new_build(&fate)->base);
	assert_true(eg_builder_wait(builder, 10000000000));
	assert_fate(&fate, 1, 0, 11);
	eg_builder_free(builder);
	sem_destroy(&started);
	sem_destroy(&go);
}

static int refuse(pthread_t *thread, void *(*main)(void *), void *arg)
{
	(void)thread, (void)main, (void)arg;
	return EAGAIN;
}

static void test_no_thread(void **state)
{
	(void)state;
	errno = 0;
	assert_null(eg_builder_new(refuse));
	assert_int_equal(errno, EAGAIN);
}

#define STORM 3000

/* Random submissions, cancels and collections: every build has one end, and the last one is used.
 */
static void test_storm(void **state)
{
	struct eg_builder *builder = eg_builder_new(NULL);
	struct fate *fates = calloc(STORM, sizeof(*fates));
	struct rng rng = rng_start("builder storm");

	(void)state;
	assert_non_null(fates);
	for (unsigned n = 0; n < STORM; n++) {
		eg_builder_submit(builder, &new_build(&fates[n])->base);
		if (rng_below(&rng, 4) == 0)
			eg_builder_collect(builder);
		if (n + 1 < STORM && rng_below(&rng, 8) == 0)
			eg_builder_cancel(builder);
		if (rng_below(&rng, 4) == 0)
			usleep((useconds_t)rng_below(&rng, 50));
	}
	while (!fates[STORM - 1].finished) {
		assert_true(readable(builder, 10000));
		eg_builder_collect(builder);
	}
	eg_builder_free(builder);
	for (unsigned n = 0; n < STORM; n++) {
		assert_int_equal(fates[n].finished + fates[n].discarded, 1);
		assert_true(fates[n].ran || !fates[n].finished);
	}
	free(fates);
}

int run_builder_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finish),
		cmocka_unit_test(test_supersede),
		cmocka_unit_test(test_supersede_finished),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_discard),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_no_thread),
		cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests_name("ctl builder", tests, NULL, NULL);
}
