/* A thread that waits for the disk in the control thread's place.
 *
 * Life cycle: new -> (start -> done)... -> free. One batch is under way at a time: the control
 * thread collects the next one meanwhile. Control thread only, but for the thread itself, which is
 * made at the first start: it inherits where the caller runs, so it never takes a worker's CPU; it
 * takes no signals. */
#ifndef EG_SA_STATE_WRITER_H
#define EG_SA_STATE_WRITER_H

#include "sa/state_dir.h"

struct eg_state_writer;

/* NULL where memory is short. The folder is the caller's and outlives the writer. */
struct eg_state_writer *eg_state_writer_new(struct eg_state_dir *dir);

/* Waits for what is under way. */
void eg_state_writer_free(struct eg_state_writer *writer);

/* Save n states, which stay the caller's until the batch is done. Nothing may be under way. 0, or
 * -errno where there is no thread. */
int eg_state_writer_start(struct eg_state_writer *writer, const struct eg_state *states, size_t n);

/* Is it done, or within wait_ns? Then *err is eg_state_dir_save()'s answer. */
bool eg_state_writer_done(struct eg_state_writer *writer, uint64_t wait_ns, int *err);

#endif
