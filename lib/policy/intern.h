/* Lists of 32-bit words as numbers: equal list, equal id, ids dense from 0 in order of arrival.
 * The compiler's one tool for "how many different ones are there, and which is this".
 *
 * Owner: whoever holds the table; zeroed memory is an empty one, eg_intern_free() ends it. Not
 * thread-safe. */
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
	struct eg_words words; /* all lists, one behind the other */
	EG_VEC(size_t) ends;   /* of list i in words */
	uint32_t *slots;       /* open addressing, id + 1, 0: free */
	size_t n_slots;        /* power of two */
	uint64_t seed;         /* tenants choose the words: no collisions to order */
};

/* The id of a list, new or known; EG_INTERN_FAILED where memory is short. The words are copied. */
uint32_t eg_intern_add(struct eg_intern *table, const uint32_t *words, size_t n);

/* The list of an id (NULL where it is empty), good until the next eg_intern_add(). */
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

/* Sort ascending and drop doubles. */
void eg_words_sort(struct eg_words *words);

#endif
