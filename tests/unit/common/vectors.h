/* The published test vectors in tests/vectors ($EG_VECTORS), as JSON. */
#ifndef TEST_COMMON_VECTORS_H
#define TEST_COMMON_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "conf/tree.h"

/* Parse a whole file; fails the test on error. The caller frees the tree. */
struct eg_tree vectors_read(const char *name);

/* A field's text, and the bytes of its hex value. The test fails if the field is missing. */
const char *vectors_text(const struct eg_node *entry, const char *key);
size_t vectors_bytes(const struct eg_node *entry, const char *key, uint8_t *out, size_t max);

#endif
