/* Bucket slots, private to this folder: 8 bits of the key's hash above the connection's number + 1,
 * so that 0 is free.
 *
 * The thread that removes a number from its slot by compare-and-swap also frees the number: the
 * sweep (control thread) or an evicting worker. So no number is freed twice, and none before the
 * workers' grace period. */
#ifndef EG_FLOW_SLOT_H
#define EG_FLOW_SLOT_H

#include "flow/table.h"

#define EG_SLOT_TAG_SHIFT 24
#define EG_SLOT_NUMBER    ((1u << EG_SLOT_TAG_SHIFT) - 1)

static inline uint32_t eg_slot_make(uint64_t hash, uint32_t number)
{
	return (uint32_t)(hash >> 56) << EG_SLOT_TAG_SHIFT | (number + 1);
}

static inline uint32_t eg_slot_number(uint32_t slot)
{
	return (slot & EG_SLOT_NUMBER) - 1;
}

/* Free the slot of a dead connection and uncount it. True if the caller must now free the number.
 */
static inline bool eg_slot_release(struct eg_flow_table *table, _Atomic uint32_t *place,
				   uint32_t slot)
{
	const struct eg_conn *conn = &table->conns[eg_slot_number(slot)];

	if (!atomic_compare_exchange_strong_explicit(place, &slot, 0, memory_order_release,
						     memory_order_relaxed))
		return false;
	atomic_fetch_sub_explicit(&table->in_use, 1, memory_order_relaxed);
	eg_flow_source_remove(table->sources, &conn->key, eg_conn_standing(conn).charged,
			      &table->seed);
	return true;
}

/* Leave an evicted connection to the control thread, which frees its number. Any worker. */
static inline void eg_conn_defer_free(struct eg_flow_table *table, uint32_t number)
{
	uint32_t head = atomic_load_explicit(&table->evicted_list, memory_order_relaxed);

	do {
		atomic_store_explicit(&table->conns[number].next, head ? head - 1 : EG_CONN_NONE,
				      memory_order_relaxed);
		/* Release: the control thread follows the link. */
	} while (!atomic_compare_exchange_weak_explicit(&table->evicted_list, &head, number + 1,
							memory_order_release,
							memory_order_relaxed));
}

#endif
