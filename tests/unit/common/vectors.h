/* The published vectors of tests/vectors ($EG_VECTORS), which are JSON. */
#ifndef TEST_COMMON_VECTORS_H
#define TEST_COMMON_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "conf/tree.h"

/* Read a file whole; fails the test where it cannot. The caller frees the tree. */
struct eg_tree vectors_read(const char *name);

/* A field's text, and the bytes that its hex stands for. They fail the test where it is missing. */
const char *vectors_text(const struct eg_node *entry, const char *key);
size_t vectors_bytes(const struct eg_node *entry, const char *key, uint8_t *out, size_t max);

#endif
