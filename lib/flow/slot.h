/* A bucket's slots, for the files of this folder: 8 bits of the key's hash over the connection's
 * number + 1, so that 0 is free.
 *
 * Whoever takes a number out of its slot, by compare-and-swap, gives it back: the sweep (control
 * thread) or a worker that evicts. No number is given back twice, and none before the workers'
 * grace period. */
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

/* Free a slot that held a dead connection, and count it out. True if the number is the caller's to
 * give back. */
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

/* Leave an evicted connection to the control thread, which gives its number back. Any worker. */
static inline void eg_conn_give_up(struct eg_flow_table *table, uint32_t number)
{
	uint32_t head = atomic_load_explicit(&table->given_up, memory_order_relaxed);

	do {
		atomic_store_explicit(&table->conns[number].next, head ? head - 1 : EG_CONN_NONE,
				      memory_order_relaxed);
		/* Release: the control thread follows the link. */
	} while (!atomic_compare_exchange_weak_explicit(
		&table->given_up, &head, number + 1, memory_order_release, memory_order_relaxed));
}

#endif
