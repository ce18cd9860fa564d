/* A thread that writes to disk on behalf of the control thread.
 *
 * Life cycle: new -> (start -> done)... -> free. One batch is in progress at a time, while the
 * control thread collects the next one. Called by the control thread only. The thread is created at
 * the first start: it inherits the caller's CPU affinity, so it never runs on a worker's CPU; it
 * blocks all signals. */
#ifndef EG_SA_STATE_WRITER_H
#define EG_SA_STATE_WRITER_H

#include "sa/state_dir.h"

struct eg_state_writer;

/* NULL if memory is short. The directory is borrowed and must outlive the writer. */
struct eg_state_writer *eg_state_writer_new(struct eg_state_dir *dir);

/* Waits for the batch in progress. */
void eg_state_writer_free(struct eg_state_writer *writer);

/* Start saving n states, which stay the caller's and must not change until the batch is done. No
 * batch may be in progress. 0, or -errno if the thread cannot be created. */
int eg_state_writer_start(struct eg_state_writer *writer, const struct eg_state *states, size_t n);

/* Is the batch done, now or within wait_ns? Then *err is the result of eg_state_dir_save(). */
bool eg_state_writer_done(struct eg_state_writer *writer, uint64_t wait_ns, int *err);

#endif
