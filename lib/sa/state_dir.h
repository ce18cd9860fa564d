/* The folder where static SAs keep, over restarts and crashes, what their keys were used for: a
 * state file a key (sa/state_file.h), a manifest of all keys that have one, and a lock.
 *
 * Life cycle: eg_state_dir_open() -> load and save -> eg_state_dir_close(). Control thread: every
 * save waits for the disk. One daemon has it open for writing at a time, by flock(2), which ends
 * with the process however it ends.
 *
 * What is in force at any moment, also after a power cut in the middle of a save, is a whole file:
 * the new text goes to NAME.tmp and to the disk, then takes the old one's name, then the folder
 * goes to the disk. A key enters the manifest behind its first file and before its first packet, so
 * a key of the manifest without a file was used, and its file is lost. The folder itself is never
 * made here: one that is missing was lost, too, or its volume is not mounted. */
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

/* What stands in the file of the SA that wants->key, spi, suite and remote name. 1: *out is set. 0:
 * the key is new. -1: its file is lost, damaged, newer or another SA's: told to errs at `pos` and
 * `conf_path`, with what to do. */
int eg_state_dir_load(struct eg_state_dir *dir, const struct eg_state *wants,
		      const struct eg_pos *pos, const char *conf_path, struct eg_state *out,
		      struct eg_errs *errs);

/* Put n states on the disk. 0: all are there for good. -errno: some may be; nothing that any of
 * them reserves may be used. */
int eg_state_dir_save(struct eg_state_dir *dir, const struct eg_state *states, size_t n);

#endif
