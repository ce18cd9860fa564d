/* Directories of Kubernetes objects, written by hand, mounted from a ConfigMap or synced by
 * git-sync. */
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
	struct eg_intern seen; /* keys: device and inode */
	size_t n_names, n_files;
};

static int fail(struct eg_k8s *k8s, const char *path, const char *what)
{
	/* Interned in the cluster, because positions outlive the walk. */
	eg_sym file = eg_k8s_sym(k8s, path);

	eg_error(k8s->errs, &(struct eg_pos){eg_sym_text(&k8s->cluster->syms, file), 0, 0}, NULL,
		 "%s", what);
	k8s->failed = true;
	return -1;
}

static bool has_object_suffix(const char *path)
{
	static const char *const suffixes[] = {".yaml", ".yml", ".json"};
	const char *name = strrchr(path, '/') + 1;
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
		if (n > strlen(suffixes[i]) && !strcmp(name + n - strlen(suffixes[i]), suffixes[i]))
			return true;
	return false;
}

/* Bytewise: the order of errors must not depend on the locale. */
static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static void free_entries(struct entries *entries)
{
	eg_vec_foreach (entry, entries)
		free(entry->path);
	eg_vec_free(entries);
}

/* Add subdirectories and everything with the suffix of an object file. An unreadable file is added
 * as well, so that it is reported and not skipped. */
static int add_entry(struct walk *walk, const char *directory, const char *name,
		     struct entries *entries)
{
	struct eg_buf path = {0};
	struct entry *entry;
	struct stat st = {0};

	eg_buf_add(&path, "%s/%s", directory, name);
	if (!path.v) {
		eg_k8s_no_memory(walk->k8s);
		return -1;
	}
	if ((!stat(path.v, &st) && S_ISDIR(st.st_mode)) || has_object_suffix(path.v)) {
		entry = eg_vec_add(entries);
		if (entry) {
			*entry = (struct entry){path.v, st};
			return 0;
		}
		eg_k8s_no_memory(walk->k8s);
	}
	eg_buf_free(&path);
	return walk->k8s->out_of_memory ? -1 : 0;
}

static int list_directory(struct walk *walk, const char *path, struct entries *entries)
{
	DIR *dir = opendir(path);
	struct dirent *it;
	int err = 0;

	if (!dir)
		return fail(walk->k8s, path, strerror(errno));
	while (!err && (errno = 0, it = readdir(dir))) {
		if (it->d_name[0] == '.')
			continue;
		err = ++walk->n_names > EG_K8S_DIRECTORY_FILES_MAX
			      ? fail(walk->k8s, path, "too many files in this directory")
			      : add_entry(walk, path, it->d_name, entries);
	}
	if (!err && errno)
		err = fail(walk->k8s, path, strerror(errno));
	closedir(dir);
	if (entries->n)
		qsort(entries->v, entries->n, sizeof(*entries->v), compare_paths);
	return err;
}

/* True on the first visit. */
static bool first_visit(struct walk *walk, const struct stat *st)
{
	uint64_t dev = st->st_dev, ino = st->st_ino;
	uint32_t key[4] = {(uint32_t)dev, (uint32_t)(dev >> 32), (uint32_t)ino,
			   (uint32_t)(ino >> 32)};
	size_t before = eg_intern_count(&walk->seen);

	if (eg_intern_add(&walk->seen, key, 4) == EG_INTERN_FAILED)
		eg_k8s_no_memory(walk->k8s);
	return eg_intern_count(&walk->seen) > before;
}

/* The directory that a path refers to, and the target of ..data inside it (a mounted ConfigMap).
 * Both change when the content is replaced. */
struct identity {
	struct stat directory, data;
};

static void identify(const char *path, struct identity *identity)
{
	struct eg_buf data = {0};

	*identity = (struct identity){0};
	eg_buf_add(&data, "%s/..data", path);
	if (stat(path, &identity->directory))
		identity->directory.st_ino = 0;
	if (!data.v || stat(data.v, &identity->data))
		identity->data.st_ino = 0;
	eg_buf_free(&data);
}

static bool same_identity(const struct identity *a, const struct identity *b)
{
	return a->directory.st_dev == b->directory.st_dev &&
	       a->directory.st_ino == b->directory.st_ino && a->data.st_dev == b->data.st_dev &&
	       a->data.st_ino == b->data.st_ino;
}

static int walk_directory(struct walk *walk, const char *path, unsigned depth);

static void walk_entry(struct walk *walk, const struct entry *entry, unsigned depth)
{
	bool directory = S_ISDIR(entry->st.st_mode);

	/* No inode: the file was not found; reading it reports why. */
	if (entry->st.st_ino && !first_visit(walk, &entry->st)) {
		if (directory)
			eg_warning(walk->k8s->errs, NULL, NULL,
				   "%s: leads to a directory that has already been read",
				   entry->path);
	} else if (directory) {
		walk_directory(walk, entry->path, depth + 1);
	} else {
		walk->n_files++;
		eg_k8s_add_file(walk->k8s, entry->path);
	}
}

static int walk_directory(struct walk *walk, const char *path, unsigned depth)
{
	struct entries entries = {0};
	struct identity before, after;
	int err;

	if (depth > EG_K8S_DIRECTORY_DEPTH_MAX)
		return fail(walk->k8s, path, "directories are nested too deeply");
	identify(path, &before);
	err = list_directory(walk, path, &entries);
	for (size_t i = 0; !err && i < entries.n && !walk->k8s->out_of_memory; i++)
		walk_entry(walk, &entries.v[i], depth);
	free_entries(&entries);
	identify(path, &after);
	/* A mix of files from two versions is neither version. */
	if (!err && !same_identity(&before, &after))
		err = fail(walk->k8s, path, "was replaced while being read: reload again");
	return err;
}

int eg_k8s_add_directory(struct eg_k8s *k8s, const char *path)
{
	struct walk walk = {.k8s = k8s};
	struct stat st;

	if (!stat(path, &st))
		first_visit(&walk, &st);
	if (!walk_directory(&walk, path, 1) && !walk.n_files)
		eg_warning(k8s->errs, &(struct eg_pos){path, 0, 0}, NULL,
			   "no *.yaml, *.yml or *.json in this directory");
	eg_intern_free(&walk.seen);
	return k8s->failed ? -1 : 0;
}
