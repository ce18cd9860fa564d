/* The table of allowed connections, shared by all workers.
 *
 * Life cycle of a connection: eg_conn_insert() by the worker that saw its first packet allowed ->
 * found by any worker, in both directions -> idle past its state's timeout: dead, which is final,
 * and removed by eg_flow_sweep() -> freed by eg_flow_reclaim_*() after the workers' grace period.
 *
 * Synchronization: lookups take no lock and write nothing. A slot changes from free to used by
 * compare-and-swap in any worker, and back by compare-and-swap in the control thread's sweep or in
 * an evicting worker (flow/evict.h); the thread that did it has the control thread free the number
 * after the workers' grace period. Two workers that see both directions of a new connection at the
 * same time may both insert it. Each then scans all slots of both buckets again, and on a duplicate
 * the entry in the earlier slot survives, so one remains. State, opener and generation change
 * together by compare-and-swap and never leave EG_CONN_DEAD: the sweep and a worker cannot both
 * have a connection.
 *
 * Bounds: all memory is allocated at start. If the table or both buckets are full, the oldest
 * unanswered connection of a few buckets is evicted; if there is none, the new connection is
 * refused with a named reason. Established connections are never evicted. A source address has at
 * most its share (flow/source.h). There are more numbers than connections, so that numbers waiting
 * for a grace period are not missed when a flood opens and evicts connections.
 *
 * Layout: buckets of 16 slots of 4 bytes, one cache line: 8 bits of hash, 24 bits of connection
 * number. Each key has two buckets and goes into the second only if the first is nearly full; with
 * eight connections per bucket in a full table, that is one in fifty. So looking up an existing
 * connection touches two cache lines: its bucket and itself. */
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
#define EG_CONN_LIMITED (UINT32_MAX - 1) /* eg_conn_insert(): its source has reached its limit */

/* Spare numbers: a quarter of the table's connections, and at least this many. */
#define EG_FLOW_SPARE_MIN (1u << 14)

/* Default limit per source address: a quarter of the table. */
#define EG_FLOW_SOURCE_PART 4

/* Fields that must change together. */
struct eg_standing {
	uint32_t generation; /* of the snapshot whose policy last decided it */
	uint8_t state;       /* enum eg_conn_state */
	uint8_t opener;      /* side of the key that opened it */
	uint8_t charged;     /* side charged against its source limit; never changes */
	uint8_t zero;
};

struct eg_conn {
	_Alignas(64) struct eg_flow_key key;
	_Atomic struct eg_standing standing;
	_Atomic uint32_t seen_s;      /* last packet, on the workers' clock in seconds */
	_Atomic uint32_t next;        /* in the free list */
	_Atomic uint32_t next_seq[2]; /* TCP, by side of the key (window.h) */
};

_Static_assert(sizeof(struct eg_conn) == 64, "one cache line");
_Static_assert(EG_FLOW_MAX + EG_FLOW_MAX / 4 < (1u << 24), "numbers have 24 bits in a slot");

static inline struct eg_standing eg_conn_standing(const struct eg_conn *conn)
{
	/* Through a variable: clang 14 cannot access a member of an atomic load. */
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
	uint32_t n_conns;   /* maximum number of connections in the table */
	uint32_t n_numbers; /* number of entries */
	_Atomic uint32_t source_limit;
	struct eg_flow_seed seed;
	struct eg_flow_sources *sources;
	size_t bytes;

	/* count of pops and pushes << 32 | connection number + 1 */
	_Alignas(64) _Atomic uint64_t free_head;
	_Alignas(64) _Atomic uint32_t in_use;
	_Atomic uint32_t evicted_list; /* evicted connections, as a list: number + 1 */
	_Atomic uint64_t evicted;      /* in total */
	_Atomic uint32_t n_fresh; /* numbers from here on are unused and their memory untouched */

	/* Control thread only. */
	_Alignas(64) uint32_t sweep_at; /* next bucket */
	uint32_t limbo;                 /* list of connections removed since the last reclaim */
	uint32_t waiting;               /* list of those waiting for the current grace period */
};

/* Create a table for n connections, rounded up to a power of two between EG_FLOW_MIN and
 * EG_FLOW_MAX. NULL if memory is short. Control thread; the caller frees it when no worker runs. */
struct eg_flow_table *eg_flow_table_new(uint32_t n);
void eg_flow_table_free(struct eg_flow_table *table);

/* Limit the connections of one source address; initially a quarter of the table. Existing
 * connections over the limit stay. Any thread. */
static inline void eg_flow_limit_source(struct eg_flow_table *table, uint32_t n)
{
	atomic_store_explicit(&table->source_limit, n, memory_order_relaxed);
}

/* Number of evicted connections. Any thread. */
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
	/* Odd offset: always a different bucket. */
	return ((uint32_t)hash + ((uint32_t)(hash >> 40) | 1)) & table->bucket_mask;
}

/* Find a connection that is not dead; its number or EG_CONN_NONE. Any worker between quiescent
 * states. */
uint32_t eg_conn_find(const struct eg_flow_table *table, const struct eg_flow_key *key,
		      uint64_t hash);

/* The same in steps, so that memory for one lookup is fetched while others are processed: prefetch
 * the bucket; return a likely candidate, its number or EG_CONN_NONE; confirm it, returning the
 * result of eg_conn_find(). */
void eg_conn_prefetch(const struct eg_flow_table *table, uint64_t hash);
uint32_t eg_conn_candidate(const struct eg_flow_table *table, uint64_t hash);
uint32_t eg_conn_confirm(const struct eg_flow_table *table, const struct eg_flow_key *key,
			 uint64_t hash, uint32_t candidate);

/* Insert a new connection, charged to its opener's address, or return the equal one that another
 * worker inserted meanwhile (*fresh is false). EG_CONN_NONE if the table or the key's buckets are
 * full and nothing can be evicted; EG_CONN_LIMITED if the address has reached its limit. Any
 * worker. */
uint32_t eg_conn_insert(struct eg_flow_table *table, const struct eg_flow_key *key, uint64_t hash,
			struct eg_standing standing, uint32_t now_s, bool *fresh);

/* Remove expired and dead connections from the next n buckets. Returns their number. They stay
 * readable until eg_flow_reclaim_finish(). Control thread. */
uint32_t eg_flow_sweep(struct eg_flow_table *table, uint32_t n_buckets, uint32_t now_s);

/* Free removed connections in two steps around a grace period: begin takes those removed so far;
 * after every worker has reported a quiescent state since, finish frees them. Begin returns false
 * and does nothing if another round is waiting or there is nothing to free. Control thread. */
bool eg_flow_reclaim_begin(struct eg_flow_table *table);
void eg_flow_reclaim_finish(struct eg_flow_table *table);

/* Number of connections in the table, including expired ones that have not been swept. Any thread.
 */
static inline uint32_t eg_flow_in_use(const struct eg_flow_table *table)
{
	return atomic_load_explicit(&table->in_use, memory_order_relaxed);
}

#endif
