/* Files and folders of Kubernetes objects. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "k8s/reader.h"

static int add_docs(struct eg_k8s *k8s, struct eg_tree *tree)
{
	for (const struct eg_node *doc = tree->docs; doc; doc = doc->next)
		eg_k8s_add_object(k8s, doc);
	eg_tree_free(tree);
	return k8s->failed ? -1 : 0;
}

int eg_k8s_add_text(struct eg_k8s *k8s, const char *text, size_t len, const char *name)
{
	eg_sym file = eg_k8s_sym(k8s, name); /* positions point to it as long as the world lives */
	struct eg_tree tree;

	if (!file || eg_tree_read_text(text, len, eg_sym_text(&k8s->world->syms, file),
				       &eg_tree_limits_k8s, &tree, k8s->errs)) {
		k8s->failed = true;
		return -1;
	}
	return add_docs(k8s, &tree);
}

static int add_file(struct eg_k8s *k8s, const char *path)
{
	eg_sym file = eg_k8s_sym(k8s, path);
	struct eg_tree tree;

	if (!file || eg_tree_read_file(eg_sym_text(&k8s->world->syms, file), &eg_tree_limits_k8s,
				       &tree, k8s->errs)) {
		k8s->failed = true;
		return -1;
	}
	if (eg_k8s_check_file(k8s, &tree, path)) {
		eg_tree_free(&tree);
		return -1;
	}
	return add_docs(k8s, &tree);
}

static int is_wanted(const struct dirent *entry)
{
	static const char *const endings[] = {".yaml", ".yml", ".json"};
	size_t n = strlen(entry->d_name);

	if (entry->d_name[0] == '.')
		return 0;
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (n > strlen(endings[i]) &&
		    !strcmp(entry->d_name + n - strlen(endings[i]), endings[i]))
			return 1;
	return 0;
}

/* By bytes: the order of errors must not depend on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_folder(struct eg_k8s *k8s, const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_wanted, by_name);

	if (n < 0) {
		eg_error(k8s->errs, &(struct eg_pos){path, 0, 0}, NULL, "%s", strerror(errno));
		k8s->failed = true;
		return -1;
	}
	if (!n)
		eg_warning(k8s->errs, &(struct eg_pos){path, 0, 0}, NULL,
			   "no *.yaml, *.yml or *.json in this folder");
	for (int i = 0; i < n; i++) {
		struct eg_buf file = {0};
		struct stat st;

		eg_buf_add(&file, "%s/%s", path, entries[i]->d_name);
		if (!file.v)
			eg_k8s_no_memory(k8s);
		else if (stat(file.v, &st) || !S_ISDIR(st.st_mode))
			add_file(k8s, file.v);
		eg_buf_free(&file);
		free(entries[i]);
	}
	free(entries);
	return k8s->failed ? -1 : 0;
}

int eg_k8s_add_path(struct eg_k8s *k8s, const char *path)
{
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return add_folder(k8s, path);
	return add_file(k8s, path);
}
