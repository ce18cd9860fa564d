/* The control thread's event loop: file descriptors, signals, timers and jobs, on one epoll set.
 *
 * Handlers run one at a time in the thread that calls eg_loop_run(). Each handler returns within
 * EG_LOOP_LIMIT_NS, so that no signal, timer or worker event waits long. Work that takes longer is
 * either a job, which does a slice per call, or it belongs in the builder thread (ctl/builder.h).
 * Every handler is timed. One that exceeds the limit is counted and reported by its name.
 *
 * Life cycle: new -> add sources -> run (sources may be added and removed by handlers) -> free.
 * Synchronization: none. One thread owns the loop and everything in it. */
#ifndef EG_CTL_LOOP_H
#define EG_CTL_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* The longest that a handler may take. */
#define EG_LOOP_LIMIT_NS (5 * EG_NS_PER_MS)

struct eg_loop;

/* One file descriptor, set of signals, timer or job. */
struct eg_loop_source;

/* How long one handler call took: on the clock, and on the CPU. A difference means that it waited
 * for something, or that another thread had its CPU. */
struct eg_loop_time {
	uint64_t wall_ns, cpu_ns;
};

/* Reports a handler that exceeded the limit, after it returned. `name` is its source's. */
typedef void eg_loop_slow_fn(void *arg, const char *name, const struct eg_loop_time *time);

/* `slow` may be NULL. NULL with errno where the system refuses. */
struct eg_loop *eg_loop_new(eg_loop_slow_fn *slow, void *arg);

/* Remove all sources and free the loop. Not from a handler. NULL is allowed. */
void eg_loop_free(struct eg_loop *loop);

/* Call the handlers of ready sources until eg_loop_stop(). 0, or -errno where epoll fails. */
int eg_loop_run(struct eg_loop *loop);

/* Let eg_loop_run() return after the handler that runs now; before a run: at once. */
void eg_loop_stop(struct eg_loop *loop);

/* --- sources: `name` is borrowed and outlives the source. NULL with errno on failure. */

/* `events` are those that are ready (EPOLLIN...; EPOLLERR and EPOLLHUP are always reported). */
typedef void eg_loop_fd_fn(void *arg, uint32_t events);

/* Watch a file descriptor, level-triggered. It stays the caller's: remove the source, then close
 * the descriptor. */
struct eg_loop_source *eg_loop_add_fd(struct eg_loop *loop, const char *name, int fd,
				      uint32_t events, eg_loop_fd_fn *fn, void *arg);

typedef void eg_loop_signal_fn(void *arg, int signal);

/* Take the signals of a set, which are blocked in every thread of the process. */
struct eg_loop_source *eg_loop_add_signals(struct eg_loop *loop, const char *name,
					   const sigset_t *set, eg_loop_signal_fn *fn, void *arg);

typedef void eg_loop_fn(void *arg);

/* A timer on the monotonic clock. It starts with eg_loop_set_timer(). */
struct eg_loop_source *eg_loop_add_timer(struct eg_loop *loop, const char *name, eg_loop_fn *fn,
					 void *arg);

/* Expire after first_ns (0: after one period), then every period_ns (0: once). Both 0: stop.
 * Expirations that come late are not made up for: the handler runs once for all of them. */
void eg_loop_set_timer(struct eg_loop_source *timer, uint64_t first_ns, uint64_t period_ns);

/* Does one slice of the work. True: there is more. False: done; the loop removes the job. */
typedef bool eg_loop_job_fn(void *arg);

/* Work in slices. Between two slices, the loop serves all other sources that are ready. */
struct eg_loop_source *eg_loop_add_job(struct eg_loop *loop, const char *name, eg_loop_job_fn *fn,
				       void *arg);

/* Remove a source; its handler is not called again. Allowed in every handler, its own too. A job
 * that returned false is removed already. NULL is allowed. */
void eg_loop_remove(struct eg_loop *loop, struct eg_loop_source *source);

/* --- measurements, since the loop was made */

struct eg_loop_stats {
	uint64_t calls;      /* of handlers */
	uint64_t slow;       /* calls that exceeded the limit */
	const char *longest; /* source of the longest call; NULL: no call yet */
	struct eg_loop_time longest_time;
};

struct eg_loop_stats eg_loop_stats(const struct eg_loop *loop);

#endif
