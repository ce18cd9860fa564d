/* Memory that is freed all at once: backs a tree.
 *
 * Owned by the holder of the struct; zeroed memory is an empty arena. Allocations cannot be freed
 * individually. Not thread-safe. */
#ifndef EG_CONF_ARENA_H
#define EG_CONF_ARENA_H

#include <stddef.h>

struct eg_arena_chunk;

struct eg_arena {
	struct eg_arena_chunk *chunks;
};

/* `size` zeroed bytes, aligned for any type; NULL if out of memory. */
void *eg_arena_alloc(struct eg_arena *arena, size_t size);

/* A NUL-terminated copy of `len` bytes; NULL if out of memory. */
char *eg_arena_text(struct eg_arena *arena, const char *text, size_t len);

void eg_arena_free(struct eg_arena *arena);

#endif
