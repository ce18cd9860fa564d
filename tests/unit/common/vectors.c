#include "common/vectors.h"

#include "common/hex.h"
#include "common/test.h"

struct eg_tree vectors_read(const char *name)
{
	static char path[4096]; /* positions in the tree refer to it */
	const char *folder = getenv("EG_VECTORS");
	struct eg_errs errs = {0};
	struct eg_tree tree;

	if (!folder)
		fail_msg("EG_VECTORS is not set: run by meson test, or set it to tests/vectors");
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (eg_tree_read_file(path, &eg_tree_limits_k8s, &tree, &errs)) {
		eg_errs_print(&errs, stderr);
		fail_msg("cannot read %s", path);
	}
	assert_int_equal(tree.n_docs, 1);
	return tree;
}

const char *vectors_text(const struct eg_node *entry, const char *key)
{
	const struct eg_node *node = eg_node_get(entry, key);

	if (!node || !node->text)
		fail_msg("vector at line %u has no %s", entry->pos.line, key);
	return node->text;
}

size_t vectors_bytes(const struct eg_node *entry, const char *key, uint8_t *out, size_t max)
{
	return hex_bytes(vectors_text(entry, key), out, max);
}
