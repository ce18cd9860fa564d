#include "sa/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/vec.h"

#define MANIFEST     "manifest"
#define LOCK         "lock"
#define NAME_MAX_LEN 64
#define TO_DO        "restore it from where it was, or make a new key with espgate keygen"

struct fingerprint {
	uint8_t bytes[EG_FINGERPRINT_BYTES];
};

struct eg_state_dir {
	char *path;
	int fd, lock_fd;
	bool read_only;
	EG_VEC(struct fingerprint) known; /* the manifest: sorted */
};

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, EG_FINGERPRINT_BYTES);
}

static bool is_known(const struct eg_state_dir *dir, const uint8_t *key)
{
	return dir->known.n &&
	       bsearch(key, dir->known.v, dir->known.n, sizeof(struct fingerprint), by_bytes);
}

/* A whole file into memory that the caller frees; NULL with errno. */
static char *slurp(const struct eg_state_dir *dir, const char *name, size_t *n)
{
	int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	char *text = NULL;
	ssize_t got;

	*n = 0;
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st)) {
		text = malloc((size_t)st.st_size + 1);
		while (text && *n < (size_t)st.st_size &&
		       (got = read(fd, text + *n, (size_t)st.st_size - *n)) > 0)
			*n += (size_t)got;
	}
	close(fd);
	return text;
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
	/* The umask may have taken bits off, and an old one may have had more. */
	if (fchmod(fd, 0600) || eg_write_all(fd, text, n))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

/* The text is on the disk before the name is: else a power cut leaves an empty file under it. */
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
	fault = eg_manifest_parse(text, size, (uint8_t *)dir->known.v, &n);
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
	/* Only told to people: that the lock is held is what counts. */
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
	else
		return 0;
	return -1;
}

struct eg_state_dir *eg_state_dir_open(const char *path, bool read_only, const struct eg_pos *pos,
				       struct eg_errs *errs)
{
	struct eg_state_dir *dir = calloc(1, sizeof(*dir));

	if (dir) {
		dir->fd = dir->lock_fd = -1;
		dir->read_only = read_only;
		dir->path = strdup(path);
	}
	if (!dir || !dir->path)
		eg_error(errs, pos, "state_dir", "out of memory");
	else if (!open_folder(dir, pos, errs) && (read_only || !lock(dir, pos, errs)) &&
		 !read_manifest(dir, pos, errs))
		return dir;
	eg_state_dir_close(dir);
	return NULL;
}

void eg_state_dir_close(struct eg_state_dir *dir)
{
	if (!dir)
		return;
	if (dir->lock_fd >= 0)
		close(dir->lock_fd);
	if (dir->fd >= 0)
		close(dir->fd);
	eg_vec_free(&dir->known);
	free(dir->path);
	free(dir);
}

/* The same key, but was it the same SA? */
static bool is_same_sa(const struct eg_state *a, const struct eg_state *b)
{
	return a->spi == b->spi && !strcmp(a->suite, b->suite) &&
	       eg_ip_equal(&a->remote, &b->remote);
}

int eg_state_dir_load(struct eg_state_dir *dir, const struct eg_state *wants,
		      const struct eg_pos *pos, const char *conf_path, struct eg_state *out,
		      struct eg_errs *errs)
{
	char name[EG_FINGERPRINT_TEXT], remote[EG_IP_TEXT];
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
	else if (!is_same_sa(out, wants))
		eg_error(errs, pos, conf_path,
			 "its key was used by another SA (SPI 0x%08x, %s, remote %s; %s/%s): make "
			 "a new key with espgate keygen",
			 out->spi, out->suite, eg_ip_print(&out->remote, remote), dir->path, name);
	else
		return 1;
	return -1;
}

/* Add the keys that were not there, and write it. */
static int save_manifest(struct eg_state_dir *dir, const struct eg_state *states, size_t n)
{
	size_t before = dir->known.n, size;
	char *text;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		struct fingerprint *slot;
		bool known = before && bsearch(states[i].key, dir->known.v, before,
					       sizeof(struct fingerprint), by_bytes);

		if (known)
			continue;
		slot = eg_vec_add(&dir->known);
		if (slot)
			memcpy(slot->bytes, states[i].key, sizeof(slot->bytes));
		else
			err = -ENOMEM;
	}
	if (dir->known.n == before || err)
		goto out;
	size = eg_manifest_bytes(dir->known.n);
	text = malloc(size);
	if (text) {
		eg_manifest_render((const uint8_t *)dir->known.v, dir->known.n, text);
		err = write_beside(dir, MANIFEST, text, size);
		free(text);
	} else {
		err = -ENOMEM;
	}
	if (!err)
		err = put_in_place(dir, MANIFEST);
	if (!err)
		err = sync_folder(dir);
out:
	if (err) /* they are added again by the next try */
		dir->known.n = before;
	else if (dir->known.n > before)
		qsort(dir->known.v, dir->known.n, sizeof(struct fingerprint), by_bytes);
	return err;
}

int eg_state_dir_save(struct eg_state_dir *dir, const struct eg_state *states, size_t n)
{
	char text[EG_STATE_TEXT_MAX], name[EG_FINGERPRINT_TEXT];
	int err = 0;

	if (dir->read_only)
		return -EROFS;
	/* All are written before the first is waited for: the disk takes them together. */
	for (size_t i = 0; i < n && !err; i++) {
		size_t len = eg_state_render(&states[i], text);

		err = write_beside(dir, eg_fingerprint_print(states[i].key, name), text, len);
	}
	for (size_t i = 0; i < n && !err; i++)
		err = put_in_place(dir, eg_fingerprint_print(states[i].key, name));
	if (!err && n)
		err = sync_folder(dir);
	return err ? err : save_manifest(dir, states, n);
}
