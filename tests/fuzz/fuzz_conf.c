/* Arbitrary bytes as a configuration file and as a kubectl dump: both readers must accept or reject
 * them within their limits, and report something if they reject. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"
#include "conf/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

/* Read the whole tree; returns the number of nodes. */
static size_t walk(const struct eg_node *node)
{
	size_t n = 0;

	for (; node; node = node->next) {
		size_t children = 0;

		require(node->pos.line && node->pos.column);
		require((node->kind == EG_NODE_SCALAR) == (node->text != NULL));
		require(!node->text || strlen(node->text) < SIZE_MAX);
		require(!node->key || node->key_pos.line);
		for (const struct eg_node *child = node->child; child; child = child->next)
			children++;
		require(children == node->n_children);
		n += 1 + walk(node->child);
	}
	return n;
}

static void check_messages(const struct eg_errs *errs)
{
	eg_vec_foreach (msg, &errs->msgs) {
		for (const unsigned char *p = (const unsigned char *)msg->text; *p; p++)
			require(*p >= 0x20 && *p != 0x7f);
	}
}

static void read_as_tree(const char *text, size_t size, const struct eg_tree_limits *limits)
{
	struct eg_errs errs = {0};
	struct eg_tree tree;
	int ret = eg_tree_read_text(text, size, "fuzz", limits, &tree, &errs);

	require(!ret == !errs.n_errors);
	require(walk(tree.docs) <= limits->nodes);
	check_messages(&errs);
	eg_tree_free(&tree);
	eg_errs_free(&errs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Small enough for the fuzzer to reach. */
	static const struct eg_tree_limits tight = {
		.bytes = 4096, .nodes = 200, .depth = 6, .aliases = 5};
	struct eg_errs errs = {0};
	struct eg_config *config;
	char *text = malloc(size ? size : 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	config = eg_config_parse(text, size, "dir/fuzz", &errs);
	require(!config == (errs.n_errors > 0));
	check_messages(&errs);
	eg_config_free(config);
	eg_errs_free(&errs);
	read_as_tree(text, size, &eg_tree_limits_k8s);
	read_as_tree(text, size, &tight);
	free(text);
	return 0;
}
