#include "sa/state_dir_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "sa/journal.h"

/* Rewrite the journal when more than APPENDED_BYTES, and more than APPENDED_TIMES its size when it
 * was last rewritten, have been appended. */
#define APPENDED_BYTES (1u << 20)
#define APPENDED_TIMES 4

static int add_batch(struct eg_state_dir *dir, struct eg_buf *text, const struct eg_state *states,
		     size_t n)
{
	struct eg_journal_batch batch = eg_journal_begin(text, dir->number + 1);

	for (size_t i = 0; i < n; i++)
		eg_journal_add(&batch, &states[i]);
	dir->number++;
	return eg_journal_end(&batch);
}

static int write_and_sync(const struct eg_state_dir *dir, int fd, const struct eg_buf *text)
{
	if (dir->disk.write(dir->disk.arg, fd, text->v, text->n) ||
	    dir->disk.sync(dir->disk.arg, fd))
		return -errno;
	return 0;
}

/* One batch of all known states, overridden by the given ones. */
static int add_all_states(struct eg_state_dir *dir, struct eg_buf *text,
			  const struct eg_state *states, size_t n)
{
	struct eg_state_index all = {0};
	int err = eg_state_index_reserve(&all, dir->index.states.n + n);

	eg_vec_foreach (state, &dir->index.states)
		err = err ? err : eg_state_index_put(&all, state);
	for (size_t i = 0; i < n && !err; i++)
		err = eg_state_index_put(&all, &states[i]);
	eg_buf_add(text, "%s", EG_JOURNAL_HEAD);
	if (!err)
		err = text->n ? add_batch(dir, text, all.states.v, all.states.n) : -ENOMEM;
	eg_state_index_free(&all);
	return err;
}

int eg_state_dir_rewrite(struct eg_state_dir *dir, const struct eg_state *states, size_t n)
{
	struct eg_buf text = {0};
	int fd, err;

	if (dir->journal_fd >= 0)
		close(dir->journal_fd);
	dir->journal_fd = -1;
	err = add_all_states(dir, &text, states, n);
	if (err) {
		eg_buf_free(&text);
		return err;
	}
	fd = openat(dir->fd, EG_STATE_JOURNAL ".tmp",
		    O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		err = -errno;
	/* The umask may have removed bits, and an old file may have had more. */
	if (!err && fchmod(fd, 0600))
		err = -errno;
	if (!err)
		err = write_and_sync(dir, fd, &text);
	if (!err && renameat(dir->fd, EG_STATE_JOURNAL ".tmp", dir->fd, EG_STATE_JOURNAL))
		err = -errno;
	if (!err && dir->disk.sync(dir->disk.arg, dir->fd))
		err = -errno;
	if (!err) {
		dir->journal_fd = fd;
		dir->whole_bytes = text.n;
		dir->appended_bytes = 0;
	} else if (fd >= 0) {
		close(fd);
		unlinkat(dir->fd, EG_STATE_JOURNAL ".tmp", 0);
	}
	eg_buf_free(&text);
	return err;
}

static int append(struct eg_state_dir *dir, const struct eg_state *states, size_t n)
{
	struct eg_buf text = {0};
	struct stat st;
	int err = add_batch(dir, &text, states, n);

	if (!err)
		err = write_and_sync(dir, dir->journal_fd, &text);
	/* The journal was deleted: nothing in it survives. */
	if (!err && (fstat(dir->journal_fd, &st) || !st.st_nlink))
		err = -ENOENT;
	dir->appended_bytes += text.n;
	eg_buf_free(&text);
	if (err) {
		close(dir->journal_fd);
		dir->journal_fd = -1;
	}
	return err;
}

static int save(struct eg_state_dir *dir, const struct eg_state *states, size_t n, bool anew)
{
	int err;

	if (dir->read_only)
		return -EROFS;
	pthread_mutex_lock(&dir->mutex);
	err = eg_state_index_reserve(&dir->index, n);
	pthread_mutex_unlock(&dir->mutex);
	if (err)
		return err;
	anew |= dir->journal_fd < 0 || (dir->appended_bytes > APPENDED_BYTES &&
					dir->appended_bytes > APPENDED_TIMES * dir->whole_bytes);
	err = anew ? eg_state_dir_rewrite(dir, states, n) : append(dir, states, n);
	if (err)
		return err;
	pthread_mutex_lock(&dir->mutex);
	for (size_t i = 0; i < n; i++)
		eg_state_index_put(&dir->index, &states[i]); /* cannot fail: reserved above */
	pthread_mutex_unlock(&dir->mutex);
	return 0;
}

int eg_state_dir_save(struct eg_state_dir *dir, const struct eg_state *states, size_t n)
{
	return n || dir->read_only ? save(dir, states, n, false) : 0;
}

int eg_state_dir_finish(struct eg_state_dir *dir, const struct eg_state *states, size_t n)
{
	return save(dir, states, n, true);
}
