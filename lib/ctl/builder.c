#include "ctl/builder.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"

/* When the two threads share a CPU, the control thread runs first. */
#define NICE 10

struct eg_builder {
	pthread_t thread;
	int fd;
	pthread_mutex_t mutex;
	pthread_cond_t wake;     /* there is something to do */
	pthread_cond_t idle;     /* there is nothing to do any more */
	_Atomic bool superseded; /* the build that runs; set under the mutex, read by run() */

	/* Under the mutex. */
	struct eg_build *waiting, *running, *finished;
	struct eg_build *trash, **trash_end;
	bool discarding, ending;
};

/* Under the mutex. */
static void throw_away(struct eg_builder *builder, struct eg_build **slot)
{
	if (!*slot)
		return;
	(*slot)->next = NULL;
	*builder->trash_end = *slot;
	builder->trash_end = &(*slot)->next;
	*slot = NULL;
}

static struct eg_build *take_trash(struct eg_builder *builder)
{
	struct eg_build *build = builder->trash;

	if (build) {
		builder->trash = build->next;
		if (!builder->trash)
			builder->trash_end = &builder->trash;
	}
	return build;
}

static void signal_finished(struct eg_builder *builder)
{
	uint64_t one = 1;
	ssize_t n = write(builder->fd, &one, sizeof(one));

	(void)n; /* the counter cannot be full: each result is collected or thrown away */
}

/* Under the mutex, which is released while the build runs. */
static void run_build(struct eg_builder *builder)
{
	struct eg_build *build = builder->running = builder->waiting;

	builder->waiting = NULL;
	atomic_store(&builder->superseded, false);
	pthread_mutex_unlock(&builder->mutex);
	build->run(build, builder);
	pthread_mutex_lock(&builder->mutex);
	if (atomic_load(&builder->superseded)) {
		throw_away(builder, &builder->running);
		return;
	}
	builder->finished = build;
	builder->running = NULL;
	signal_finished(builder);
}

static void *thread_main(void *arg)
{
	struct eg_builder *builder = arg;

	/* Of this thread only, in Linux. A batch thread does not preempt the one that wakes it. */
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	pthread_setschedparam(pthread_self(), SCHED_BATCH, &(struct sched_param){0});
	pthread_mutex_lock(&builder->mutex);
	while (!builder->ending) {
		struct eg_build *trash = take_trash(builder);

		if (trash) {
			builder->discarding = true;
			pthread_mutex_unlock(&builder->mutex);
			trash->discard(trash);
			/* What a build frees lies between what the next one still uses: the process
			 * would keep the peak of every build. It locks malloc's arenas one by one:
			 * that of builds for long, and the control thread's, where nothing large
			 * is, briefly. */
			malloc_trim(0);
			pthread_mutex_lock(&builder->mutex);
			builder->discarding = false;
		} else if (builder->waiting) {
			run_build(builder);
		} else {
			pthread_cond_broadcast(&builder->idle);
			pthread_cond_wait(&builder->wake, &builder->mutex);
		}
	}
	pthread_mutex_unlock(&builder->mutex);
	return NULL;
}

static int create_thread(pthread_t *thread, void *(*main)(void *), void *arg)
{
	return pthread_create(thread, NULL, main, arg);
}

struct eg_builder *eg_builder_new(eg_builder_spawn_fn *spawn)
{
	struct eg_builder *builder = calloc(1, sizeof(*builder));
	pthread_condattr_t attr;
	sigset_t all, before;
	int err;

	if (!builder)
		return NULL;
	builder->trash_end = &builder->trash;
	builder->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (builder->fd < 0) {
		free(builder);
		return NULL;
	}
	pthread_mutex_init(&builder->mutex, NULL);
	pthread_cond_init(&builder->wake, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&builder->idle, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = (spawn ? spawn : create_thread)(&builder->thread, thread_main, builder);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		return builder;
	pthread_cond_destroy(&builder->wake);
	pthread_cond_destroy(&builder->idle);
	pthread_mutex_destroy(&builder->mutex);
	close(builder->fd);
	free(builder);
	errno = err < 0 ? -err : err;
	return NULL;
}

/* Under the mutex: nothing that was submitted so far counts any more. */
static void supersede(struct eg_builder *builder)
{
	throw_away(builder, &builder->waiting);
	throw_away(builder, &builder->finished);
	if (builder->running)
		atomic_store(&builder->superseded, true);
}

void eg_builder_free(struct eg_builder *builder)
{
	struct eg_build *build;

	if (!builder)
		return;
	pthread_mutex_lock(&builder->mutex);
	supersede(builder);
	builder->ending = true;
	pthread_cond_signal(&builder->wake);
	pthread_mutex_unlock(&builder->mutex);
	pthread_join(builder->thread, NULL);
	while ((build = take_trash(builder)))
		build->discard(build);
	pthread_cond_destroy(&builder->wake);
	pthread_cond_destroy(&builder->idle);
	pthread_mutex_destroy(&builder->mutex);
	close(builder->fd);
	free(builder);
}

void eg_builder_submit(struct eg_builder *builder, struct eg_build *build)
{
	pthread_mutex_lock(&builder->mutex);
	supersede(builder);
	builder->waiting = build;
	pthread_cond_signal(&builder->wake);
	pthread_mutex_unlock(&builder->mutex);
}

void eg_builder_cancel(struct eg_builder *builder)
{
	pthread_mutex_lock(&builder->mutex);
	supersede(builder);
	pthread_cond_signal(&builder->wake);
	pthread_mutex_unlock(&builder->mutex);
}

/* Under the mutex. */
static bool has_work(const struct eg_builder *builder)
{
	return builder->running || builder->waiting || builder->trash || builder->discarding;
}

bool eg_builder_wait(struct eg_builder *builder, uint64_t timeout_ns)
{
	uint64_t until_ns = eg_mono_ns() + timeout_ns;
	const struct timespec until = {.tv_sec = (time_t)(until_ns / EG_NS_PER_S),
				       .tv_nsec = (long)(until_ns % EG_NS_PER_S)};
	bool idle;
	int err = 0;

	pthread_mutex_lock(&builder->mutex);
	while (has_work(builder) && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&builder->idle, &builder->mutex, &until);
	idle = !has_work(builder);
	pthread_mutex_unlock(&builder->mutex);
	return idle;
}

void eg_builder_discard(struct eg_builder *builder, struct eg_build *build)
{
	pthread_mutex_lock(&builder->mutex);
	throw_away(builder, &build);
	pthread_cond_signal(&builder->wake);
	pthread_mutex_unlock(&builder->mutex);
}

int eg_builder_fd(const struct eg_builder *builder)
{
	return builder->fd;
}

void eg_builder_collect(struct eg_builder *builder)
{
	struct eg_build *build;
	uint64_t count;
	ssize_t n = read(builder->fd, &count, sizeof(count));

	(void)n; /* nothing to read: what was finished was superseded and its signal taken before */
	pthread_mutex_lock(&builder->mutex);
	build = builder->finished;
	builder->finished = NULL;
	pthread_mutex_unlock(&builder->mutex);
	if (build)
		build->finish(build);
}

bool eg_builder_busy(struct eg_builder *builder)
{
	bool busy;

	pthread_mutex_lock(&builder->mutex);
	busy = builder->waiting || builder->finished ||
	       (builder->running && !atomic_load(&builder->superseded));
	pthread_mutex_unlock(&builder->mutex);
	return busy;
}

bool eg_builder_superseded(const struct eg_builder *builder)
{
	return atomic_load(&builder->superseded);
}
