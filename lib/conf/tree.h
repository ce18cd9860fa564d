/* YAML (and so JSON) text as a small tree that remembers where everything stood.
 *
 * Life cycle: eg_tree_read_*() -> walk -> eg_tree_free(). All nodes and texts belong to the tree.
 * Built on libyaml's event API: the document API hangs on hostile input. Hostile text is refused
 * in bounded time and memory by eg_tree_limits. An alias shares the children of what it names, so
 * nodes are read-only. The control thread's; not thread-safe. */
#ifndef EG_CONF_TREE_H
#define EG_CONF_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/arena.h"

enum eg_node_kind {
	EG_NODE_SCALAR,
	EG_NODE_SEQ,
	EG_NODE_MAP,
};

struct eg_node {
	enum eg_node_kind kind;
	bool plain;        /* a scalar without quotes: 80 and not "80", null and not "null" */
	struct eg_pos pos; /* of the value; of an alias where it is used */
	const char *key;   /* inside a map: its key, else NULL */
	struct eg_pos key_pos;
	const char *text;      /* a scalar's text without NUL inside, else NULL */
	struct eg_node *child; /* first of a sequence's items or a map's values, in written order */
	struct eg_node *next;  /* sibling */
	size_t n_children;
};

struct eg_tree_limits {
	size_t bytes; /* of text */
	size_t nodes; /* after aliases are expanded */
	unsigned depth;
	unsigned aliases; /* alias uses */
	bool any_text;    /* what JSON allows in text and YAML does not is read as U+FFFD */
	bool files_only;  /* a FIFO, a device or a socket is refused before it is read */
};

/* For configuration files: 64 MiB, 4 M nodes, depth 32, 100 aliases. EG_CONF_PEERS_MAX peers with
 * their SAs fit (about 30 nodes and 400 bytes each). */
extern const struct eg_tree_limits eg_tree_limits_config;

/* For kubectl dumps of 100,000 objects: 256 MiB, 20 M nodes, depth 64, no alias; any
 * text, files only. */
extern const struct eg_tree_limits eg_tree_limits_k8s;

struct eg_tree {
	struct eg_node *docs; /* one a document, linked by next; empty or null ones are left out */
	size_t n_docs;
	bool blank;    /* nothing but white space */
	bool open_end; /* the last line has no end: block YAML may be cut off there unnoticed */
	struct eg_arena arena; /* private */
};

/* Read a whole file, UTF-8 only. Errors (unreadable, syntax, a limit, a duplicate key, a key that
 * is no string, merge keys, a NUL in a scalar, a tag other than str, seq and map) go to errs with
 * their position. Returns 0, or -1 where any error was reported; then *tree is empty. `path` must
 * outlive the tree: positions point to it. */
int eg_tree_read_file(const char *path, const struct eg_tree_limits *limits, struct eg_tree *tree,
		      struct eg_errs *errs);

/* The same from memory; `name` stands in for the file in messages. */
int eg_tree_read_text(const char *text, size_t len, const char *name,
		      const struct eg_tree_limits *limits, struct eg_tree *tree,
		      struct eg_errs *errs);

void eg_tree_free(struct eg_tree *tree);

/* A map's value under `key`, or NULL (also where node is NULL or no map). */
const struct eg_node *eg_node_get(const struct eg_node *node, const char *key);

/* True for a plain empty scalar, ~, null, Null or NULL; false for NULL. */
bool eg_node_is_null(const struct eg_node *node);

#endif
