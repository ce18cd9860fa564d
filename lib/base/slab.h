/* Slab of equal-sized objects that hold keys, allocated from secret memory (base/secret.h):
 * thousands of keys on few pages, each wiped when it is released.
 *
 * Life cycle: eg_slab_init() -> get/put -> eg_slab_free(), which also releases objects still in
 * use. Not thread-safe: control thread only. */
#ifndef EG_BASE_SLAB_H
#define EG_BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"

struct eg_slab {
	size_t object_bytes; /* rounded up to whole cache lines */
	EG_VEC(void *) chunks;
	EG_VEC(void *) spare;
	bool swappable; /* some of it could not be locked and may be swapped out */
};

void eg_slab_init(struct eg_slab *slab, size_t object_bytes);

/* Returns a zeroed, cache-line-aligned object, or NULL if memory is short. */
void *eg_slab_get(struct eg_slab *slab);

/* Wipe the object and make it available again. NULL is allowed. */
void eg_slab_put(struct eg_slab *slab, void *object);

void eg_slab_free(struct eg_slab *slab);

#endif
