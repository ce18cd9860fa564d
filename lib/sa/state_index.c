#include "sa/state_index.h"

#include <errno.h>

/* Find the slot of a key, or the free slot where it belongs. A fingerprint is already a hash. */
static uint32_t *slot_of(const struct eg_state_index *index,
			 const uint8_t key[EG_FINGERPRINT_BYTES])
{
	uint64_t hash;

	memcpy(&hash, key, sizeof(hash));
	for (size_t at = hash;; at++) {
		uint32_t *slot = &index->slots[at & (index->n_slots - 1)];

		if (!*slot || !memcmp(index->states.v[*slot - 1].key, key, EG_FINGERPRINT_BYTES))
			return slot;
	}
}

struct eg_state *eg_state_index_find(const struct eg_state_index *index,
				     const uint8_t key[EG_FINGERPRINT_BYTES])
{
	uint32_t place = index->n_slots ? *slot_of(index, key) : 0;

	return place ? &index->states.v[place - 1] : NULL;
}

int eg_state_index_reserve(struct eg_state_index *index, size_t n)
{
	size_t want = index->states.n + n, size = index->n_slots ? index->n_slots : 64;
	struct eg_state *states;
	uint32_t *slots;

	if (want > UINT32_MAX / 4)
		return -ENOMEM;
	if (want > index->states.cap) {
		states = reallocarray(index->states.v, want * 2, sizeof(*states));
		if (!states)
			return -ENOMEM;
		index->states.v = states;
		index->states.cap = want * 2;
	}
	while (size < 2 * want)
		size *= 2;
	if (size == index->n_slots)
		return 0;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(index->slots);
	index->slots = slots;
	index->n_slots = size;
	for (size_t i = 0; i < index->states.n; i++)
		*slot_of(index, index->states.v[i].key) = (uint32_t)i + 1;
	return 0;
}

int eg_state_index_put(struct eg_state_index *index, const struct eg_state *state)
{
	struct eg_state *old = eg_state_index_find(index, state->key);

	if (old) {
		*old = *state;
		return 0;
	}
	if (eg_state_index_reserve(index, 1))
		return -ENOMEM;
	*slot_of(index, state->key) = (uint32_t)index->states.n + 1;
	index->states.v[index->states.n++] = *state;
	return 0;
}

void eg_state_index_free(struct eg_state_index *index)
{
	eg_vec_free(&index->states);
	free(index->slots);
	*index = (struct eg_state_index){0};
}
