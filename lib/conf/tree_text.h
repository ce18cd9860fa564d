/* Characters that Kubernetes allows in text and YAML does not: DEL and C1 controls, U+FEFF, U+FFFE
 * and U+FFFF as they are, surrogate pairs and NUL as escapes. Objects carry them in annotations,
 * environments and the like, which nobody here reads: each is read as U+FFFD, so that one tenant's
 * object does not make a dump unreadable. No name, label, address or port may hold that character,
 * so what stands in is never taken for another text. Private to the tree reader. */
#ifndef EG_CONF_TREE_TEXT_H
#define EG_CONF_TREE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define EG_TREE_STAND_IN "\xef\xbf\xbd" /* U+FFFD */

/* *copy is a copy with all of them replaced (the caller frees it), or NULL where the text has none
 * and may be used as it is. Lines and columns stay; byte order marks at the start of a line go.
 * 0 or -ENOMEM. */
int eg_tree_text_replace(const char *text, size_t len, char **copy, size_t *copy_len);

#endif
