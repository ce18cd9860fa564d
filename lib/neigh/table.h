/* The neighbours that were learned: (port, address) -> MAC, a table of fixed size.
 *
 * Life cycle: one table a daemon, made before the workers and freed after them; it outlives
 * snapshots, so a reload forgets nobody. An entry is made when a packet first waits for it, and
 * goes when nobody answers or nobody asks any more (neigh.h); never by what a stranger says. A port
 * has its share of the table. One that has it, or whose new neighbour finds the table full, gives
 * up its oldest unused entry; if the table is full, the port that has most gives it up.
 *
 * Synchronization: one worker writes (the one that app calls the neighbours' keeper), every worker
 * reads without a lock. An entry is its own sequence lock: odd while the keeper changes key or MAC,
 * and a reader that meets a change, or a chain that moves under it, finds nothing. That is no loss:
 * the packet goes to the keeper, which looks again. No two entries share a line. */
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
#define EG_NEIGH_HELD_MAX 8 /* packets that wait for one neighbour */

enum eg_neigh_state {
	EG_NEIGH_FREE,
	EG_NEIGH_INCOMPLETE, /* asked all, no answer yet: packets wait */
	EG_NEIGH_REACHABLE,  /* answered lately */
	EG_NEIGH_STALE,      /* answered once; packets go, and the next one makes us ask again */
	EG_NEIGH_PROBE,      /* asked that station, no answer yet: packets go */
	EG_NEIGH_STATES,
};

struct eg_neigh_key {
	uint64_t word[3]; /* the address, zeros behind IPv4's four bytes; port and family */
};

struct eg_neigh {
	/* Readers'. */
	_Alignas(64) _Atomic uint32_t seq;
	_Atomic uint32_t next; /* of the bucket's chain */
	_Atomic uint64_t key[3];
	_Atomic uint64_t mac; /* its six bytes; 0: not known */
	_Atomic bool used;    /* a packet went there since the keeper last looked */

	/* The keeper's. */
	_Alignas(64) uint8_t state; /* enum eg_neigh_state */
	uint8_t tries;              /* how often asked in this state */
	uint8_t port;
	uint8_t n_held;
	struct eg_ip ip;
	uint64_t since_ms; /* of the state, or of the last question */
	void *held[EG_NEIGH_HELD_MAX];
};

struct eg_neighs {
	uint64_t seed;                             /* so that outsiders cannot fill one chain */
	_Atomic uint32_t bucket[EG_NEIGH_BUCKETS]; /* entry number, or EG_NEIGH_NONE */
	struct eg_neigh entry[EG_NEIGH_MAX];
	uint32_t free_list; /* through `next` */
	uint32_t n_used;
	uint32_t n_port[EG_NEIGH_PORTS]; /* entries of each port */
	uint32_t n_incomplete[EG_NEIGH_PORTS];
	uint64_t evicted;
	uint32_t n_held;
};

/* Of the table, those of one port that nobody has answered for yet: who scans a network fills no
 * more than this, and leaves the other ports alone. */
#define EG_NEIGH_INCOMPLETE_MAX (EG_NEIGH_MAX / 4)

/* And all of one port's. */
#define EG_NEIGH_SHARE (EG_NEIGH_MAX / 4 * 3)

/* NULL where memory is short. */
struct eg_neighs *eg_neighs_new(void);

/* Nothing may be held in it any more. NULL is allowed. */
void eg_neighs_free(struct eg_neighs *neighs);

static inline struct eg_neigh_key eg_neigh_key_make(unsigned port, unsigned family,
						    const uint8_t *address)
{
	struct eg_neigh_key key = {.word = {[2] = (uint64_t)family << 8 | port}};

	memcpy(key.word, address, family == 4 ? 4 : 16);
	return key;
}

/* The MAC of a neighbour, in the low six bytes as memory has them; 0 where it is not known. Marks
 * the entry as used. Any worker. */
uint64_t eg_neigh_mac(struct eg_neighs *neighs, const struct eg_neigh_key *key);

/* Is there an entry, in whatever state, and with which MAC? Any worker; a hint, and no use. */
bool eg_neigh_known(const struct eg_neighs *neighs, const struct eg_neigh_key *key, uint64_t *mac);

/* The keeper's: the entry or NULL; a new one, INCOMPLETE, of a key that is not in the table, or
 * NULL where too many are INCOMPLETE, or all are in use that could give way; take one out (nothing
 * is held); give it a MAC. */
struct eg_neigh *eg_neigh_find(struct eg_neighs *neighs, const struct eg_neigh_key *key);
struct eg_neigh *eg_neigh_add(struct eg_neighs *neighs, const struct eg_neigh_key *key);
void eg_neigh_remove(struct eg_neighs *neighs, struct eg_neigh *neigh);
void eg_neigh_set_mac(struct eg_neigh *neigh, const uint8_t mac[6]);

/* Move to another state; keeps the count of INCOMPLETE ones. The keeper's. */
void eg_neigh_set_state(struct eg_neighs *neighs, struct eg_neigh *neigh,
			enum eg_neigh_state state);

/* The keeper reads its own entries. */
static inline struct eg_neigh_key eg_neigh_key_of(const struct eg_neigh *neigh)
{
	return eg_neigh_key_make(neigh->port, neigh->ip.family, neigh->ip.bytes);
}

#endif
