/* The folder where static SAs record, over restarts and crashes, what their keys were used for: one
 * journal of all keys (sa/journal.h), a manifest that says that there is one, and a lock.
 *
 * Life cycle: eg_state_dir_open() -> load and save -> eg_state_dir_close(). Every save waits for
 * the disk: one at a time, by one thread; loads may run beside it in another. One daemon has it
 * open for writing at a time, by flock(2), which ends with the process however it ends.
 *
 * A save appends one batch, with one fsync however many states it has. Now and then, at every open
 * and after every failed save the journal is written anew instead: to journal.tmp and to the disk,
 * then it takes the journal's name, then the folder goes to the disk. After a failed fsync nobody
 * knows which pages are on the disk, so a file that saw one is never appended to again.
 *
 * State files and the manifest of versions before the journal are taken over at open: the journal
 * with the states of all whole files, then the manifest of those that were lost or damaged, and
 * only then the files go; a crash in between begins this anew, and the higher of two marks counts.
 *
 * The folder itself is never made here: one that is missing was lost, or its volume is not mounted.
 */
#ifndef EG_SA_STATE_DIR_H
#define EG_SA_STATE_DIR_H

#include <stdbool.h>

#include "base/err.h"
#include "sa/state_file.h"

struct eg_state_dir;

/* Errors go to `pos`. read_only: for a check beside a running daemon; nothing is locked or written.
 * NULL where it was refused. */
struct eg_state_dir *eg_state_dir_open(const char *path, bool read_only, const struct eg_pos *pos,
				       struct eg_errs *errs);
void eg_state_dir_close(struct eg_state_dir *dir);

/* What is recorded of the SA that wants->key, direction, spi, suite and remote name. 1: *out is
 * set. 0: the key is new. -1: its file is lost, damaged, newer or another SA's: told to errs at
 * `pos` and `conf_path`, with what to do. */
int eg_state_dir_load(struct eg_state_dir *dir, const struct eg_state *wants,
		      const struct eg_pos *pos, const char *conf_path, struct eg_state *out,
		      struct eg_errs *errs);

/* Put n states on the disk. 0: all are there for good. -errno: some may be; nothing that any of
 * them reserves may be used. */
int eg_state_dir_save(struct eg_state_dir *dir, const struct eg_state *states, size_t n);

/* The same, and the journal is written anew: any damage to it shows from now on. */
int eg_state_dir_finish(struct eg_state_dir *dir, const struct eg_state *states, size_t n);

/* How a journal's bytes reach the disk: for tests, which let a disk fail. Both 0, or -1 and errno.
 */
struct eg_state_disk {
	int (*write)(void *arg, int fd, const void *data, size_t n); /* all n bytes */
	int (*sync)(void *arg, int fd);
	void *arg;
};

/* From the next save on; the caller's until close. */
void eg_state_dir_set_disk(struct eg_state_dir *dir, const struct eg_state_disk *disk);

#endif
