/* Replaces characters that Kubernetes allows in text and YAML does not: DEL and C1 controls,
 * U+FEFF, U+FFFE and U+FFFF as they are, surrogate pairs and NUL as escapes. They occur in
 * annotations, environment variables and the like, which the gateway never uses. Each is read as
 * U+FFFD, so that one tenant's object cannot make a whole dump unreadable. Names, labels, addresses
 * and ports cannot contain U+FFFD, so the replacement never creates a valid value. Private to the
 * tree reader. */
#ifndef EG_CONF_TREE_SANITIZE_H
#define EG_CONF_TREE_SANITIZE_H

#include <stdbool.h>
#include <stddef.h>

#define EG_TREE_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* *copy is a copy with all of them replaced, which the caller frees; NULL if the text has none and
 * can be used as it is. Lines and columns are preserved; a byte order mark at the start of a line
 * is removed. Returns 0 or -ENOMEM. */
int eg_tree_sanitize(const char *text, size_t len, char **copy, size_t *copy_len);

#endif
