/* Symbol table: equal texts get the same number, so that labels compare as integers.
 *
 * Owned by the holder of the struct; zeroed memory is an empty table. Texts do not move while the
 * table exists. One writer; a table that is no longer written may be read by any thread. */
#ifndef EG_POLICY_SYMBOL_H
#define EG_POLICY_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

typedef uint32_t eg_sym;

#define EG_SYM_NONE 0u /* no text; the empty text has its own symbol */

struct eg_symtab {
	EG_VEC(const char *) texts; /* of symbol i + 1 */
	uint32_t *slots;            /* open addressing, 0: free */
	size_t n_slots;             /* power of two */
	uint64_t seed; /* secret: tenants choose labels and must not force collisions */
	struct eg_sym_chunk *chunks;
};

/* The symbol of a text, added if it is new. EG_SYM_NONE if out of memory. */
eg_sym eg_sym_intern(struct eg_symtab *table, const char *text);

/* EG_SYM_NONE if the text was never interned. */
eg_sym eg_sym_find(const struct eg_symtab *table, const char *text);

/* "" for EG_SYM_NONE. */
const char *eg_sym_text(const struct eg_symtab *table, eg_sym sym);

void eg_symtab_free(struct eg_symtab *table);

#endif
