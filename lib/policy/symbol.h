/* Strings as numbers, so that labels compare as integers: equal text, equal symbol.
 *
 * Owner: whoever holds the table; zeroed memory is an empty one, eg_symtab_free() ends it. Texts
 * keep their address as long as the table lives. One writer; readers may share a table that is no
 * longer written. */
#ifndef EG_POLICY_SYMBOL_H
#define EG_POLICY_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

typedef uint32_t eg_sym;

#define EG_SYM_NONE 0u /* no text at all; the empty text has a symbol of its own */

struct eg_symtab {
	EG_VEC(const char *) texts; /* of symbol i + 1 */
	uint32_t *slots;            /* open addressing, 0: free */
	size_t n_slots;             /* power of two */
	uint64_t seed;              /* labels are the tenants': no collisions to order */
	struct eg_sym_chunk *chunks;
};

/* The symbol of a text, made where it is new. EG_SYM_NONE where memory is short. */
eg_sym eg_sym_intern(struct eg_symtab *table, const char *text);

/* EG_SYM_NONE where the text was never interned. */
eg_sym eg_sym_find(const struct eg_symtab *table, const char *text);

/* "" for EG_SYM_NONE. */
const char *eg_sym_text(const struct eg_symtab *table, eg_sym sym);

void eg_symtab_free(struct eg_symtab *table);

#endif
