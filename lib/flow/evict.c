#include "flow/evict.h"

#include "flow/slot.h"

/* Seconds since the last packet, or -1 if it must stay. A worker's clock may be a second ahead. */
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

/* Start at slot `first`: the choice among equally old ones must be random, or new connections would
 * evict each other from one slot. */
static void find_victim(const struct eg_flow_table *table, struct eg_bucket *bucket, unsigned first,
			uint32_t now_s, struct victim *victim)
{
	uint32_t slots[EG_BUCKET_SLOTS];

	/* In two passes, so that the cache misses overlap. */
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

/* False if another worker or the sweep changed it first. */
static bool evict(struct eg_flow_table *table, const struct victim *victim)
{
	struct eg_conn *conn = &table->conns[eg_slot_number(victim->slot)];
	struct eg_standing was = victim->standing, is = was;

	/* Succeeds only if its standing is unchanged: an answer received meanwhile saves it. */
	is.state = EG_CONN_DEAD;
	if (!atomic_compare_exchange_strong_explicit(&conn->standing, &was, is,
						     memory_order_relaxed, memory_order_relaxed))
		return false;
	if (eg_slot_release(table, victim->place, victim->slot)) {
		eg_conn_defer_free(table, eg_slot_number(victim->slot));
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
		find_victim(table, &table->buckets[at], (unsigned)(hash >> 32), now_s, &victim);
	}
	return victim.place && evict(table, &victim);
}
