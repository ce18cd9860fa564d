/* Equal-sized objects that hold keys, cut from secret memory (see base/secret.h): thousands of keys
 * on few pages, each wiped when it is given back.
 *
 * Life cycle: eg_slab_init() -> get/put -> eg_slab_free(), which also ends objects still out.
 * Not thread-safe: the control thread's. */
#ifndef EG_BASE_SLAB_H
#define EG_BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"

struct eg_slab {
	size_t object_bytes; /* rounded up to whole cache lines */
	EG_VEC(void *) chunks;
	EG_VEC(void *) spare;
	bool swappable; /* some of it may be swapped out: it could not be locked */
};

void eg_slab_init(struct eg_slab *slab, size_t object_bytes);

/* A zeroed object on a cache line boundary, or NULL where memory is short. */
void *eg_slab_get(struct eg_slab *slab);

/* Wipe the object and keep it for the next get. NULL is allowed. */
void eg_slab_put(struct eg_slab *slab, void *object);

void eg_slab_free(struct eg_slab *slab);

#endif
