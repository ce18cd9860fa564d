/* Private to lib/sa: the state directory and the functions that its files share.
 *
 * state_dir.c          open, lock, load, close
 * state_dir_save.c     append to the journal, rewrite it
 * state_dir_migrate.c  the manifest, and the files of versions before the journal */
#ifndef EG_SA_STATE_DIR_IMPL_H
#define EG_SA_STATE_DIR_IMPL_H

#include <pthread.h>

#include "base/vec.h"
#include "sa/state_dir.h"
#include "sa/state_index.h"

#define EG_STATE_JOURNAL  "journal"
#define EG_STATE_MANIFEST "manifest"
#define EG_STATE_LOCK     "lock"

#define EG_STATE_REMEDY "put the original back, or make a new key with espgate keygen"

struct eg_state_fingerprint {
	uint8_t bytes[EG_FINGERPRINT_BYTES];
};

struct eg_state_dir {
	char *path;
	int fd, lock_fd;
	bool read_only;
	EG_VEC(struct eg_state_fingerprint) known; /* keys in the manifest, sorted */
	bool journal;                              /* according to the manifest there is one */

	pthread_mutex_t mutex; /* protects the index: one thread saves while others load */
	struct eg_state_index index;

	/* Saving thread only. */
	struct eg_state_disk disk;
	int journal_fd;  /* to append to; -1: the journal must be rewritten */
	uint64_t number; /* of the last batch */
	size_t whole_bytes, appended_bytes;
};

/* Read a whole file; the caller frees it. NULL with errno set. A read error is never mistaken for
 * the end of the file: an incomplete last batch of the journal is skipped, so a disk that cannot be
 * read must not look like one. */
char *eg_state_dir_read(const struct eg_state_dir *dir, const char *name, size_t *n);

/* Is `found` the state of the SA in `wants`? 1, or -1 with an error: the key was used by another.
 */
int eg_state_dir_check_same(const struct eg_state_dir *dir, const struct eg_state *found,
			    const struct eg_state *wants, const struct eg_pos *pos,
			    const char *conf_path, struct eg_errs *errs);

/* Write a new journal of all known states and of `states`, which override them. 0 or -errno. */
int eg_state_dir_rewrite(struct eg_state_dir *dir, const struct eg_state *states, size_t n);

/* Fill `known` and `journal`. 0, or -1 with an error. */
int eg_state_dir_read_manifest(struct eg_state_dir *dir, const struct eg_pos *pos,
			       struct eg_errs *errs);

/* Begin the daemon's journal with the states of per-key files, if there was no journal yet, and
 * remove the files that it replaces. 0 or -errno. */
int eg_state_dir_migrate(struct eg_state_dir *dir);

/* Load a key that is not in the journal: from its file, if that could not be migrated because the
 * directory is read-only or the file is faulty. Returns as eg_state_dir_load(). */
int eg_state_dir_load_file(struct eg_state_dir *dir, const struct eg_state *wants,
			   const struct eg_pos *pos, const char *conf_path, struct eg_state *out,
			   struct eg_errs *errs);

#endif
