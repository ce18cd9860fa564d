/* YAML (and therefore JSON) text as a small tree that records where everything was written.
 *
 * Life cycle: eg_tree_read_*() -> walk -> eg_tree_free(). The tree owns all nodes and texts. Built
 * on libyaml's event API: its document API hangs on hostile input. eg_tree_limits bounds time and
 * memory. An alias shares the children of its anchor, so nodes are read-only. Control thread; not
 * thread-safe. */
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
	bool plain;        /* an unquoted scalar: 80, not "80"; null, not "null" */
	struct eg_pos pos; /* of the value; of an alias: where it is used */
	const char *key;   /* in a map: its key; otherwise NULL */
	struct eg_pos key_pos;
	const char *text;      /* a scalar's text, without embedded NUL; otherwise NULL */
	struct eg_node *child; /* first item of a sequence or value of a map, in written order */
	struct eg_node *next;  /* sibling */
	size_t n_children;
};

struct eg_tree_limits {
	size_t bytes; /* of text */
	size_t nodes; /* with aliases expanded */
	unsigned depth;
	unsigned aliases; /* uses of aliases */
	bool any_text;    /* read characters that JSON allows and YAML does not as U+FFFD */
	bool files_only;  /* refuse FIFOs, devices and sockets before reading */
};

/* For configuration files: 64 MiB, 4 M nodes, depth 32, 100 aliases. EG_CONF_PEERS_MAX peers with
 * their SAs fit (about 30 nodes and 400 bytes each). */
extern const struct eg_tree_limits eg_tree_limits_config;

/* For kubectl dumps of 100,000 objects: 256 MiB, 20 M nodes, depth 64, no aliases; any text,
 * regular files only. */
extern const struct eg_tree_limits eg_tree_limits_k8s;

struct eg_tree {
	struct eg_node
		*docs; /* one per document, linked by next; empty and null documents are left out */
	size_t n_docs;
	bool blank;    /* only white space */
	bool open_end; /* the last line is unterminated: block YAML may have been truncated there */
	struct eg_arena arena; /* private */
};

/* Read a whole file, UTF-8 only. Errors (unreadable file, syntax, limits, duplicate keys,
 * non-string keys, merge keys, a NUL in a scalar, tags other than str, seq and map) go to errs with
 * their position. Returns 0, or -1 if any error was reported; then *tree is empty. `path` must
 * outlive the tree: positions point to it. */
int eg_tree_read_file(const char *path, const struct eg_tree_limits *limits, struct eg_tree *tree,
		      struct eg_errs *errs);

/* The same from memory; `name` stands for the file in messages. */
int eg_tree_read_text(const char *text, size_t len, const char *name,
		      const struct eg_tree_limits *limits, struct eg_tree *tree,
		      struct eg_errs *errs);

void eg_tree_free(struct eg_tree *tree);

/* A map's value for `key`; NULL if there is none or node is not a map. */
const struct eg_node *eg_node_get(const struct eg_node *node, const char *key);

/* True for a plain empty scalar, ~, null, Null or NULL; false if node is NULL. */
bool eg_node_is_null(const struct eg_node *node);

#endif
