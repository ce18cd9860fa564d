/* The state directory records, across restarts and crashes, how far the keys of static SAs have
 * been used: one journal for all keys (sa/journal.h), a manifest that records that it exists, and a
 * lock.
 *
 * Life cycle: eg_state_dir_open() -> load and save -> eg_state_dir_close(). Every save waits for
 * the disk: only one at a time, by one thread; another thread may load concurrently. Only one
 * daemon has the directory open for writing, enforced by flock(2), which ends with the process
 * however it ends.
 *
 * A save appends one batch, with one fsync however many states it has. From time to time, at every
 * open and after every failed save, the journal is rewritten instead: to journal.tmp, which is
 * synced and renamed to journal, then the directory is synced. After a failed fsync nobody knows
 * which pages are on the disk, so that file is never appended to again.
 *
 * Open migrates the state files and the manifest of versions before the journal: first the journal
 * with the states of all intact files, then the manifest of lost or damaged ones, and only then the
 * files are removed. A crash in between starts this over, and the higher of two watermarks wins.
 *
 * The directory is never created here: if it is missing, it was lost or its volume is not mounted.
 */
#ifndef EG_SA_STATE_DIR_H
#define EG_SA_STATE_DIR_H

#include <stdbool.h>

#include "base/err.h"
#include "sa/state_text.h"

struct eg_state_dir;

/* Errors are reported at `pos`. read_only: check next to a running daemon, without locking or
 * writing. NULL if refused. */
struct eg_state_dir *eg_state_dir_open(const char *path, bool read_only, const struct eg_pos *pos,
				       struct eg_errs *errs);
void eg_state_dir_close(struct eg_state_dir *dir);

/* Load the state of the SA that wants->key, direction, spi, suite and remote identify. 1: *out is
 * set. 0: the key is new. -1: its state is lost, damaged, from a newer version or another SA's; the
 * error at `pos` and `conf_path` says what to do. */
int eg_state_dir_load(struct eg_state_dir *dir, const struct eg_state *wants,
		      const struct eg_pos *pos, const char *conf_path, struct eg_state *out,
		      struct eg_errs *errs);

/* Write n states to disk. 0: all are durable. -errno: some may be, but nothing that any of them
 * reserves may be used. */
int eg_state_dir_save(struct eg_state_dir *dir, const struct eg_state *states, size_t n);

/* The same, rewriting the journal: from now on any damage to it is detected. */
int eg_state_dir_finish(struct eg_state_dir *dir, const struct eg_state *states, size_t n);

/* Disk access of the journal, replaced by tests that simulate failures. Both functions return 0, or
 * -1 with errno set. */
struct eg_state_disk {
	int (*write)(void *arg, int fd, const void *data, size_t n); /* all n bytes */
	int (*sync)(void *arg, int fd);
	void *arg;
};

/* Takes effect with the next save; must stay valid until close. */
void eg_state_dir_set_disk(struct eg_state_dir *dir, const struct eg_state_disk *disk);

#endif
