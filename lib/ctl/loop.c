#include "ctl/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Sources that are served per epoll_wait(), and so between two slices of jobs. */
#define BATCH 16

enum kind {
	KIND_FD,
	KIND_SIGNALS,
	KIND_TIMER,
	KIND_JOB,
};

struct eg_loop_source {
	struct eg_loop_source *next; /* in the loop's list of its state */
	const char *name;
	void *arg;
	union {
		eg_loop_fd_fn *fd;
		eg_loop_signal_fn *signal;
		eg_loop_fn *timer;
		eg_loop_job_fn *job;
	} fn;
	enum kind kind;
	int fd; /* -1: a job */
	bool removed;
};

struct eg_loop {
	int epoll;
	bool stop;
	bool dispatching; /* a removed source may still be in the batch: it is freed later */
	struct eg_loop_source *sources, *removed;
	struct eg_loop_source *jobs, **jobs_end; /* in the order of their next slices */
	eg_loop_slow_fn *slow;
	void *arg;
	struct eg_loop_stats stats;
};

struct eg_loop *eg_loop_new(eg_loop_slow_fn *slow, void *arg)
{
	struct eg_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->slow = slow;
	loop->arg = arg;
	loop->jobs_end = &loop->jobs;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll >= 0)
		return loop;
	free(loop);
	return NULL;
}

static void free_list(struct eg_loop_source **list)
{
	while (*list) {
		struct eg_loop_source *source = *list;

		*list = source->next;
		free(source);
	}
}

void eg_loop_free(struct eg_loop *loop)
{
	if (!loop)
		return;
	while (loop->sources)
		eg_loop_remove(loop, loop->sources);
	while (loop->jobs)
		eg_loop_remove(loop, loop->jobs);
	free_list(&loop->removed);
	close(loop->epoll);
	free(loop);
}

static struct eg_loop_source *new_source(enum kind kind, const char *name, int fd, void *arg)
{
	struct eg_loop_source *source = calloc(1, sizeof(*source));

	if (source)
		*source = (struct eg_loop_source){.kind = kind, .name = name, .fd = fd, .arg = arg};
	return source;
}

/* Let epoll watch the source; NULL, and the source freed, where it refuses. */
static struct eg_loop_source *watch(struct eg_loop *loop, struct eg_loop_source *source,
				    uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &event)) {
		free(source);
		return NULL;
	}
	source->next = loop->sources;
	loop->sources = source;
	return source;
}

struct eg_loop_source *eg_loop_add_fd(struct eg_loop *loop, const char *name, int fd,
				      uint32_t events, eg_loop_fd_fn *fn, void *arg)
{
	struct eg_loop_source *source = new_source(KIND_FD, name, fd, arg);

	if (!source)
		return NULL;
	source->fn.fd = fn;
	return watch(loop, source, events);
}

/* A source whose descriptor the loop made: it is closed with the source. */
static struct eg_loop_source *add_made(struct eg_loop *loop, struct eg_loop_source *source, int fd)
{
	int err = errno;

	if (source && fd >= 0) {
		source = watch(loop, source, EPOLLIN);
		if (source)
			return source;
		err = errno;
	} else {
		free(source);
	}
	if (fd >= 0)
		close(fd);
	errno = err;
	return NULL;
}

struct eg_loop_source *eg_loop_add_signals(struct eg_loop *loop, const char *name,
					   const sigset_t *set, eg_loop_signal_fn *fn, void *arg)
{
	int fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
	struct eg_loop_source *source = new_source(KIND_SIGNALS, name, fd, arg);

	if (source)
		source->fn.signal = fn;
	return add_made(loop, source, fd);
}

struct eg_loop_source *eg_loop_add_timer(struct eg_loop *loop, const char *name, eg_loop_fn *fn,
					 void *arg)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct eg_loop_source *source = new_source(KIND_TIMER, name, fd, arg);

	if (source)
		source->fn.timer = fn;
	return add_made(loop, source, fd);
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / EG_NS_PER_S),
				 .tv_nsec = (long)(ns % EG_NS_PER_S)};
}

void eg_loop_set_timer(struct eg_loop_source *timer, uint64_t first_ns, uint64_t period_ns)
{
	struct itimerspec when = {
		.it_value = timespec_of(first_ns ? first_ns : period_ns),
		.it_interval = timespec_of(period_ns),
	};

	timerfd_settime(timer->fd, 0, &when, NULL); /* no valid time fails */
}

static void append_job(struct eg_loop *loop, struct eg_loop_source *job)
{
	job->next = NULL;
	*loop->jobs_end = job;
	loop->jobs_end = &job->next;
}

struct eg_loop_source *eg_loop_add_job(struct eg_loop *loop, const char *name, eg_loop_job_fn *fn,
				       void *arg)
{
	struct eg_loop_source *job = new_source(KIND_JOB, name, -1, arg);

	if (!job)
		return NULL;
	job->fn.job = fn;
	append_job(loop, job);
	return job;
}

static void unlink_source(struct eg_loop *loop, struct eg_loop_source *source)
{
	bool job = source->kind == KIND_JOB;
	struct eg_loop_source **at = job ? &loop->jobs : &loop->sources;

	while (*at != source)
		at = &(*at)->next;
	*at = source->next;
	if (job && loop->jobs_end == &source->next)
		loop->jobs_end = at;
}

void eg_loop_remove(struct eg_loop *loop, struct eg_loop_source *source)
{
	if (!source || source->removed)
		return;
	unlink_source(loop, source);
	source->removed = true;
	if (source->fd >= 0)
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	if (source->kind == KIND_SIGNALS || source->kind == KIND_TIMER)
		close(source->fd);
	source->next = loop->removed;
	loop->removed = source;
	if (!loop->dispatching)
		free_list(&loop->removed);
}

/* Read what the descriptor has, and call the handler for it. */
static void serve_signals(struct eg_loop_source *source)
{
	struct signalfd_siginfo info;

	while (!source->removed && read(source->fd, &info, sizeof(info)) == sizeof(info))
		source->fn.signal(source->arg, (int)info.ssi_signo);
}

static void serve_timer(struct eg_loop_source *source)
{
	uint64_t expirations;

	/* Nothing to read: it was set anew since epoll_wait(). */
	if (read(source->fd, &expirations, sizeof(expirations)) == sizeof(expirations))
		source->fn.timer(source->arg);
}

/* One call of a source's handler. True: a job has more to do. */
static bool call(struct eg_loop_source *source, uint32_t events)
{
	switch (source->kind) {
	case KIND_FD:
		source->fn.fd(source->arg, events);
		break;
	case KIND_SIGNALS:
		serve_signals(source);
		break;
	case KIND_TIMER:
		serve_timer(source);
		break;
	case KIND_JOB:
		return source->fn.job(source->arg);
	}
	return false;
}

static void record(struct eg_loop *loop, const char *name, const struct eg_loop_time *time)
{
	struct eg_loop_stats *stats = &loop->stats;

	stats->calls++;
	if (!stats->longest || time->wall_ns > stats->longest_time.wall_ns) {
		stats->longest = name;
		stats->longest_time = *time;
	}
	if (time->wall_ns <= EG_LOOP_LIMIT_NS)
		return;
	stats->slow++;
	if (loop->slow)
		loop->slow(loop->arg, name, time);
}

static bool timed_call(struct eg_loop *loop, struct eg_loop_source *source, uint32_t events)
{
	uint64_t wall_ns = eg_mono_ns(), cpu_ns = eg_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	bool more = call(source, events);
	struct eg_loop_time time;

	time.cpu_ns = eg_clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	time.wall_ns = eg_mono_ns() - wall_ns;
	record(loop, source->name, &time);
	return more;
}

/* A slice of the job that waited longest. */
static void serve_job(struct eg_loop *loop)
{
	struct eg_loop_source *job = loop->jobs;

	if (!job)
		return;
	if (!timed_call(loop, job, 0)) {
		eg_loop_remove(loop, job);
	} else if (!job->removed) {
		unlink_source(loop, job);
		append_job(loop, job);
	}
}

static void serve(struct eg_loop *loop, const struct epoll_event *ready, int n)
{
	loop->dispatching = true;
	for (int i = 0; i < n && !loop->stop; i++) {
		struct eg_loop_source *source = ready[i].data.ptr;

		if (!source->removed) /* by a handler before it */
			timed_call(loop, source, ready[i].events);
	}
	if (!loop->stop)
		serve_job(loop);
	loop->dispatching = false;
	free_list(&loop->removed);
}

int eg_loop_run(struct eg_loop *loop)
{
	struct epoll_event ready[BATCH];

	while (!loop->stop) {
		int n = epoll_wait(loop->epoll, ready, BATCH, loop->jobs ? 0 : -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		serve(loop, ready, n);
	}
	loop->stop = false;
	return 0;
}

void eg_loop_stop(struct eg_loop *loop)
{
	loop->stop = true;
}

struct eg_loop_stats eg_loop_stats(const struct eg_loop *loop)
{
	return loop->stats;
}
