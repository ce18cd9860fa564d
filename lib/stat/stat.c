#include "stat/stat.h"

#include <stddef.h>

const char *eg_stage_name(enum eg_stage stage)
{
	static const char *const names[] = {
#define X(symbol, name) #name,
		EG_STAGES(X)
#undef X
	};

	return names[stage];
}

const char *eg_local_name(enum eg_local_kind kind)
{
	static const char *const names[] = {
#define X(symbol, name) #name,
		EG_LOCAL_KINDS(X)
#undef X
	};

	return names[kind];
}

const char *eg_clear_name(enum eg_clear_kind kind)
{
	static const char *const names[] = {
#define X(symbol, name) #name,
		EG_CLEAR_KINDS(X)
#undef X
	};

	return names[kind];
}

struct eg_drop_record *eg_drop_ring_slot(struct eg_drop_ring *ring)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	/* Acquire: the reader has finished with the slot that it released. */
	if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) == EG_DROP_RING)
		return NULL;
	return &ring->record[head % EG_DROP_RING];
}

void eg_drop_ring_publish(struct eg_drop_ring *ring)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	/* Release: the record is complete before the reader sees it. */
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

bool eg_drop_ring_take(struct eg_drop_ring *ring, struct eg_drop_record *out)
{
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	/* Acquire: pairs with the publishing release. */
	if (tail == atomic_load_explicit(&ring->head, memory_order_acquire))
		return false;
	*out = ring->record[tail % EG_DROP_RING];
	/* Release: the copy is complete before the writer may reuse the slot. */
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
	return true;
}
