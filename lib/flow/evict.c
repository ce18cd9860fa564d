#include "flow/evict.h"

#include "flow/slot.h"

/* Seconds since its last packet, or -1: it stays. A worker's clock may be a second ahead. */
static int64_t age_s(const struct eg_conn *conn, struct eg_standing standing, uint32_t now_s)
{
	uint32_t idle_s = now_s - atomic_load_explicit(&conn->seen_s, memory_order_relaxed);

	if (!eg_conn_is_evictable((enum eg_conn_state)standing.state))
		return -1;
	return (int32_t)idle_s < 0 ? 0 : idle_s;
}

struct victim {
	_Atomic uint32_t *place;
	uint32_t slot;
	struct eg_standing standing;
	int64_t age_s;
};

/* From the slot `first` on: among equally old ones it is chance who goes, or newcomers would throw
 * each other out of one slot. */
static void search(const struct eg_flow_table *table, struct eg_bucket *bucket, unsigned first,
		   uint32_t now_s, struct victim *victim)
{
	uint32_t slots[EG_BUCKET_SLOTS];

	/* Twice, so that the cache misses overlap. */
	for (unsigned i = 0; i < EG_BUCKET_SLOTS; i++) {
		/* Acquire: the connection was written before the slot. */
		slots[i] = atomic_load_explicit(&bucket->slot[i], memory_order_acquire);
		if (slots[i])
			__builtin_prefetch(&table->conns[eg_slot_number(slots[i])]);
	}
	for (unsigned k = 0; k < EG_BUCKET_SLOTS; k++) {
		unsigned i = (first + k) % EG_BUCKET_SLOTS;
		const struct eg_conn *conn;
		struct eg_standing standing;
		int64_t age;

		if (!slots[i])
			continue;
		conn = &table->conns[eg_slot_number(slots[i])];
		standing = eg_conn_standing(conn);
		age = age_s(conn, standing, now_s);
		if (age > victim->age_s)
			*victim = (struct victim){&bucket->slot[i], slots[i], standing, age};
	}
}

/* False if another worker or the sweep was quicker. */
static bool take_out(struct eg_flow_table *table, const struct victim *victim)
{
	struct eg_conn *conn = &table->conns[eg_slot_number(victim->slot)];
	struct eg_standing was = victim->standing, is = was;

	/* Ends it only as it was seen: an answer that came meanwhile saves it. */
	is.state = EG_CONN_DEAD;
	if (!atomic_compare_exchange_strong_explicit(&conn->standing, &was, is,
						     memory_order_relaxed, memory_order_relaxed))
		return false;
	if (eg_slot_release(table, victim->place, victim->slot)) {
		eg_conn_give_up(table, eg_slot_number(victim->slot));
		atomic_fetch_add_explicit(&table->evicted, 1, memory_order_relaxed);
	}
	return true;
}

bool eg_flow_evict(struct eg_flow_table *table, uint64_t hash, bool anywhere, uint32_t now_s)
{
	const uint32_t local[2] = {eg_flow_bucket1(table, hash), eg_flow_bucket2(table, hash)};
	struct victim victim = {.age_s = -1};

	for (unsigned k = 0; k < (anywhere ? EG_EVICT_BUCKETS : 2); k++) {
		uint32_t at = (local[k % 2] + k / 2) & table->bucket_mask;

		if (k == 2 && victim.place)
			break;
		search(table, &table->buckets[at], (unsigned)(hash >> 32), now_s, &victim);
	}
	return victim.place && take_out(table, &victim);
}
