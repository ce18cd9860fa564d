/* The event loop: what is called, when, and how often. */
#include "ctl_tests.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ctl/loop.h"

#define MS EG_NS_PER_MS

struct scene {
	struct eg_loop *loop;
	struct eg_loop_source *source[4];
	int pipe[2][2];
	unsigned calls[4];
	unsigned slices, stop_after;
	char order[64]; /* a letter per call */
	int signals[4];
	unsigned n_signals;
	/* reported as slow */
	const char *slow_name;
	struct eg_loop_time slow_time;
	unsigned n_slow;
};

static void report_slow(void *arg, const char *name, const struct eg_loop_time *time)
{
	struct scene *scene = arg;

	scene->slow_name = name;
	scene->slow_time = *time;
	scene->n_slow++;
}

static void set_up(struct scene *scene)
{
	*scene = (struct scene){0};
	scene->loop = eg_loop_new(report_slow, scene);
	assert_non_null(scene->loop);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pipe2(scene->pipe[i], O_NONBLOCK | O_CLOEXEC), 0);
}

static void tear_down(struct scene *scene)
{
	eg_loop_free(scene->loop);
	for (int i = 0; i < 2; i++) {
		close(scene->pipe[i][0]);
		close(scene->pipe[i][1]);
	}
}

static void note(struct scene *scene, char letter)
{
	size_t n = strlen(scene->order);

	if (n + 1 < sizeof(scene->order))
		scene->order[n] = letter;
}

static void read_byte(int fd)
{
	char byte;

	assert_int_equal(read(fd, &byte, 1), 1);
}

static void write_byte(int fd)
{
	assert_int_equal(write(fd, "", 1), 1);
}

static void on_pipe(void *arg, uint32_t events)
{
	struct scene *scene = arg;

	assert_true(events & EPOLLIN);
	read_byte(scene->pipe[0][0]);
	note(scene, 'p');
	if (++scene->calls[0] == 2)
		eg_loop_stop(scene->loop);
}

/* Level-triggered: two bytes, a handler that reads one, two calls. */
static void test_fd(void **state)
{
	struct scene scene;

	(void)state;
	set_up(&scene);
	assert_non_null(
		eg_loop_add_fd(scene.loop, "pipe", scene.pipe[0][0], EPOLLIN, on_pipe, &scene));
	write_byte(scene.pipe[0][1]);
	write_byte(scene.pipe[0][1]);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_int_equal(scene.calls[0], 2);
	tear_down(&scene);
}

static void on_signal(void *arg, int signal)
{
	struct scene *scene = arg;

	scene->signals[scene->n_signals++] = signal;
	if (scene->n_signals == 2)
		eg_loop_stop(scene->loop);
}

static void test_signals(void **state)
{
	struct scene scene;
	sigset_t set, before;

	(void)state;
	set_up(&scene);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
	assert_non_null(eg_loop_add_signals(scene.loop, "signals", &set, on_signal, &scene));
	raise(SIGUSR1);
	raise(SIGHUP);
	raise(SIGHUP); /* pending once, as ever */
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_int_equal(scene.n_signals, 2);
	assert_int_equal(scene.signals[0] + scene.signals[1], SIGHUP + SIGUSR1);
	tear_down(&scene);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

static void on_once(void *arg)
{
	struct scene *scene = arg;

	scene->calls[0]++;
}

static void on_tick(void *arg)
{
	struct scene *scene = arg;

	if (++scene->calls[1] == scene->stop_after)
		eg_loop_stop(scene->loop);
}

static void test_timers(void **state)
{
	struct scene scene;
	struct eg_loop_source *once, *tick, *never;
	uint64_t start_ns;

	(void)state;
	set_up(&scene);
	scene.stop_after = 5;
	once = eg_loop_add_timer(scene.loop, "once", on_once, &scene);
	tick = eg_loop_add_timer(scene.loop, "tick", on_tick, &scene);
	never = eg_loop_add_timer(scene.loop, "never", on_once, &scene);
	assert_true(once && tick && never);
	start_ns = eg_mono_ns();
	eg_loop_set_timer(once, 1 * MS, 0);
	eg_loop_set_timer(tick, 0, 4 * MS);
	eg_loop_set_timer(never, 1 * MS, 1 * MS);
	eg_loop_set_timer(never, 0, 0);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_int_equal(scene.calls[0], 1);
	assert_true(eg_mono_ns() - start_ns >= 4 * MS);
	/* It can be set again; the periodic one goes on. */
	scene.stop_after = 10;
	eg_loop_set_timer(once, 1, 0);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_int_equal(scene.calls[0], 2);
	tear_down(&scene);
}

static void on_late(void *arg)
{
	struct scene *scene = arg;

	if (!scene->calls[0]++)
		usleep(50000); /* 50 periods */
	else
		eg_loop_stop(scene->loop);
}

/* Expirations that the loop missed are one call: the second call comes with the first poll. */
static void test_late_timer(void **state)
{
	struct scene scene;
	struct eg_loop_source *timer;

	(void)state;
	set_up(&scene);
	timer = eg_loop_add_timer(scene.loop, "late", on_late, &scene);
	eg_loop_set_timer(timer, 1, 1 * MS);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_int_equal(scene.calls[0], 2);
	assert_int_equal(eg_loop_stats(scene.loop).calls, 2);
	tear_down(&scene);
}

static bool slice_a(void *arg)
{
	struct scene *scene = arg;

	note(scene, 'a');
	if (++scene->slices == 3) {
		write_byte(scene->pipe[0][1]);
		write_byte(scene->pipe[0][1]);
	}
	return scene->slices < 6;
}

static bool slice_b(void *arg)
{
	struct scene *scene = arg;

	note(scene, 'b');
	return true; /* never done */
}

/* Jobs take turns, and the loop serves what is ready between any two slices. */
static void test_jobs(void **state)
{
	struct scene scene;

	(void)state;
	set_up(&scene);
	assert_non_null(eg_loop_add_job(scene.loop, "a", slice_a, &scene));
	assert_non_null(eg_loop_add_job(scene.loop, "b", slice_b, &scene));
	assert_non_null(
		eg_loop_add_fd(scene.loop, "pipe", scene.pipe[0][0], EPOLLIN, on_pipe, &scene));
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_string_equal(scene.order, "ababapbp");
	/* The first job ends, and the other one goes on alone. */
	scene.calls[0] = 0;
	scene.order[0] = 0;
	memset(scene.order, 0, sizeof(scene.order));
	scene.stop_after = 1;
	eg_loop_set_timer(eg_loop_add_timer(scene.loop, "tick", on_tick, &scene), 20 * MS, 0);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_memory_equal(scene.order, "ababab", 6);
	for (size_t i = 6; scene.order[i]; i++)
		assert_int_equal(scene.order[i], 'b');
	assert_int_equal(scene.slices, 6);
	tear_down(&scene);
}

/* Both are ready; whoever is called first removes the other, and itself. */
static void remove_both(void *arg, uint32_t events)
{
	struct scene *scene = arg;

	(void)events;
	scene->calls[0]++;
	eg_loop_remove(scene->loop, scene->source[0]);
	eg_loop_remove(scene->loop, scene->source[1]);
	eg_loop_remove(scene->loop, scene->source[1]); /* again: nothing */
}

static bool remove_itself(void *arg)
{
	struct scene *scene = arg;

	scene->calls[2]++;
	eg_loop_remove(scene->loop, scene->source[2]);
	eg_loop_remove(scene->loop, scene->source[3]);
	return true;
}

static bool never_called(void *arg)
{
	(void)arg;
	fail();
	return false;
}

static void test_remove(void **state)
{
	struct scene scene;
	struct eg_loop_source *tick;

	(void)state;
	set_up(&scene);
	for (int i = 0; i < 2; i++) {
		scene.source[i] = eg_loop_add_fd(scene.loop, "pipe", scene.pipe[i][0], EPOLLIN,
						 remove_both, &scene);
		write_byte(scene.pipe[i][1]);
	}
	scene.source[2] = eg_loop_add_job(scene.loop, "job", remove_itself, &scene);
	scene.source[3] = eg_loop_add_job(scene.loop, "removed", never_called, &scene);
	scene.stop_after = 3;
	tick = eg_loop_add_timer(scene.loop, "tick", on_tick, &scene);
	eg_loop_set_timer(tick, 0, 1 * MS);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_int_equal(scene.calls[0], 1);
	assert_int_equal(scene.calls[2], 1);
	/* Outside a handler, and a job added when there was none. */
	eg_loop_remove(scene.loop, tick);
	eg_loop_remove(scene.loop, NULL);
	scene.source[2] = eg_loop_add_job(scene.loop, "job", never_called, &scene);
	eg_loop_remove(scene.loop, scene.source[2]);
	scene.slices = 5;
	assert_non_null(eg_loop_add_job(scene.loop, "a", slice_a, &scene));
	eg_loop_stop(scene.loop);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	tear_down(&scene);
}

static void stop_first(void *arg, uint32_t events)
{
	struct scene *scene = arg;

	(void)events;
	scene->calls[0]++;
	eg_loop_stop(scene->loop);
}

/* A stop ends the batch and starts no slice; one before the run ends that run only. */
static void test_stop(void **state)
{
	struct scene scene;

	(void)state;
	set_up(&scene);
	for (int i = 0; i < 2; i++) {
		assert_non_null(eg_loop_add_fd(scene.loop, "pipe", scene.pipe[i][0], EPOLLIN,
					       stop_first, &scene));
		write_byte(scene.pipe[i][1]);
	}
	assert_non_null(eg_loop_add_job(scene.loop, "job", never_called, &scene));
	eg_loop_stop(scene.loop);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_int_equal(scene.calls[0], 0);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_int_equal(scene.calls[0], 1);
	tear_down(&scene);
}

static void sleep_long(void *arg)
{
	struct scene *scene = arg;

	usleep(30000);
	eg_loop_stop(scene->loop);
}

static void spin_long(void *arg)
{
	struct scene *scene = arg;
	uint64_t start_ns = eg_clock_ns(CLOCK_THREAD_CPUTIME_ID);

	while (eg_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns < 6 * MS)
		;
	eg_loop_stop(scene->loop);
}

/* A handler over the limit is counted and named, with the time that it waited and computed. */
static void test_slow(void **state)
{
	struct scene scene;
	struct eg_loop_source *timer;
	struct eg_loop_stats stats;

	(void)state;
	set_up(&scene);
	stats = eg_loop_stats(scene.loop);
	assert_null(stats.longest);
	timer = eg_loop_add_timer(scene.loop, "sleeper", sleep_long, &scene);
	eg_loop_set_timer(timer, 1, 0);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_int_equal(scene.n_slow, 1);
	assert_string_equal(scene.slow_name, "sleeper");
	assert_true(scene.slow_time.wall_ns >= 30 * MS);
	assert_true(scene.slow_time.cpu_ns < EG_LOOP_LIMIT_NS);
	eg_loop_remove(scene.loop, timer);
	timer = eg_loop_add_timer(scene.loop, "spinner", spin_long, &scene);
	eg_loop_set_timer(timer, 1, 0);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_int_equal(scene.n_slow, 2);
	assert_string_equal(scene.slow_name, "spinner");
	assert_true(scene.slow_time.cpu_ns >= 6 * MS);
	assert_true(scene.slow_time.wall_ns > EG_LOOP_LIMIT_NS);
	stats = eg_loop_stats(scene.loop);
	assert_int_equal(stats.slow, 2);
	assert_int_equal(stats.calls, 2);
	assert_non_null(stats.longest);
	assert_true(stats.longest_time.wall_ns >= 30 * MS);
	tear_down(&scene);
}

/* What the system refuses is an error, and the loop stays as it was. */
static void test_refused(void **state)
{
	struct scene scene;
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	set_up(&scene);
	assert_true(file >= 0);
	errno = 0;
	assert_null(eg_loop_add_fd(scene.loop, "file", file, EPOLLIN, on_pipe, &scene));
	assert_int_equal(errno, EPERM);
	assert_null(eg_loop_add_fd(scene.loop, "none", -1, EPOLLIN, on_pipe, &scene));
	assert_int_equal(errno, EBADF);
	close(file);
	assert_non_null(
		eg_loop_add_fd(scene.loop, "pipe", scene.pipe[0][0], EPOLLIN, on_pipe, &scene));
	scene.calls[0] = 1;
	write_byte(scene.pipe[0][1]);
	assert_int_equal(eg_loop_run(scene.loop), 0);
	assert_int_equal(scene.calls[0], 2);
	tear_down(&scene);
}

int run_loop_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fd),      cmocka_unit_test(test_signals),
		cmocka_unit_test(test_timers),  cmocka_unit_test(test_late_timer),
		cmocka_unit_test(test_jobs),    cmocka_unit_test(test_remove),
		cmocka_unit_test(test_stop),    cmocka_unit_test(test_slow),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("ctl loop", tests, NULL, NULL);
}
