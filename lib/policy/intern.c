#include "policy/intern.h"

#include <errno.h>
#include <sys/random.h>

#include "base/hash.h"

int eg_words_add(struct eg_words *words, uint32_t word)
{
	uint32_t *entry = eg_vec_add(words);

	if (!entry)
		return -ENOMEM;
	*entry = word;
	return 0;
}

int eg_words_append(struct eg_words *words, const uint32_t *more, size_t n)
{
	if (words->cap - words->n < n) {
		size_t cap = words->cap ? words->cap : 64;
		void *v;

		while (cap - words->n < n)
			cap *= 2;
		v = reallocarray(words->v, cap, sizeof(*words->v));
		if (!v)
			return -ENOMEM;
		words->v = v;
		words->cap = cap;
	}
	if (n)
		memcpy(words->v + words->n, more, n * sizeof(*more));
	words->n += n;
	return 0;
}

static int compare_words(const void *va, const void *vb)
{
	uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;

	return a < b ? -1 : a > b;
}

void eg_words_sort(struct eg_words *words)
{
	size_t kept = 0;

	if (words->n < 2)
		return;
	qsort(words->v, words->n, sizeof(*words->v), compare_words);
	for (size_t i = 1; i < words->n; i++)
		if (words->v[i] != words->v[kept])
			words->v[++kept] = words->v[i];
	words->n = kept + 1;
}

static uint64_t hash_words(const struct eg_intern *table, const uint32_t *words, size_t n)
{
	uint64_t h = n ^ table->seed;

	for (size_t i = 0; i < n; i++)
		h = eg_hash_u64(h ^ words[i]);
	return h;
}

static uint32_t *find_slot(const struct eg_intern *table, const uint32_t *words, size_t n)
{
	size_t i = hash_words(table, words, n) & (table->n_slots - 1);

	for (; table->slots[i]; i = (i + 1) & (table->n_slots - 1)) {
		size_t n_known;
		const uint32_t *known = eg_intern_get(table, table->slots[i] - 1, &n_known);

		if (n_known == n && (!n || !memcmp(known, words, n * sizeof(*words))))
			break;
	}
	return &table->slots[i];
}

static int grow(struct eg_intern *table)
{
	size_t n_slots = table->n_slots ? table->n_slots * 2 : 256;
	uint32_t *slots;

	if (table->ends.n * 2 < table->n_slots)
		return 0;
	/* Without entropy the table still works, but collisions can be forced. */
	if (!table->n_slots &&
	    getrandom(&table->seed, sizeof(table->seed), GRND_NONBLOCK) != sizeof(table->seed))
		table->seed = 0;
	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(table->slots);
	table->slots = slots;
	table->n_slots = n_slots;
	for (uint32_t id = 0; id < table->ends.n; id++) {
		size_t n;
		const uint32_t *words = eg_intern_get(table, id, &n);

		*find_slot(table, words, n) = id + 1;
	}
	return 0;
}

uint32_t eg_intern_add(struct eg_intern *table, const uint32_t *words, size_t n)
{
	uint32_t *slot;
	size_t *end;

	if (grow(table))
		return EG_INTERN_FAILED;
	slot = find_slot(table, words, n);
	if (*slot)
		return *slot - 1;
	if (eg_words_append(&table->words, words, n))
		return EG_INTERN_FAILED;
	end = eg_vec_add(&table->ends);
	if (!end) {
		table->words.n -= n;
		return EG_INTERN_FAILED;
	}
	*end = table->words.n;
	*slot = (uint32_t)table->ends.n;
	return *slot - 1;
}

void eg_intern_free(struct eg_intern *table)
{
	eg_vec_free(&table->words);
	eg_vec_free(&table->ends);
	free(table->slots);
	*table = (struct eg_intern){0};
}
