/* A thread that waits for the disk instead of its callers.
 *
 * Life cycle: new -> (start -> done)... -> free. One batch is written at a time; the caller
 * collects the next one meanwhile. The thread is made at the first start: it inherits the caller's
 * CPU affinity, so it never takes a worker's CPU, and it takes no signals.
 *
 * Synchronization: start and free are for one thread at a time; done is for any thread. */
#ifndef EG_SA_STATE_WRITER_H
#define EG_SA_STATE_WRITER_H

#include "sa/state_dir.h"

struct eg_state_writer;

/* NULL if memory is short. The folder is borrowed and outlives the writer. */
struct eg_state_writer *eg_state_writer_new(struct eg_state_dir *dir);

/* Waits for a batch that is being written. */
void eg_state_writer_free(struct eg_state_writer *writer);

/* Save n states, which are borrowed until the batch is done. No other batch is being written. 0, or
 * -errno if there is no thread. */
int eg_state_writer_start(struct eg_state_writer *writer, const struct eg_state *states, size_t n);

/* Is it done now or within wait_ns? Then *err is what eg_state_dir_save() returned. */
bool eg_state_writer_done(struct eg_state_writer *writer, uint64_t wait_ns, int *err);

#endif
