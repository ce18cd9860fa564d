/* The table of learned neighbours: (port, address) -> MAC, of fixed size.
 *
 * Life cycle: one table per daemon, created before the workers and freed after them. It outlives
 * snapshots, so a reload forgets nothing. An entry is created when a packet first waits for it, and
 * removed when the neighbour does not answer or nobody uses it (state.h); messages from strangers
 * do neither. Each port has a share of the table. A port at its limit evicts its own oldest unused
 * entry; in a full table, the port with most entries gives one up.
 *
 * Synchronization: one worker writes (the resolver), every worker reads without a lock. Each entry
 * is a sequence lock: its number is odd while the resolver changes key or MAC, and another one
 * afterwards. A reader that meets a change, or a chain that changes under it, finds nothing. That
 * is harmless: the packet goes to the resolver, which looks it up again. A reader may keep a MAC
 * with the entry's sequence number, and use it as long as that is the entry's number. No two
 * entries share a cache line. */
#ifndef EG_NEIGH_TABLE_H
#define EG_NEIGH_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"

#define EG_NEIGH_MAX      4096 /* entries */
#define EG_NEIGH_BUCKETS  (2 * EG_NEIGH_MAX)
#define EG_NEIGH_PORTS    32
#define EG_NEIGH_NONE     UINT32_MAX
#define EG_NEIGH_HELD_MAX 8 /* packets waiting for one neighbour */

enum eg_neigh_state {
	EG_NEIGH_FREE,
	EG_NEIGH_INCOMPLETE, /* request sent, no answer yet: packets wait */
	EG_NEIGH_REACHABLE,  /* answered recently */
	EG_NEIGH_STALE, /* answered earlier: packets are sent, and the next one triggers a probe */
	EG_NEIGH_PROBE, /* station probed, no answer yet: packets are sent */
	EG_NEIGH_STATES,
};

struct eg_neigh_key {
	uint64_t word[3]; /* the address, zero-padded; port and family */
};

struct eg_neigh {
	/* Readers. */
	_Alignas(64) _Atomic uint32_t seq;
	_Atomic uint32_t next; /* in the bucket's chain */
	_Atomic uint64_t key[3];
	_Atomic uint64_t mac; /* in the low six bytes; 0: unknown */
	_Atomic bool used;    /* a packet was sent there since the resolver last checked */

	/* Resolver only. */
	_Alignas(64) uint8_t state; /* enum eg_neigh_state */
	uint8_t tries;              /* requests sent in this state */
	uint8_t port;
	uint8_t n_held;
	struct eg_ip ip;
	uint64_t since_ms; /* when the state was entered, or the last request sent */
	void *held[EG_NEIGH_HELD_MAX];
};

struct eg_neighs {
	uint64_t seed; /* random, so that outsiders cannot fill one chain */
	_Atomic uint32_t bucket[EG_NEIGH_BUCKETS]; /* entry number, or EG_NEIGH_NONE */
	struct eg_neigh entry[EG_NEIGH_MAX];
	uint32_t free_list; /* through `next` */
	uint32_t n_used;
	uint32_t n_port[EG_NEIGH_PORTS]; /* linked through `next` */
	uint32_t n_incomplete[EG_NEIGH_PORTS];
	uint64_t evicted;
	uint32_t n_held;
};

/* INCOMPLETE entries per port: a network scan fills no more than this and does not affect other
 * ports. */
#define EG_NEIGH_INCOMPLETE_MAX (EG_NEIGH_MAX / 4)

/* All entries per port. */
#define EG_NEIGH_SHARE (EG_NEIGH_MAX / 4 * 3)

/* NULL if memory is short. */
struct eg_neighs *eg_neighs_new(void);

/* No packets may be waiting. NULL is allowed. */
void eg_neighs_free(struct eg_neighs *neighs);

static inline struct eg_neigh_key eg_neigh_key_make(unsigned port, unsigned family,
						    const uint8_t *address)
{
	struct eg_neigh_key key = {.word = {[2] = (uint64_t)family << 8 | port}};

	memcpy(key.word, address, family == 4 ? 4 : 16);
	return key;
}

/* MAC of a neighbour in the low six bytes, in memory order; 0 if unknown. Marks the entry as used.
 * Any worker. */
uint64_t eg_neigh_lookup_mac(struct eg_neighs *neighs, const struct eg_neigh_key *key);

/* The same for a worker that keeps the MAC for later packets: the entry's number and sequence
 * number to check it by, and the MAC. EG_NEIGH_NONE: the MAC is unknown. Any worker. */
uint32_t eg_neigh_reference(struct eg_neighs *neighs, const struct eg_neigh_key *key, uint32_t *seq,
			    uint64_t *mac);

/* Is the MAC that eg_neigh_reference() returned still the neighbour's? False from the moment in
 * which the MAC changes, or the entry is removed, whatever it is used for afterwards. Marks the
 * entry as used, as a lookup does. Any worker. */
static inline bool eg_neigh_reference_valid(struct eg_neighs *neighs, uint32_t number, uint32_t seq)
{
	struct eg_neigh *neigh = &neighs->entry[number];

	/* Acquire: whoever sees the resolver's new number here sees the new entry by a lookup. */
	if (atomic_load_explicit(&neigh->seq, memory_order_acquire) != seq)
		return false;
	/* Write only on change: the cache line is shared by all workers. */
	if (!atomic_load_explicit(&neigh->used, memory_order_relaxed))
		atomic_store_explicit(&neigh->used, true, memory_order_relaxed);
	return true;
}

/* Is there an entry in any state, and with which MAC? A hint that does not mark it as used. Any
 * worker. */
bool eg_neigh_peek(const struct eg_neighs *neighs, const struct eg_neigh_key *key, uint64_t *mac);

/* Entry `number` (less than EG_NEIGH_MAX) for a listing: its key, and its MAC or 0 if it is not
 * known. False: it is free, or changes just now. Any thread. */
bool eg_neigh_read(const struct eg_neighs *neighs, uint32_t number, struct eg_neigh_key *key,
		   uint64_t *mac);

/* Resolver only. Find an entry, or NULL. Add an INCOMPLETE entry for a key that is not in the
 * table; NULL if too many are INCOMPLETE or no entry can be evicted. Remove an entry without
 * waiting packets. Set its MAC. */
struct eg_neigh *eg_neigh_find(struct eg_neighs *neighs, const struct eg_neigh_key *key);
struct eg_neigh *eg_neigh_add(struct eg_neighs *neighs, const struct eg_neigh_key *key);
void eg_neigh_remove(struct eg_neighs *neighs, struct eg_neigh *neigh);
void eg_neigh_set_mac(struct eg_neigh *neigh, const uint8_t mac[6]);

/* Change the state and the count of INCOMPLETE entries. Resolver only. */
void eg_neigh_set_state(struct eg_neighs *neighs, struct eg_neigh *neigh,
			enum eg_neigh_state state);

/* Resolver only. */
static inline struct eg_neigh_key eg_neigh_key_of(const struct eg_neigh *neigh)
{
	return eg_neigh_key_make(neigh->port, neigh->ip.family, neigh->ip.bytes);
}

#endif
