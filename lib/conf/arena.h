/* Memory that is given back all at once: what a tree is made of.
 *
 * Owner: whoever holds the struct; zeroed memory is an empty arena. Nothing in it is freed alone.
 * Not thread-safe. */
#ifndef EG_CONF_ARENA_H
#define EG_CONF_ARENA_H

#include <stddef.h>

struct eg_arena_chunk;

struct eg_arena {
	struct eg_arena_chunk *chunks;
};

/* `size` zeroed bytes aligned for any type, or NULL where memory is short. */
void *eg_arena_alloc(struct eg_arena *arena, size_t size);

/* A NUL-terminated copy of `len` bytes, or NULL where memory is short. */
char *eg_arena_text(struct eg_arena *arena, const char *text, size_t len);

void eg_arena_free(struct eg_arena *arena);

#endif
