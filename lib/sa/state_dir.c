#include "sa/state_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "sa/journal.h"
#include "sa/state_index.h"

#define JOURNAL      "journal"
#define MANIFEST     "manifest"
#define LOCK         "lock"
#define NAME_MAX_LEN 64

/* The journal is rewritten when more than so much, and more than this many times all states, was
 * appended. */
#define APPENDED_BYTES (1u << 20)
#define APPENDED_TIMES 4

#define TO_DO "restore it from where it was, or make a new key with espgate keygen"

struct fingerprint {
	uint8_t bytes[EG_FINGERPRINT_BYTES];
};

struct eg_state_dir {
	char *path;
	int fd, lock_fd;
	bool read_only;
	EG_VEC(struct fingerprint) known; /* the manifest: sorted */
	bool journal;                     /* the manifest says that there is one */

	pthread_mutex_t mutex; /* the index: its writer saves, others load */
	struct eg_state_index index;

	/* The saver's. */
	struct eg_state_disk disk;
	int journal_fd;  /* to append to; -1: it must be rewritten */
	uint64_t number; /* of the last batch */
	size_t whole_bytes, appended_bytes;
};

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

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, EG_FINGERPRINT_BYTES);
}

static bool is_known(const struct eg_state_dir *dir, const uint8_t *key)
{
	return dir->known.n &&
	       bsearch(key, dir->known.v, dir->known.n, sizeof(struct fingerprint), by_bytes);
}

/* A whole file into memory that the caller frees; NULL with errno. All of it or nothing: of the
 * journal a last batch that was not written to its end does not count, and a disk that cannot be
 * read must not look like that. */
static char *slurp(const struct eg_state_dir *dir, const char *name, size_t *n)
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
		err = EIO; /* it got shorter */
	close(fd);
	if (!err)
		return text;
	free(text);
	errno = err;
	return NULL;
}

static const char *temporary(const char *name, char out[NAME_MAX_LEN])
{
	snprintf(out, NAME_MAX_LEN, "%s.tmp", name);
	return out;
}

/* The new text beside the old file. */
static int write_beside(const struct eg_state_dir *dir, const char *name, const char *text,
			size_t n)
{
	char tmp[NAME_MAX_LEN];
	int fd = openat(dir->fd, temporary(name, tmp),
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = 0;

	if (fd < 0)
		return -errno;
	/* The umask may have cleared bits, and an old file may have had more. */
	if (fchmod(fd, 0600) || eg_write_all(fd, text, n))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

/* The text is on disk before the name is: otherwise a power cut leaves an empty file. */
static int put_in_place(const struct eg_state_dir *dir, const char *name)
{
	char tmp[NAME_MAX_LEN];
	int fd = openat(dir->fd, temporary(name, tmp), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) || renameat(dir->fd, tmp, dir->fd, name))
		err = -errno;
	close(fd);
	return err;
}

static int sync_folder(const struct eg_state_dir *dir)
{
	return fsync(dir->fd) ? -errno : 0;
}

static int read_manifest(struct eg_state_dir *dir, const struct eg_pos *pos, struct eg_errs *errs)
{
	size_t size, n = 0;
	char *text = slurp(dir, MANIFEST, &size);
	enum eg_state_fault fault;

	if (!text && errno == ENOENT)
		return 0; /* a folder that is new */
	if (text)
		dir->known.v = calloc(size / EG_MANIFEST_LINE + 1, sizeof(struct fingerprint));
	if (!text || !dir->known.v) {
		eg_error(errs, pos, "state_dir", "%s/" MANIFEST ": %s", dir->path, strerror(errno));
		free(text);
		return -1;
	}
	fault = eg_manifest_parse(text, size, (uint8_t *)dir->known.v, &n, &dir->journal);
	free(text);
	if (fault) {
		eg_error(errs, pos, "state_dir",
			 fault == EG_STATE_NEWER
				 ? "%s/" MANIFEST ": written by a newer espgate: run that one"
				 : "%s/" MANIFEST ": damaged: what its keys were used for is not "
				   "certain; " TO_DO ", for each SA in an empty folder",
			 dir->path);
		return -1;
	}
	dir->known.n = dir->known.cap = n;
	qsort(dir->known.v, n, sizeof(struct fingerprint), by_bytes);
	return 0;
}

static int take_state(void *arg, const struct eg_state *state)
{
	return eg_state_index_put(arg, state);
}

static int read_journal(struct eg_state_dir *dir, const struct eg_pos *pos, struct eg_errs *errs)
{
	struct eg_journal_read read;
	enum eg_state_fault fault;
	size_t n;
	char *text = slurp(dir, JOURNAL, &n);

	if (!text && errno == ENOENT && !dir->journal)
		return 0;
	if (!text) {
		eg_error(errs, pos, "state_dir",
			 errno == ENOENT ? "%s/" JOURNAL ", which says how far keys were used, is "
					   "lost: " TO_DO ", for each SA in an empty folder"
					 : "%s/" JOURNAL ": %s",
			 dir->path, strerror(errno));
		return -1;
	}
	fault = eg_journal_parse(text, n, take_state, &dir->index, &read);
	free(text);
	if (fault) {
		eg_error(errs, pos, "state_dir",
			 fault == EG_STATE_NEWER
				 ? "%s/" JOURNAL " was written by a newer espgate: run that one"
				 : "%s/" JOURNAL
				   ", which says how far keys were used, is damaged: " TO_DO
				   ", for each SA in an empty folder",
			 dir->path);
		return -1;
	}
	dir->number = read.number;
	return 0;
}

/* One file of an earlier version. A watermark is never lowered. */
static int take_over(struct eg_state_dir *dir, const char *name)
{
	char expected[EG_FINGERPRINT_TEXT];
	struct eg_state state, *old;
	size_t n;
	char *text = slurp(dir, name, &n);
	bool whole = text && !eg_state_parse(text, n, &state) &&
		     !strcmp(eg_fingerprint_print(state.key, expected), name);

	free(text);
	if (!whole)
		return 0; /* eg_state_dir_load() reports it */
	old = eg_state_index_find(&dir->index, state.key);
	if (old && (old->seq > state.seq || old->iv > state.iv)) {
		state.seq = old->seq > state.seq ? old->seq : state.seq;
		state.iv = old->iv > state.iv ? old->iv : state.iv;
		state.bytes = old->bytes > state.bytes ? old->bytes : state.bytes;
	}
	return eg_state_index_put(&dir->index, &state);
}

static int each_old_file(struct eg_state_dir *dir, int (*act)(struct eg_state_dir *, const char *))
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *listing = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!listing) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (!err && (entry = readdir(listing))) {
		if (strlen(entry->d_name) == 2 * EG_FINGERPRINT_BYTES &&
		    strspn(entry->d_name, "0123456789abcdef") == 2 * EG_FINGERPRINT_BYTES)
			err = act(dir, entry->d_name);
	}
	closedir(listing);
	return err;
}

/* What is in the journal needs no file; other files stay, and eg_state_dir_load() reports them.
 */
static int drop_old(struct eg_state_dir *dir, const char *name)
{
	uint8_t key[EG_FINGERPRINT_BYTES];

	for (size_t i = 0; i < sizeof(key); i++) {
		unsigned byte;

		if (sscanf(name + 2 * i, "%2x", &byte) != 1)
			return 0;
		key[i] = (uint8_t)byte;
	}
	if (eg_state_index_find(&dir->index, key) && unlinkat(dir->fd, name, 0))
		return -errno;
	return 0;
}

/* Two daemons would give out the same numbers. */
static int lock(struct eg_state_dir *dir, const struct eg_pos *pos, struct eg_errs *errs)
{
	char owner[32] = "";
	ssize_t n;

	dir->lock_fd = openat(dir->fd, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (dir->lock_fd < 0) {
		eg_error(errs, pos, "state_dir", "%s/" LOCK ": %s", dir->path, strerror(errno));
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
	/* For people only: what counts is that the lock is held. */
	if (ftruncate(dir->lock_fd, 0) || pwrite(dir->lock_fd, owner, (size_t)n, 0) != n)
		return 0;
	return 0;
}

static int open_folder(struct eg_state_dir *dir, const struct eg_pos *pos, struct eg_errs *errs)
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
			 "%s belongs to user %u, who can change what stands in it (chown it to the "
			 "user that runs espgate, or to root)",
			 dir->path, (unsigned)st.st_uid);
	else if (faccessat(dir->fd, ".", W_OK | X_OK, AT_EACCESS))
		eg_error(errs, pos, "state_dir", "%s cannot be written: %s", dir->path,
			 strerror(errno));
	else
		return 0;
	return -1;
}

/* The manifest of what the journal does not have. */
static int write_manifest(struct eg_state_dir *dir)
{
	size_t n = 0, size;
	char *text;
	int err;

	for (size_t i = 0; i < dir->known.n; i++) {
		if (!eg_state_index_find(&dir->index, dir->known.v[i].bytes))
			dir->known.v[n++] = dir->known.v[i];
	}
	dir->known.n = n;
	size = eg_manifest_bytes(n);
	text = malloc(size);
	if (!text)
		return -ENOMEM;
	eg_manifest_render((const uint8_t *)dir->known.v, n, text);
	err = write_beside(dir, MANIFEST, text, size);
	free(text);
	if (!err)
		err = put_in_place(dir, MANIFEST);
	return err ? err : sync_folder(dir);
}

static int rewrite(struct eg_state_dir *dir, const struct eg_state *states, size_t n);

/* The journal as it is from here on, and what was there before it. */
static int begin_journal(struct eg_state_dir *dir, const struct eg_pos *pos, struct eg_errs *errs)
{
	const bool old = !dir->journal;
	int err = 0;

	if (dir->read_only)
		return 0;
	if (old)
		err = each_old_file(dir, take_over);
	if (!err)
		err = rewrite(dir, NULL, 0);
	if (!err && old) {
		err = write_manifest(dir);
		dir->journal = !err;
	}
	if (!err)
		err = each_old_file(dir, drop_old);
	if (err)
		eg_error(errs, pos, "state_dir", "%s/" JOURNAL ": %s", dir->path, strerror(-err));
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
	else if (!open_folder(dir, pos, errs) && (read_only || !lock(dir, pos, errs)) &&
		 !read_manifest(dir, pos, errs) && !read_journal(dir, pos, errs) &&
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

/* The same key, but was it the same SA? */
static bool is_same_sa(const struct eg_state *a, const struct eg_state *b)
{
	return a->inbound == b->inbound && a->spi == b->spi && !strcmp(a->suite, b->suite) &&
	       eg_ip_equal(&a->remote, &b->remote);
}

static int check_same(const struct eg_state_dir *dir, const struct eg_state *found,
		      const struct eg_state *wants, const struct eg_pos *pos, const char *conf_path,
		      struct eg_errs *errs)
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

/* From a file of a version before the journal that could not be migrated: read_only, or something
 * is wrong with it. */
static int load_old(struct eg_state_dir *dir, const struct eg_state *wants,
		    const struct eg_pos *pos, const char *conf_path, struct eg_state *out,
		    struct eg_errs *errs)
{
	char name[EG_FINGERPRINT_TEXT];
	enum eg_state_fault fault;
	size_t n;
	char *text;

	eg_fingerprint_print(wants->key, name);
	text = slurp(dir, name, &n);
	if (!text && errno == ENOENT && !is_known(dir, wants->key))
		return 0;
	if (!text) {
		eg_error(errs, pos, conf_path,
			 "%s/%s, which says how far its key was used, %s: " TO_DO, dir->path, name,
			 errno == ENOENT ? "is lost" : strerror(errno));
		return -1;
	}
	fault = eg_state_parse(text, n, out);
	free(text);
	if (fault == EG_STATE_NEWER)
		eg_error(errs, pos, conf_path,
			 "%s/%s was written by a newer espgate: run that one, or make a new key "
			 "with espgate keygen",
			 dir->path, name);
	else if (fault)
		eg_error(errs, pos, conf_path,
			 "%s/%s, which says how far its key was used, is damaged: " TO_DO,
			 dir->path, name);
	else if (memcmp(out->key, wants->key, sizeof(out->key)))
		eg_error(errs, pos, conf_path, "%s/%s is another key's file: " TO_DO, dir->path,
			 name);
	else
		return check_same(dir, out, wants, pos, conf_path, errs);
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
	return found ? check_same(dir, out, wants, pos, conf_path, errs)
		     : load_old(dir, wants, pos, conf_path, out, errs);
}

static int add_batch(struct eg_state_dir *dir, struct eg_buf *text, const struct eg_state *states,
		     size_t n)
{
	struct eg_journal_batch batch = eg_journal_begin(text, dir->number + 1);

	for (size_t i = 0; i < n; i++)
		eg_journal_add(&batch, &states[i]);
	dir->number++;
	return eg_journal_end(&batch);
}

/* Sync it, and the folder if it is a new file. */
static int write_text(const struct eg_state_dir *dir, int fd, const struct eg_buf *text)
{
	if (dir->disk.write(dir->disk.arg, fd, text->v, text->n) ||
	    dir->disk.sync(dir->disk.arg, fd))
		return -errno;
	return 0;
}

/* One batch of all known states, with these on top. */
static int add_all(struct eg_state_dir *dir, struct eg_buf *text, const struct eg_state *states,
		   size_t n)
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

static int rewrite(struct eg_state_dir *dir, const struct eg_state *states, size_t n)
{
	struct eg_buf text = {0};
	int fd, err;

	if (dir->journal_fd >= 0)
		close(dir->journal_fd);
	dir->journal_fd = -1;
	err = add_all(dir, &text, states, n);
	if (err) {
		eg_buf_free(&text);
		return err;
	}
	fd = openat(dir->fd, JOURNAL ".tmp",
		    O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		err = -errno;
	/* The umask may have cleared bits, and an old file may have had more. */
	if (!err && fchmod(fd, 0600))
		err = -errno;
	if (!err)
		err = write_text(dir, fd, &text);
	if (!err && renameat(dir->fd, JOURNAL ".tmp", dir->fd, JOURNAL))
		err = -errno;
	if (!err && dir->disk.sync(dir->disk.arg, dir->fd))
		err = -errno;
	if (!err) {
		dir->journal_fd = fd;
		dir->whole_bytes = text.n;
		dir->appended_bytes = 0;
	} else if (fd >= 0) {
		close(fd);
		unlinkat(dir->fd, JOURNAL ".tmp", 0);
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
		err = write_text(dir, dir->journal_fd, &text);
	/* A removed file preserves nothing. */
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
	err = anew ? rewrite(dir, states, n) : append(dir, states, n);
	if (err)
		return err;
	pthread_mutex_lock(&dir->mutex);
	for (size_t i = 0; i < n; i++)
		eg_state_index_put(&dir->index, &states[i]); /* its space is reserved */
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
