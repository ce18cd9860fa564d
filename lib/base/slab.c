#include "base/slab.h"

#include <stdint.h>

#include "base/secret.h"

#define LINE        64
#define CHUNK_BYTES (64 * 1024) /* mapping and locking more at once takes over 50 us */

void eg_slab_init(struct eg_slab *slab, size_t object_bytes)
{
	*slab = (struct eg_slab){.object_bytes = (object_bytes + LINE - 1) / LINE * LINE};
}

static int add_chunk(struct eg_slab *slab)
{
	char *chunk = eg_secret_alloc(CHUNK_BYTES, &slab->swappable);
	void **slot;

	if (!chunk)
		return -1;
	slot = eg_vec_add(&slab->chunks);
	if (!slot) {
		eg_secret_free(chunk, CHUNK_BYTES);
		return -1;
	}
	*slot = chunk;
	for (size_t at = 0; at + slab->object_bytes <= CHUNK_BYTES; at += slab->object_bytes) {
		slot = eg_vec_add(&slab->spare);
		if (!slot)
			break; /* the rest of the chunk stays unused */
		*slot = chunk + at;
	}
	return slab->spare.n ? 0 : -1;
}

void *eg_slab_get(struct eg_slab *slab)
{
	if (!slab->spare.n && add_chunk(slab))
		return NULL;
	return slab->spare.v[--slab->spare.n];
}

void eg_slab_put(struct eg_slab *slab, void *object)
{
	void **slot;

	if (!object)
		return;
	eg_secret_wipe(object, slab->object_bytes);
	slot = eg_vec_add(&slab->spare);
	if (slot)
		*slot = object;
}

void eg_slab_free(struct eg_slab *slab)
{
	eg_vec_foreach (chunk, &slab->chunks)
		eg_secret_free(*chunk, CHUNK_BYTES);
	eg_vec_free(&slab->chunks);
	eg_vec_free(&slab->spare);
}
