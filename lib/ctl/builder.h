/* The builder thread: work that takes longer than a handler of the control loop may (reading files,
 * compiling, proving, fsync), one build at a time.
 *
 *	submit -> waiting -> running -> finished -> collected by the control thread
 *		     \          \           \
 *		      +----------+-----------+--> superseded by a newer submission: discarded
 *
 * Only the newest submission's result counts. A build that is superseded before it started never
 * runs. One that runs is told so (eg_builder_superseded()), and may end early.
 *
 * A build is a struct of the caller's with a struct eg_build in it. From eg_builder_submit() on it
 * is the builder's, until either finish() or discard() is called: one of them, once.
 * Synchronization: one mutex, held for a few instructions. */
#ifndef EG_CTL_BUILDER_H
#define EG_CTL_BUILDER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct eg_builder;

struct eg_build {
	/* Builder thread: do the work. Errors are part of the result. */
	void (*run)(struct eg_build *build, struct eg_builder *builder);
	/* Control thread, in eg_builder_collect(): use the result. The build is the caller's. */
	void (*finish)(struct eg_build *build);
	/* Free the build and what it made. Builder thread; the control thread in
	 * eg_builder_free(), and where there is no thread. */
	void (*discard)(struct eg_build *build);
	struct eg_build *next; /* the builder's */
};

/* Starts a thread, as pthread_create() does; 0 or an error number. For a caller that decides where
 * its threads run. */
typedef int eg_builder_spawn_fn(pthread_t *thread, void *(*main)(void *), void *arg);

/* spawn NULL: a thread that runs where its creator does. All signals are blocked in it. Its
 * priority is lower than the control thread's. NULL with errno on failure. */
struct eg_builder *eg_builder_new(eg_builder_spawn_fn *spawn);

/* Supersede everything, wait until the running build has ended, discard what is left. NULL is
 * allowed. Control thread. */
void eg_builder_free(struct eg_builder *builder);

/* Run this build next, in place of all that were submitted before and are not collected yet. */
void eg_builder_submit(struct eg_builder *builder, struct eg_build *build);

/* Supersede whatever waits, runs or is finished, with nothing in its place. Does not wait. */
void eg_builder_cancel(struct eg_builder *builder);

/* Wait until the thread has nothing to do, but no longer than timeout_ns. False: it still has. For
 * the end, after eg_builder_cancel(): a build ends early only where it checks whether it should. */
bool eg_builder_wait(struct eg_builder *builder, uint64_t timeout_ns);

/* Let the builder thread discard something else that takes long to free, before its next build.
 * The struct has only its discard() set. */
void eg_builder_discard(struct eg_builder *builder, struct eg_build *build);

/* Readable when a result is finished: a source for the control loop. */
int eg_builder_fd(const struct eg_builder *builder);

/* Call finish() of the finished build, if there is one. Control thread. */
void eg_builder_collect(struct eg_builder *builder);

/* Is a build waiting, running or not collected yet? Control thread. */
bool eg_builder_busy(struct eg_builder *builder);

/* From run(): has a newer submission, a cancel or the end made this build useless? */
bool eg_builder_superseded(const struct eg_builder *builder);

#endif
