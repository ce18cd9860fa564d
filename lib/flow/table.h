/* The connections that policy has let in, shared by all workers.
 *
 * Life cycle of a connection: eg_conn_insert() by the worker that saw its first packet allowed ->
 * found by any worker, in both directions -> idle past its state's timeout: dead, for good, and
 * taken out by eg_flow_sweep() -> given back by eg_flow_reclaim_*() after the workers' grace
 * period.
 *
 * Synchronization: lookups take no lock and write nothing. A slot goes from free to a connection by
 * compare-and-swap in any worker, and back by the same in the control thread's sweep or in a worker
 * that evicts (flow/evict.h); whoever did it gives the number back, by way of the control thread,
 * after the workers' grace period. Two workers that meet the
 * two directions of a new connection at once may both insert: each then looks at all slots of both
 * buckets again, and whoever meets the other lets the one in the earlier slot live, so one entry
 * stays. State, opener and generation change together by compare-and-swap, never out of
 * EG_CONN_DEAD: sweep and workers cannot both have a connection.
 *
 * Why bounded: everything is allocated at the start. In a full table, or two full buckets, the
 * oldest unanswered connection of a few buckets gives way; if there is none, the new one is refused
 * by name. An established one never gives way. One source address has no more than its share
 * (flow/source.h). There are more numbers than connections: those that wait for a grace period are
 * not missed while a flood makes connections come and go.
 *
 * Shape: buckets of 16 slots of 4 bytes, one cache line: 8 bits of hash, 24 of connection number.
 * Each key has two buckets and goes into the second only where the first is nearly full; at eight
 * connections a bucket in a full table that is one in fifty. So a lookup of an existing connection
 * touches two cache lines: its bucket and itself. */
#ifndef EG_FLOW_TABLE_H
#define EG_FLOW_TABLE_H

#include <stdatomic.h>
#include <stddef.h>

#include "flow/key.h"
#include "flow/source.h"
#include "flow/state.h"
#include "flow/window.h"

#define EG_FLOW_MIN     (1u << 10)
#define EG_FLOW_MAX     (1u << 23)
#define EG_FLOW_DEFAULT (1u << 20)

#define EG_CONN_NONE    UINT32_MAX
#define EG_CONN_LIMITED (UINT32_MAX - 1) /* eg_conn_insert(): its source has its share */

/* Numbers beside those of a full table: a quarter more, and at least this many. */
#define EG_FLOW_SPARE_MIN (1u << 14)

/* A source address's share of the table unless told otherwise: a quarter. */
#define EG_FLOW_SOURCE_PART 4

/* What changes together, or two workers' changes would mix. */
struct eg_standing {
	uint32_t generation; /* of the snapshot whose policy last decided it */
	uint8_t state;       /* enum eg_conn_state */
	uint8_t opener;      /* side of the key that opened it */
	uint8_t charged;     /* side whose share of the table it counts in; never changes */
	uint8_t zero;
};

struct eg_conn {
	_Alignas(64) struct eg_flow_key key;
	_Atomic struct eg_standing standing;
	_Atomic uint32_t seen_s;      /* last packet, on the workers' clock of seconds */
	_Atomic uint32_t next;        /* in the free list */
	_Atomic uint32_t next_seq[2]; /* TCP, by side of the key (window.h) */
};

_Static_assert(sizeof(struct eg_conn) == 64, "one cache line");
_Static_assert(EG_FLOW_MAX + EG_FLOW_MAX / 4 < (1u << 24), "numbers have 24 bits in a slot");

static inline struct eg_standing eg_conn_standing(const struct eg_conn *conn)
{
	/* By a variable: clang 14 cannot take a member of an atomic load. */
	struct eg_standing standing = atomic_load_explicit(&conn->standing, memory_order_acquire);

	return standing;
}

#define EG_BUCKET_SLOTS 16

struct eg_bucket {
	_Alignas(64) _Atomic uint32_t slot[EG_BUCKET_SLOTS]; /* 0: free */
};

struct eg_flow_table {
	struct eg_bucket *buckets;
	struct eg_conn *conns;
	uint32_t bucket_mask;
	uint32_t n_conns;   /* so many are in the table at most */
	uint32_t n_numbers; /* and so many entries there are */
	_Atomic uint32_t source_limit;
	struct eg_flow_seed seed;
	struct eg_flow_sources *sources;
	size_t bytes;

	_Alignas(64) _Atomic uint64_t
		free_head; /* count of pops and pushes << 32 | conn number + 1 */
	_Alignas(64) _Atomic uint32_t in_use;
	_Atomic uint32_t given_up; /* evicted connections, a list: number + 1 */
	_Atomic uint64_t evicted;  /* so far */
	_Atomic uint32_t
		n_fresh; /* numbers from here on were never used: their memory is untouched */

	/* The control thread's. */
	_Alignas(64) uint32_t sweep_at; /* next bucket */
	uint32_t limbo;   /* list of connections out of the table since the last reclaim */
	uint32_t waiting; /* those that wait for the grace period now */
};

/* Room for n connections, rounded up to a power of two between EG_FLOW_MIN and EG_FLOW_MAX. NULL
 * where memory is short. Control thread; the caller's to free when no worker runs. */
struct eg_flow_table *eg_flow_table_new(uint32_t n);
void eg_flow_table_free(struct eg_flow_table *table);

/* Connections that one source address may have in the table; at first a quarter of all. Those that
 * are more already stay. Any thread. */
static inline void eg_flow_limit_source(struct eg_flow_table *table, uint32_t n)
{
	atomic_store_explicit(&table->source_limit, n, memory_order_relaxed);
}

/* Connections that gave way so far. Any thread. */
static inline uint64_t eg_flow_evicted(const struct eg_flow_table *table)
{
	return atomic_load_explicit(&table->evicted, memory_order_relaxed);
}

/* The two buckets of a hash. */
static inline uint32_t eg_flow_bucket1(const struct eg_flow_table *table, uint64_t hash)
{
	return (uint32_t)hash & table->bucket_mask;
}

static inline uint32_t eg_flow_bucket2(const struct eg_flow_table *table, uint64_t hash)
{
	/* Odd offset: always another bucket. */
	return ((uint32_t)hash + ((uint32_t)(hash >> 40) | 1)) & table->bucket_mask;
}

/* Find a connection that is not dead; its number or EG_CONN_NONE. Any worker between quiescent
 * reports. */
uint32_t eg_conn_find(const struct eg_flow_table *table, const struct eg_flow_key *key,
		      uint64_t hash);

/* The same in steps, so that the memory which one needs is on its way while others work: the bucket
 * towards the core; then the connection that may be it, its number or EG_CONN_NONE; then the answer
 * of eg_conn_find(), by that number. */
void eg_conn_prefetch(const struct eg_flow_table *table, uint64_t hash);
uint32_t eg_conn_candidate(const struct eg_flow_table *table, uint64_t hash);
uint32_t eg_conn_confirm(const struct eg_flow_table *table, const struct eg_flow_key *key,
			 uint64_t hash, uint32_t candidate);

/* A new connection, charged to its opener's address, or (*fresh is false) the equal one that
 * another worker inserted meanwhile. EG_CONN_NONE if the table or the key's buckets are full and
 * nothing gives way; EG_CONN_LIMITED if the address has its share already. Any worker. */
uint32_t eg_conn_insert(struct eg_flow_table *table, const struct eg_flow_key *key, uint64_t hash,
			struct eg_standing standing, uint32_t now_s, bool *fresh);

/* Take connections that idled too long or are dead out of the next n buckets. Control thread.
 * Returns how many. They stay readable until eg_flow_reclaim(). */
uint32_t eg_flow_sweep(struct eg_flow_table *table, uint32_t n_buckets, uint32_t now_s);

/* Two steps around a grace period: begin marks what was swept so far; after every worker has
 * reported quiescence since, finish gives it back. Begin does nothing (and returns false) while
 * another round waits or there is nothing. Control thread. */
bool eg_flow_reclaim_begin(struct eg_flow_table *table);
void eg_flow_reclaim_finish(struct eg_flow_table *table);

/* Connections in the table now, expired ones that no sweep has met yet included. Any thread. */
static inline uint32_t eg_flow_in_use(const struct eg_flow_table *table)
{
	return atomic_load_explicit(&table->in_use, memory_order_relaxed);
}

#endif
