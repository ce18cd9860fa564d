/* Builds nodes from libyaml's events. Private to the tree reader.
 *
 * A stack of frames holds the open containers. The bottom frame stands for the stream, so a
 * document is a child like any other. Each event adds one node to the top frame. There is no
 * recursion: depth costs heap, and little of it.
 *
 * Life cycle: eg_tree_builder_init() -> eg_tree_builder_event() for each -> eg_tree_builder_free().
 * Nodes live in the arena, which outlives the builder. */
#ifndef EG_CONF_TREE_BUILD_H
#define EG_CONF_TREE_BUILD_H

#include <yaml.h>

#include "base/vec.h"
#include "conf/tree.h"

/* An open container. */
struct eg_tree_frame {
	struct eg_node *node;
	struct eg_node **tail; /* where to link its next child */
	const char *key;       /* in a map: a key whose value has not been read yet */
	struct eg_pos key_pos;
	unsigned height; /* of its tallest child */
	size_t n_before; /* node count when it was opened */
	size_t anchor;   /* 1 + its index in anchors; 0: none */
};

struct eg_tree_anchor {
	const char *name;
	const struct eg_node *node;
	size_t weight;   /* nodes it stands for, including itself */
	unsigned height; /* levels of nested containers; 0 for a scalar */
	bool open;       /* its end has not been read yet */
};

struct eg_tree_builder {
	const struct eg_tree_limits *limits;
	const char *file;
	struct eg_errs *errs;
	struct eg_arena *arena;
	struct eg_node stream; /* stands for the stream; documents are its children */
	EG_VEC(struct eg_tree_frame) stack;
	EG_VEC(struct eg_tree_anchor) anchors; /* per document; later ones win */
	EG_VEC(const struct eg_node *) by_key; /* scratch of check_duplicates() */
	size_t n_nodes;                        /* with aliases expanded */
	unsigned n_aliases;
};

/* Set limits, file, errs and arena first. Returns 0, or -1 if out of memory. */
int eg_tree_builder_init(struct eg_tree_builder *b);

/* Process one event, which the caller still owns. Returns 0, or -1 after an error that ends
 * parsing; other errors are only reported. */
int eg_tree_builder_event(struct eg_tree_builder *b, const yaml_event_t *event);

void eg_tree_builder_free(struct eg_tree_builder *b);

#endif
