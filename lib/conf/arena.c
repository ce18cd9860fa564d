#include "conf/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)64 << 10)

struct eg_arena_chunk {
	struct eg_arena_chunk *next;
	size_t used, size;
	alignas(max_align_t) char bytes[];
};

static struct eg_arena_chunk *new_chunk(size_t size)
{
	struct eg_arena_chunk *chunk = NULL;

	if (size <= SIZE_MAX - sizeof(*chunk))
		chunk = calloc(1, sizeof(*chunk) + size);
	if (chunk)
		chunk->size = size;
	return chunk;
}

void *eg_arena_alloc(struct eg_arena *arena, size_t size)
{
	struct eg_arena_chunk *chunk = arena->chunks;

	if (size > SIZE_MAX - alignof(max_align_t))
		return NULL;
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!chunk || size > chunk->size - chunk->used) {
		struct eg_arena_chunk *more = new_chunk(size > CHUNK_BYTES ? size : CHUNK_BYTES);

		if (!more)
			return NULL;
		if (chunk && size > CHUNK_BYTES) {
			/* A large allocation gets its own chunk: continue to fill the first one. */
			more->next = chunk->next;
			chunk->next = more;
		} else {
			more->next = chunk;
			arena->chunks = more;
		}
		chunk = more;
	}
	chunk->used += size;
	return chunk->bytes + chunk->used - size;
}

char *eg_arena_text(struct eg_arena *arena, const char *text, size_t len)
{
	char *copy = len < SIZE_MAX ? eg_arena_alloc(arena, len + 1) : NULL;

	return copy ? memcpy(copy, text, len) : NULL;
}

void eg_arena_free(struct eg_arena *arena)
{
	while (arena->chunks) {
		struct eg_arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
}
