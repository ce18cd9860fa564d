/* Loads Kubernetes objects from texts and files. */
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
	eg_sym file = eg_k8s_sym(k8s, name); /* interned, because positions refer to it */
	struct eg_tree tree;

	if (!file || eg_tree_read_text(text, len, eg_sym_text(&k8s->cluster->syms, file),
				       &eg_tree_limits_k8s, &tree, k8s->errs)) {
		k8s->failed = true;
		return -1;
	}
	return add_docs(k8s, &tree);
}

int eg_k8s_add_file(struct eg_k8s *k8s, const char *path)
{
	eg_sym file = eg_k8s_sym(k8s, path);
	struct eg_tree tree;

	if (!file || eg_tree_read_file(eg_sym_text(&k8s->cluster->syms, file), &eg_tree_limits_k8s,
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

int eg_k8s_add_path(struct eg_k8s *k8s, const char *path)
{
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return eg_k8s_add_directory(k8s, path);
	return eg_k8s_add_file(k8s, path);
}
