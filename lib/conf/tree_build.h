/* From libyaml's events to nodes. Private to the tree reader.
 *
 * A stack of frames holds the containers that are open; the bottom frame stands for the stream, so
 * a document is a child like any other. Each event adds one node to the frame on top. Nothing
 * recurses: depth costs heap, and little of it.
 *
 * Life cycle: eg_tree_builder_init() -> eg_tree_builder_event() for each -> eg_tree_builder_free().
 * Nodes live in the arena, which outlives the builder. */
#ifndef EG_CONF_TREE_BUILD_H
#define EG_CONF_TREE_BUILD_H

#include <yaml.h>

#include "base/vec.h"
#include "conf/tree.h"

/* A container that is open. */
struct eg_tree_frame {
	struct eg_node *node;
	struct eg_node **tail; /* where its next child is linked */
	const char *key;       /* in a map: read, and its value not yet */
	struct eg_pos key_pos;
	unsigned height; /* of its highest child */
	size_t n_before; /* nodes counted when it began */
	size_t anchor;   /* 1 + its index in anchors, 0: none */
};

struct eg_tree_anchor {
	const char *name;
	const struct eg_node *node;
	size_t weight;   /* nodes it stands for, itself included */
	unsigned height; /* containers one inside another; a scalar's is 0 */
	bool open;       /* its end was not read yet */
};

struct eg_tree_builder {
	const struct eg_tree_limits *limits;
	const char *file;
	struct eg_errs *errs;
	struct eg_arena *arena;
	struct eg_node stream; /* stands for the stream: documents are its children */
	EG_VEC(struct eg_tree_frame) stack;
	EG_VEC(struct eg_tree_anchor) anchors; /* of this document, later ones shadow earlier */
	EG_VEC(const struct eg_node *) by_key; /* scratch of check_duplicates() */
	size_t n_nodes;                        /* with what aliases stand for */
	unsigned n_aliases;
};

/* Fill in limits, file, errs and arena before. 0, or -1 where memory is short. */
int eg_tree_builder_init(struct eg_tree_builder *b);

/* Take one event, which stays the caller's. 0, or -1 after an error that ends the reading; other
 * errors are only reported. */
int eg_tree_builder_event(struct eg_tree_builder *b, const yaml_event_t *event);

void eg_tree_builder_free(struct eg_tree_builder *b);

#endif
