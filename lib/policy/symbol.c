#include "policy/symbol.h"

#include <sys/random.h>

#include "base/hash.h"

#define CHUNK_BYTES 65536

/* Texts are stored in chunks, which never move. */
struct eg_sym_chunk {
	struct eg_sym_chunk *next;
	size_t used, size;
	char bytes[];
};

static uint64_t hash_text(const struct eg_symtab *table, const char *text)
{
	uint64_t h = 0xcbf29ce484222325ull ^ table->seed;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ull;
	return eg_hash_u64(h);
}

/* The slot of the text, or the free slot for it. The table is never full. */
static uint32_t *find_slot(const struct eg_symtab *table, const char *text)
{
	size_t i = hash_text(table, text) & (table->n_slots - 1);

	while (table->slots[i] && strcmp(table->texts.v[table->slots[i] - 1], text))
		i = (i + 1) & (table->n_slots - 1);
	return &table->slots[i];
}

static int grow(struct eg_symtab *table)
{
	size_t n_slots = table->n_slots ? table->n_slots * 2 : 1024;
	uint32_t *slots;

	if (table->texts.n * 2 < table->n_slots)
		return 0;
	/* Without entropy the table still works, but collisions can be forced. */
	if (!table->n_slots &&
	    getrandom(&table->seed, sizeof(table->seed), GRND_NONBLOCK) != sizeof(table->seed))
		table->seed = 0;
	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -1;
	free(table->slots);
	table->slots = slots;
	table->n_slots = n_slots;
	for (size_t i = 0; i < table->texts.n; i++)
		*find_slot(table, table->texts.v[i]) = (uint32_t)i + 1;
	return 0;
}

static char *store_text(struct eg_symtab *table, const char *text)
{
	struct eg_sym_chunk *chunk = table->chunks;
	size_t size = strlen(text) + 1;

	if (!chunk || chunk->size - chunk->used < size) {
		size_t capacity = size > CHUNK_BYTES ? size : CHUNK_BYTES;

		chunk = malloc(sizeof(*chunk) + capacity);
		if (!chunk)
			return NULL;
		*chunk = (struct eg_sym_chunk){.next = table->chunks, .size = capacity};
		table->chunks = chunk;
	}
	chunk->used += size;
	return memcpy(chunk->bytes + chunk->used - size, text, size);
}

eg_sym eg_sym_intern(struct eg_symtab *table, const char *text)
{
	const char **entry;
	uint32_t *slot;
	char *stored;

	if (grow(table))
		return EG_SYM_NONE;
	slot = find_slot(table, text);
	if (*slot)
		return *slot;
	stored = store_text(table, text);
	entry = stored ? eg_vec_add(&table->texts) : NULL;
	if (!entry)
		return EG_SYM_NONE;
	*entry = stored;
	*slot = (uint32_t)table->texts.n;
	return *slot;
}

eg_sym eg_sym_find(const struct eg_symtab *table, const char *text)
{
	return table->n_slots ? *find_slot(table, text) : EG_SYM_NONE;
}

const char *eg_sym_text(const struct eg_symtab *table, eg_sym sym)
{
	return sym ? table->texts.v[sym - 1] : "";
}

void eg_symtab_free(struct eg_symtab *table)
{
	while (table->chunks) {
		struct eg_sym_chunk *next = table->chunks->next;

		free(table->chunks);
		table->chunks = next;
	}
	eg_vec_free(&table->texts);
	free(table->slots);
	*table = (struct eg_symtab){0};
}
