#include "sa/state_dir_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "sa/journal.h"

static int write_to_disk(void *arg, int fd, const void *data, size_t n)
{
	(void)arg;
	return eg_write_all(fd, data, n);
}

static int sync_disk(void *arg, int fd)
{
	(void)arg;
	return fsync(fd);
}

char *eg_state_dir_read(const struct eg_state_dir *dir, const char *name, size_t *n)
{
	int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err = 0;
	struct stat st;
	char *text = NULL;
	ssize_t got = 1;

	*n = 0;
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st)) {
		text = malloc((size_t)st.st_size + 1);
		while (text && *n < (size_t)st.st_size && got > 0) {
			got = read(fd, text + *n, (size_t)st.st_size - *n);
			*n += got > 0 ? (size_t)got : 0;
		}
	}
	if (!text || got < 0)
		err = errno;
	else if (!got)
		err = EIO; /* truncated while it was read */
	close(fd);
	if (!err)
		return text;
	free(text);
	errno = err;
	return NULL;
}

static int add_state(void *arg, const struct eg_state *state)
{
	return eg_state_index_put(arg, state);
}

static int read_journal(struct eg_state_dir *dir, const struct eg_pos *pos, struct eg_errs *errs)
{
	struct eg_journal_read read;
	enum eg_state_fault fault;
	size_t n;
	char *text = eg_state_dir_read(dir, EG_STATE_JOURNAL, &n);

	if (!text && errno == ENOENT && !dir->journal)
		return 0;
	if (!text) {
		eg_error(errs, pos, "state_dir",
			 errno == ENOENT ? "%s/" EG_STATE_JOURNAL
					   ", which records how far keys were used, is "
					   "lost: " EG_STATE_REMEDY
					   ", for each SA in an empty folder"
					 : "%s/" EG_STATE_JOURNAL ": %s",
			 dir->path, strerror(errno));
		return -1;
	}
	fault = eg_journal_parse(text, n, add_state, &dir->index, &read);
	free(text);
	if (fault) {
		eg_error(errs, pos, "state_dir",
			 fault == EG_STATE_NEWER ? "%s/" EG_STATE_JOURNAL
						   " was written by a newer espgate: run that one"
						 : "%s/" EG_STATE_JOURNAL
						   ", which records how far keys were used, is "
						   "damaged: " EG_STATE_REMEDY
						   ", for each SA in an empty folder",
			 dir->path);
		return -1;
	}
	dir->number = read.number;
	return 0;
}

/* Two daemons on one directory would reuse sequence numbers. */
static int lock(struct eg_state_dir *dir, const struct eg_pos *pos, struct eg_errs *errs)
{
	char owner[32] = "";
	ssize_t n;

	dir->lock_fd =
		openat(dir->fd, EG_STATE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (dir->lock_fd < 0) {
		eg_error(errs, pos, "state_dir", "%s/" EG_STATE_LOCK ": %s", dir->path,
			 strerror(errno));
		return -1;
	}
	if (flock(dir->lock_fd, LOCK_EX | LOCK_NB)) {
		n = read(dir->lock_fd, owner, sizeof(owner) - 1);
		owner[n > 0 ? n : 0] = '\0';
		eg_error(errs, pos, "state_dir", "%s is in use by another espgate (process %d)",
			 dir->path, atoi(owner));
		return -1;
	}
	n = snprintf(owner, sizeof(owner), "%d\n", (int)getpid());
	/* The process id is informative only: the lock itself is what counts. */
	if (ftruncate(dir->lock_fd, 0) || pwrite(dir->lock_fd, owner, (size_t)n, 0) != n)
		return 0;
	return 0;
}

static int open_directory(struct eg_state_dir *dir, const struct eg_pos *pos, struct eg_errs *errs)
{
	struct stat st;

	dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0 && errno == ENOENT)
		eg_error(
			errs, pos, "state_dir",
			"%s does not exist: mkdir -m 700 it for new keys; if it was lost, the keys "
			"that used it must be replaced (espgate keygen)",
			dir->path);
	else if (dir->fd < 0 || fstat(dir->fd, &st))
		eg_error(errs, pos, "state_dir", "%s: %s", dir->path, strerror(errno));
	else if (st.st_mode & 022)
		eg_error(errs, pos, "state_dir",
			 "%s: mode %04o lets group or others write (chmod 700 it)", dir->path,
			 (unsigned)st.st_mode & 07777);
	else if (st.st_uid && st.st_uid != geteuid())
		eg_error(errs, pos, "state_dir",
			 "%s belongs to user %u, who can change its contents (chown it to the "
			 "user that runs espgate, or to root)",
			 dir->path, (unsigned)st.st_uid);
	else if (faccessat(dir->fd, ".", W_OK | X_OK, AT_EACCESS))
		eg_error(errs, pos, "state_dir", "%s cannot be written: %s", dir->path,
			 strerror(errno));
	else
		return 0;
	return -1;
}

/* The daemon writes a new journal at every start. */
static int begin_journal(struct eg_state_dir *dir, const struct eg_pos *pos, struct eg_errs *errs)
{
	int err = dir->read_only ? 0 : eg_state_dir_migrate(dir);

	if (err)
		eg_error(errs, pos, "state_dir", "%s/" EG_STATE_JOURNAL ": %s", dir->path,
			 strerror(-err));
	return err;
}

struct eg_state_dir *eg_state_dir_open(const char *path, bool read_only, const struct eg_pos *pos,
				       struct eg_errs *errs)
{
	struct eg_state_dir *dir = calloc(1, sizeof(*dir));

	if (dir) {
		dir->fd = dir->lock_fd = dir->journal_fd = -1;
		dir->read_only = read_only;
		dir->disk = (struct eg_state_disk){write_to_disk, sync_disk, NULL};
		dir->path = strdup(path);
		pthread_mutex_init(&dir->mutex, NULL);
	}
	if (!dir || !dir->path)
		eg_error(errs, pos, "state_dir", "out of memory");
	else if (!open_directory(dir, pos, errs) && (read_only || !lock(dir, pos, errs)) &&
		 !eg_state_dir_read_manifest(dir, pos, errs) && !read_journal(dir, pos, errs) &&
		 !begin_journal(dir, pos, errs))
		return dir;
	eg_state_dir_close(dir);
	return NULL;
}

void eg_state_dir_close(struct eg_state_dir *dir)
{
	if (!dir)
		return;
	if (dir->journal_fd >= 0)
		close(dir->journal_fd);
	if (dir->lock_fd >= 0)
		close(dir->lock_fd);
	if (dir->fd >= 0)
		close(dir->fd);
	pthread_mutex_destroy(&dir->mutex);
	eg_state_index_free(&dir->index);
	eg_vec_free(&dir->known);
	free(dir->path);
	free(dir);
}

void eg_state_dir_set_disk(struct eg_state_dir *dir, const struct eg_state_disk *disk)
{
	dir->disk = *disk;
}

/* The same key may belong to another SA. */
static bool is_same_sa(const struct eg_state *a, const struct eg_state *b)
{
	return a->inbound == b->inbound && a->spi == b->spi && !strcmp(a->suite, b->suite) &&
	       eg_ip_equal(&a->remote, &b->remote);
}

int eg_state_dir_check_same(const struct eg_state_dir *dir, const struct eg_state *found,
			    const struct eg_state *wants, const struct eg_pos *pos,
			    const char *conf_path, struct eg_errs *errs)
{
	char remote[EG_IP_TEXT];

	if (is_same_sa(found, wants))
		return 1;
	eg_error(errs, pos, conf_path,
		 "its key was used by another SA (SPI 0x%08x, %s, %s, remote %s; %s): make a new "
		 "key with espgate keygen",
		 found->spi, found->inbound ? "dir in" : "dir out", found->suite,
		 eg_ip_print(&found->remote, remote), dir->path);
	return -1;
}

int eg_state_dir_load(struct eg_state_dir *dir, const struct eg_state *wants,
		      const struct eg_pos *pos, const char *conf_path, struct eg_state *out,
		      struct eg_errs *errs)
{
	const struct eg_state *found;

	pthread_mutex_lock(&dir->mutex);
	found = eg_state_index_find(&dir->index, wants->key);
	if (found)
		*out = *found;
	pthread_mutex_unlock(&dir->mutex);
	return found ? eg_state_dir_check_same(dir, out, wants, pos, conf_path, errs)
		     : eg_state_dir_load_file(dir, wants, pos, conf_path, out, errs);
}
