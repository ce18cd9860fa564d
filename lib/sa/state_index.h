/* States by key fingerprint: the result of reading the journal. Not thread-safe. */
#ifndef EG_SA_STATE_INDEX_H
#define EG_SA_STATE_INDEX_H

#include "base/vec.h"
#include "sa/state_text.h"

struct eg_state_index {
	EG_VEC(struct eg_state) states;
	uint32_t *slots; /* open addressing, at most half full: index into states + 1 */
	size_t n_slots;
};

/* The state of that key, or NULL; valid until the next put. */
struct eg_state *eg_state_index_find(const struct eg_state_index *index,
				     const uint8_t key[EG_FINGERPRINT_BYTES]);

/* Insert or replace. 0 or -ENOMEM. */
int eg_state_index_put(struct eg_state_index *index, const struct eg_state *state);

/* Reserve memory so that the next n puts cannot fail. 0 or -ENOMEM. */
int eg_state_index_reserve(struct eg_state_index *index, size_t n);

void eg_state_index_free(struct eg_state_index *index);

#endif
