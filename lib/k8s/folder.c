/* Folders of Kubernetes objects, as people, ConfigMap mounts and git-sync make them. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "k8s/reader.h"

struct entry {
	char *path;
	struct stat st;
};

struct entries {
	struct entry *v;
	size_t n, cap;
};

struct walk {
	struct eg_k8s *k8s;
	struct eg_intern seen; /* devices and inodes */
	size_t n_names, n_files;
};

static int fail(struct eg_k8s *k8s, const char *path, const char *what)
{
	/* The world's copy: positions outlive the walk. */
	eg_sym file = eg_k8s_sym(k8s, path);

	eg_error(k8s->errs, &(struct eg_pos){eg_sym_text(&k8s->world->syms, file), 0, 0}, NULL,
		 "%s", what);
	k8s->failed = true;
	return -1;
}

static bool has_ending(const char *path)
{
	static const char *const endings[] = {".yaml", ".yml", ".json"};
	const char *name = strrchr(path, '/') + 1;
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (n > strlen(endings[i]) && !strcmp(name + n - strlen(endings[i]), endings[i]))
			return true;
	return false;
}

/* By bytes: the order of errors must not depend on the locale. */
static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static void free_entries(struct entries *entries)
{
	eg_vec_foreach (entry, entries)
		free(entry->path);
	eg_vec_free(entries);
}

/* A name that is read: a folder, or anything that is called like a file of objects, so that one
 * that cannot be read is an error and not skipped. */
static int add_entry(struct walk *walk, const char *folder, const char *name,
		     struct entries *entries)
{
	struct eg_buf path = {0};
	struct entry *entry;
	struct stat st = {0};

	eg_buf_add(&path, "%s/%s", folder, name);
	if (!path.v) {
		eg_k8s_no_memory(walk->k8s);
		return -1;
	}
	if ((!stat(path.v, &st) && S_ISDIR(st.st_mode)) || has_ending(path.v)) {
		entry = eg_vec_add(entries);
		if (entry) {
			*entry = (struct entry){path.v, st};
			return 0;
		}
		eg_k8s_no_memory(walk->k8s);
	}
	eg_buf_free(&path);
	return walk->k8s->starved ? -1 : 0;
}

static int list(struct walk *walk, const char *path, struct entries *entries)
{
	DIR *dir = opendir(path);
	struct dirent *it;
	int err = 0;

	if (!dir)
		return fail(walk->k8s, path, strerror(errno));
	while (!err && (errno = 0, it = readdir(dir))) {
		if (it->d_name[0] == '.')
			continue;
		err = ++walk->n_names > EG_K8S_FOLDER_FILES
			      ? fail(walk->k8s, path, "too many files in this folder")
			      : add_entry(walk, path, it->d_name, entries);
	}
	if (!err && errno)
		err = fail(walk->k8s, path, strerror(errno));
	closedir(dir);
	if (entries->n)
		qsort(entries->v, entries->n, sizeof(*entries->v), by_path);
	return err;
}

/* True the first time. */
static bool is_new(struct walk *walk, const struct stat *st)
{
	uint64_t dev = st->st_dev, ino = st->st_ino;
	uint32_t key[4] = {(uint32_t)dev, (uint32_t)(dev >> 32), (uint32_t)ino,
			   (uint32_t)(ino >> 32)};
	size_t before = eg_intern_count(&walk->seen);

	if (eg_intern_add(&walk->seen, key, 4) == EG_INTERN_FAILED)
		eg_k8s_no_memory(walk->k8s);
	return eg_intern_count(&walk->seen) > before;
}

/* What a folder's name stands for now: it, and what ..data in it names (a mounted ConfigMap). Both
 * are replaced by another link when the content changes. */
struct identity {
	struct stat folder, data;
};

static void identify(const char *path, struct identity *identity)
{
	struct eg_buf data = {0};

	*identity = (struct identity){0};
	eg_buf_add(&data, "%s/..data", path);
	if (stat(path, &identity->folder))
		identity->folder.st_ino = 0;
	if (!data.v || stat(data.v, &identity->data))
		identity->data.st_ino = 0;
	eg_buf_free(&data);
}

static bool same(const struct identity *a, const struct identity *b)
{
	return a->folder.st_dev == b->folder.st_dev && a->folder.st_ino == b->folder.st_ino &&
	       a->data.st_dev == b->data.st_dev && a->data.st_ino == b->data.st_ino;
}

static int walk_folder(struct walk *walk, const char *path, unsigned depth);

static void walk_entry(struct walk *walk, const struct entry *entry, unsigned depth)
{
	bool folder = S_ISDIR(entry->st.st_mode);

	/* What cannot be found has no inode; reading it says why. */
	if (entry->st.st_ino && !is_new(walk, &entry->st)) {
		if (folder)
			eg_warning(walk->k8s->errs, NULL, NULL,
				   "%s: leads to a folder that is read already", entry->path);
	} else if (folder) {
		walk_folder(walk, entry->path, depth + 1);
	} else {
		walk->n_files++;
		eg_k8s_add_file(walk->k8s, entry->path);
	}
}

static int walk_folder(struct walk *walk, const char *path, unsigned depth)
{
	struct entries entries = {0};
	struct identity before, after;
	int err;

	if (depth > EG_K8S_FOLDER_DEPTH)
		return fail(walk->k8s, path, "folders are nested too deep");
	identify(path, &before);
	err = list(walk, path, &entries);
	for (size_t i = 0; !err && i < entries.n && !walk->k8s->starved; i++)
		walk_entry(walk, &entries.v[i], depth);
	free_entries(&entries);
	identify(path, &after);
	/* Files of two states together are the state of neither. */
	if (!err && !same(&before, &after))
		err = fail(walk->k8s, path, "was replaced while it was read: reload again");
	return err;
}

int eg_k8s_add_folder(struct eg_k8s *k8s, const char *path)
{
	struct walk walk = {.k8s = k8s};
	struct stat st;

	if (!stat(path, &st))
		is_new(&walk, &st);
	if (!walk_folder(&walk, path, 1) && !walk.n_files)
		eg_warning(k8s->errs, &(struct eg_pos){path, 0, 0}, NULL,
			   "no *.yaml, *.yml or *.json in this folder");
	eg_intern_free(&walk.seen);
	return k8s->failed ? -1 : 0;
}
