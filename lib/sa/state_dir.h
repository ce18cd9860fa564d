/* The folder in which static SAs record, across restarts and crashes, what their keys were used
 * for: one journal of all keys (sa/journal.h), a manifest that says that there is one, and a lock.
 *
 * Life cycle: eg_state_dir_open() -> load and save -> eg_state_dir_close(). Every save waits for
 * the disk; one thread saves, another may load meanwhile. Only one daemon can have the folder open
 * for writing, by flock(2), which ends with the process however it ends.
 *
 * A save appends one batch, with one fsync for any number of states. From time to time, at every
 * open and after every failed save the whole journal is rewritten instead: journal.tmp is written
 * and synced, then renamed to the journal, then the folder is synced. After a failed fsync nobody
 * knows which pages are on disk, so a file that had one is never appended to again.
 *
 * State files and the manifest of versions before the journal are migrated at open: first the
 * journal gets the states of all whole files, then the manifest names those that were lost or
 * damaged, and only then the files are removed; after a crash in between this starts again, and the
 * higher of two watermarks counts.
 *
 * The folder itself is never made here: if it is missing it was lost, or its volume is not mounted.
 */
#ifndef EG_SA_STATE_DIR_H
#define EG_SA_STATE_DIR_H

#include <stdbool.h>

#include "base/err.h"
#include "sa/state_file.h"

struct eg_state_dir;

/* Errors are reported at `pos`. read_only: for a check beside a running daemon; nothing is locked
 * or written. NULL if it was refused. */
struct eg_state_dir *eg_state_dir_open(const char *path, bool read_only, const struct eg_pos *pos,
				       struct eg_errs *errs);
void eg_state_dir_close(struct eg_state_dir *dir);

/* What is recorded of the SA that wants->key, direction, spi, suite and remote name. 1: *out is
 * set. 0: the key is new. -1: its file is lost, damaged, newer or another SA's: reported at `pos`
 * and `conf_path`, with what to do. */
int eg_state_dir_load(struct eg_state_dir *dir, const struct eg_state *wants,
		      const struct eg_pos *pos, const char *conf_path, struct eg_state *out,
		      struct eg_errs *errs);

/* Put n states on disk. 0: all are there. -errno: some may be there; nothing that any of them
 * reserves may be used. */
int eg_state_dir_save(struct eg_state_dir *dir, const struct eg_state *states, size_t n);

/* The same, and the journal is rewritten: from now on any damage to it can be detected. */
int eg_state_dir_finish(struct eg_state_dir *dir, const struct eg_state *states, size_t n);

/* How a journal's bytes reach the disk: tests simulate a failing one. Both 0, or -1 and errno. */
struct eg_state_disk {
	int (*write)(void *arg, int fd, const void *data, size_t n); /* all n bytes */
	int (*sync)(void *arg, int fd);
	void *arg;
};

/* Used from the next save on; borrowed until close. */
void eg_state_dir_set_disk(struct eg_state_dir *dir, const struct eg_state_disk *disk);

#endif
