#include "sa/state_writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

struct eg_state_writer {
	struct eg_state_dir *dir;
	pthread_t thread;
	bool started; /* the thread exists */
	pthread_mutex_t mutex;
	pthread_cond_t cond;

	/* Under the mutex. */
	const struct eg_state *states;
	size_t n;
	int err;
	bool busy, ending;
};

static void *run(void *arg)
{
	struct eg_state_writer *writer = arg;

	pthread_mutex_lock(&writer->mutex);
	while (!writer->ending) {
		int err;

		if (!writer->busy) {
			pthread_cond_wait(&writer->cond, &writer->mutex);
			continue;
		}
		pthread_mutex_unlock(&writer->mutex);
		err = eg_state_dir_save(writer->dir, writer->states, writer->n);
		pthread_mutex_lock(&writer->mutex);
		writer->err = err;
		writer->busy = false;
		pthread_cond_broadcast(&writer->cond);
	}
	pthread_mutex_unlock(&writer->mutex);
	return NULL;
}

struct eg_state_writer *eg_state_writer_new(struct eg_state_dir *dir)
{
	struct eg_state_writer *writer = calloc(1, sizeof(*writer));
	pthread_condattr_t attr;

	if (!writer)
		return NULL;
	writer->dir = dir;
	pthread_mutex_init(&writer->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->cond, &attr);
	pthread_condattr_destroy(&attr);
	return writer;
}

static int make_thread(struct eg_state_writer *writer)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&writer->thread, NULL, run, writer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	writer->started = !err;
	return -err;
}

int eg_state_writer_start(struct eg_state_writer *writer, const struct eg_state *states, size_t n)
{
	int err = writer->started ? 0 : make_thread(writer);

	if (err)
		return err;
	pthread_mutex_lock(&writer->mutex);
	writer->states = states;
	writer->n = n;
	writer->busy = true;
	pthread_cond_broadcast(&writer->cond);
	pthread_mutex_unlock(&writer->mutex);
	return 0;
}

bool eg_state_writer_done(struct eg_state_writer *writer, uint64_t wait_ns, int *err)
{
	uint64_t now_ns = eg_mono_ns();
	uint64_t until_ns = wait_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + wait_ns;
	struct timespec until = {.tv_sec = (time_t)(until_ns / EG_NS_PER_S),
				 .tv_nsec = (long)(until_ns % EG_NS_PER_S)};
	bool done;

	pthread_mutex_lock(&writer->mutex);
	while (writer->busy && wait_ns) {
		if (pthread_cond_timedwait(&writer->cond, &writer->mutex, &until) == ETIMEDOUT)
			break;
	}
	done = !writer->busy;
	*err = writer->err;
	pthread_mutex_unlock(&writer->mutex);
	return done;
}

void eg_state_writer_free(struct eg_state_writer *writer)
{
	int err;

	if (!writer)
		return;
	if (writer->started) {
		eg_state_writer_done(writer, UINT64_MAX, &err);
		pthread_mutex_lock(&writer->mutex);
		writer->ending = true;
		pthread_cond_broadcast(&writer->cond);
		pthread_mutex_unlock(&writer->mutex);
		pthread_join(writer->thread, NULL);
	}
	pthread_cond_destroy(&writer->cond);
	pthread_mutex_destroy(&writer->mutex);
	free(writer);
}
