#include "sa/state_dir_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define NAME_MAX_LEN 64

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, EG_FINGERPRINT_BYTES);
}

static bool is_known(const struct eg_state_dir *dir, const uint8_t *key)
{
	return dir->known.n && bsearch(key, dir->known.v, dir->known.n,
				       sizeof(struct eg_state_fingerprint), by_bytes);
}

int eg_state_dir_read_manifest(struct eg_state_dir *dir, const struct eg_pos *pos,
			       struct eg_errs *errs)
{
	size_t size, n = 0;
	char *text = eg_state_dir_read(dir, EG_STATE_MANIFEST, &size);
	enum eg_state_fault fault;

	if (!text && errno == ENOENT)
		return 0; /* a new directory */
	if (text)
		dir->known.v =
			calloc(size / EG_MANIFEST_LINE + 1, sizeof(struct eg_state_fingerprint));
	if (!text || !dir->known.v) {
		eg_error(errs, pos, "state_dir", "%s/" EG_STATE_MANIFEST ": %s", dir->path,
			 strerror(errno));
		free(text);
		return -1;
	}
	fault = eg_manifest_parse(text, size, (uint8_t *)dir->known.v, &n, &dir->journal);
	free(text);
	if (fault) {
		eg_error(errs, pos, "state_dir",
			 fault == EG_STATE_NEWER ? "%s/" EG_STATE_MANIFEST
						   ": written by a newer espgate: run that one"
						 : "%s/" EG_STATE_MANIFEST
						   ": damaged: how far its keys were used is "
						   "unknown; " EG_STATE_REMEDY
						   ", for each SA in an empty folder",
			 dir->path);
		return -1;
	}
	dir->known.n = dir->known.cap = n;
	qsort(dir->known.v, n, sizeof(struct eg_state_fingerprint), by_bytes);
	return 0;
}

static const char *temporary(const char *name, char out[NAME_MAX_LEN])
{
	snprintf(out, NAME_MAX_LEN, "%s.tmp", name);
	return out;
}

/* Write the new text next to the old file. */
static int write_temporary(const struct eg_state_dir *dir, const char *name, const char *text,
			   size_t n)
{
	char tmp[NAME_MAX_LEN];
	int fd = openat(dir->fd, temporary(name, tmp),
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = 0;

	if (fd < 0)
		return -errno;
	/* The umask may have removed bits, and an old file may have had more. */
	if (fchmod(fd, 0600) || eg_write_all(fd, text, n))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

/* Sync the text before the rename: otherwise a power failure could leave an empty file. */
static int rename_temporary(const struct eg_state_dir *dir, const char *name)
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

static int sync_directory(const struct eg_state_dir *dir)
{
	return fsync(dir->fd) ? -errno : 0;
}

/* Migrate one per-key file. Watermarks never go backwards. */
static int migrate_file(struct eg_state_dir *dir, const char *name)
{
	char expected[EG_FINGERPRINT_TEXT];
	struct eg_state state, *old;
	size_t n;
	char *text = eg_state_dir_read(dir, name, &n);
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

static int for_each_key_file(struct eg_state_dir *dir,
			     int (*act)(struct eg_state_dir *, const char *))
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

/* Remove a file whose state is in the journal. Others stay for eg_state_dir_load() to report. */
static int remove_migrated(struct eg_state_dir *dir, const char *name)
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

/* List the keys that the journal does not have. */
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
	err = write_temporary(dir, EG_STATE_MANIFEST, text, size);
	free(text);
	if (!err)
		err = rename_temporary(dir, EG_STATE_MANIFEST);
	return err ? err : sync_directory(dir);
}

int eg_state_dir_migrate(struct eg_state_dir *dir)
{
	const bool old = !dir->journal;
	int err = old ? for_each_key_file(dir, migrate_file) : 0;

	if (!err)
		err = eg_state_dir_rewrite(dir, NULL, 0);
	if (!err && old) {
		err = write_manifest(dir);
		dir->journal = !err;
	}
	return err ? err : for_each_key_file(dir, remove_migrated);
}

int eg_state_dir_load_file(struct eg_state_dir *dir, const struct eg_state *wants,
			   const struct eg_pos *pos, const char *conf_path, struct eg_state *out,
			   struct eg_errs *errs)
{
	char name[EG_FINGERPRINT_TEXT];
	enum eg_state_fault fault;
	size_t n;
	char *text;

	eg_fingerprint_print(wants->key, name);
	text = eg_state_dir_read(dir, name, &n);
	if (!text && errno == ENOENT && !is_known(dir, wants->key))
		return 0;
	if (!text) {
		eg_error(errs, pos, conf_path,
			 "%s/%s, which records how far its key was used, %s: " EG_STATE_REMEDY,
			 dir->path, name, errno == ENOENT ? "is lost" : strerror(errno));
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
			 "%s/%s, which records how far its key was used, is "
			 "damaged: " EG_STATE_REMEDY,
			 dir->path, name);
	else if (memcmp(out->key, wants->key, sizeof(out->key)))
		eg_error(errs, pos, conf_path, "%s/%s is another key's file: " EG_STATE_REMEDY,
			 dir->path, name);
	else
		return eg_state_dir_check_same(dir, out, wants, pos, conf_path, errs);
	return -1;
}
