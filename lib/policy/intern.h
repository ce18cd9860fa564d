/* Interns lists of 32-bit words: equal lists get the same id, and ids are dense from 0 in order of
 * insertion. The compiler uses it wherever it needs to number distinct things.
 *
 * Owned by the holder of the struct; zeroed memory is an empty table. Not thread-safe. */
#ifndef EG_POLICY_INTERN_H
#define EG_POLICY_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

#define EG_INTERN_FAILED UINT32_MAX

struct eg_words {
	uint32_t *v;
	size_t n, cap;
};

struct eg_intern {
	struct eg_words words; /* all lists, concatenated */
	EG_VEC(size_t) ends;   /* end of list i in words */
	uint32_t *slots;       /* open addressing: 1 + id; 0: free */
	size_t n_slots;        /* power of two */
	uint64_t seed; /* secret: tenants influence the words and must not force collisions */
};

/* The id of a list, which is copied if it is new; EG_INTERN_FAILED if out of memory. */
uint32_t eg_intern_add(struct eg_intern *table, const uint32_t *words, size_t n);

/* The list of an id (NULL if it is empty), valid until the next eg_intern_add(). */
static inline const uint32_t *eg_intern_get(const struct eg_intern *table, uint32_t id, size_t *n)
{
	size_t start = id ? table->ends.v[id - 1] : 0;

	*n = table->ends.v[id] - start;
	return *n ? table->words.v + start : NULL;
}

static inline size_t eg_intern_count(const struct eg_intern *table)
{
	return table->ends.n;
}

void eg_intern_free(struct eg_intern *table);

/* Append one word. 0 or -ENOMEM. */
int eg_words_add(struct eg_words *words, uint32_t word);

/* Append n words. 0 or -ENOMEM. */
int eg_words_append(struct eg_words *words, const uint32_t *more, size_t n);

/* Sort ascending and remove duplicates. */
void eg_words_sort(struct eg_words *words);

#endif
