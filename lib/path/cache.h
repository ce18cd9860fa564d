/* The forwarding cache: an exact-match cache with the complete decision about a packet, for packets
 * of established connections (known packets). Everything else takes the full path, which fills the
 * cache (path/learn.c).
 *
 * An entry is about one direction of one TCP or UDP connection. Key: the clear port or the tunnel
 * by which it comes in, addresses, ports, protocol. Value: the tunnel that it goes into or the
 * clear port by which it leaves, with the next hop. Each entry is one cache line; four of them are
 * a set, with a word of four 16-bit tags, so that a look-up reads one entry.
 *
 * An entry is valid as long as everything that it was derived from is unchanged:
 *   - `epoch`: numbers of the worker's own, which no entry has twice. A new one begins with each
 *     second of the clock, so that the full path refreshes each connection once per second; and
 * with each other world or policy. A tunnel chosen from a group also depends on which peers are up:
 *     such entries have an epoch of their own.
 *   - its tunnel: path/template.h.
 *   - its neighbour: the sequence lock's number (neigh/table.h).
 * What else can stop a packet (link, limits of the SA, its length, TCP sequence number) is checked
 * for each packet.
 *
 * A second has many times more packets than connections, so the once-per-second refresh costs
 * little. It also bounds what the cache does not see: within that second another worker may have
 * closed or evicted the connection. No state's timeout is that short (flow/state.h), and policy
 * still allows the packets.
 *
 * No entry that is valid is replaced by another connection's: a scan does not displace established
 * connections. If many find no place, the used part of the memory is doubled; it is halved again
 * when few are in use, so that few connections stay within few pages.
 *
 * Life cycle: eg_cache_new() -> one worker's path -> eg_cache_free(). Synchronization: none, the
 * cache belongs to that worker. */
#ifndef EG_PATH_CACHE_H
#define EG_PATH_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/key.h"

#define EG_CACHE_WAYS 4          /* entries in a set */
#define EG_CACHE_MIN  (1u << 15) /* entries in use: 2 MiB */
#define EG_CACHE_MAX  (1u << 22)

enum eg_cached_kind {
	EG_CACHED_TUNNEL, /* into a tunnel */
	EG_CACHED_MAC,    /* out by a clear port, to a configured MAC */
	EG_CACHED_NEIGH,  /* out by a clear port, to a resolved neighbour */
};

struct eg_cache_entry {
	/* The key. IPv4: the first word is source and destination, the others are 0. */
	_Alignas(64) uint64_t addr[4];
	uint32_t ports; /* as in the packet */
	uint32_t input; /* eg_cache_input() */
	uint32_t from;  /* the tunnel that it came out of; EG_TUNNEL_NONE: none */
	uint32_t epoch;
	/* The value. */
	uint32_t next_seq; /* TCP: the sender's next sequence number, if `tracked` */
	union {
		uint32_t tunnel;
		uint8_t mac[6];
		struct {
			uint32_t entry, seq;
		} neigh;
	} to;
	uint8_t kind; /* enum eg_cached_kind */
	uint8_t port; /* by which it leaves, unless into a tunnel */
	bool grouped; /* the tunnel was chosen from a group */
	bool tracked; /* it belongs to a connection whose TCP sequence numbers are followed */
};

_Static_assert(sizeof(struct eg_cache_entry) == 64, "one cache line");

struct eg_template;

struct eg_cache {
	struct eg_flow_seed seed;
	uint32_t sets;     /* in use, a power of two */
	uint32_t epoch[2]; /* [1]: of grouped entries */
	uint32_t last_epoch;

	struct eg_cache_entry *entry; /* EG_CACHE_WAYS per set */
	uint64_t *tags;               /* one word per set; a tag of 0: free */
	struct eg_template *template; /* by tunnel id (path/template.h) */

	/* What the epochs stand for. */
	uint64_t world, policy; /* generations; 0: none */
	uint32_t second;
	uint32_t liveness; /* eg_tunnels.liveness_changes */

	/* In this second, for the size. */
	uint32_t stored;  /* entries of connections that had none */
	uint32_t refused; /* for lack of a place */
	uint32_t quiet;   /* consecutive seconds with few entries */
	uint32_t max_sets;
};

/* seed: secret. NULL if memory is short. Control thread. */
struct eg_cache *eg_cache_new(uint32_t max_entries, const struct eg_flow_seed *seed);

/* NULL is allowed. */
void eg_cache_free(struct eg_cache *cache);

/* What a burst's decisions depend on. */
struct eg_cache_state {
	uint64_t world, policy; /* generations; 0: no policy */
	uint32_t second;        /* of the clock that connections are aged by */
	uint32_t liveness;
};

/* Start new epochs if that has changed since the last burst. */
void eg_cache_sync(struct eg_cache *cache, const struct eg_cache_state *state);

/* Hashes: bits from 1 on choose the set, the highest 16 are the tag; bit 0 is free. */

/* port: the clear port of a plain packet, or EG_NO_PORT. */
static inline uint32_t eg_cache_input(unsigned proto, unsigned version, unsigned port)
{
	return proto | version << 8 | port << 16;
}

static inline uint64_t eg_cache_hash4(const struct eg_cache *cache, uint64_t addr, uint32_t ports,
				      uint32_t input)
{
	const uint64_t *seed = cache->seed.word;
	uint64_t mixed = eg_flow_fold(addr ^ seed[0], (ports | (uint64_t)input << 32) ^ seed[1]);

	return eg_flow_fold(mixed ^ seed[2], seed[3] | 1);
}

static inline uint64_t eg_cache_hash6(const struct eg_cache *cache, const uint64_t addr[4],
				      uint32_t ports, uint32_t input)
{
	const uint64_t *seed = cache->seed.word;
	uint64_t mixed = eg_flow_fold(addr[0] ^ seed[0], addr[1] ^ seed[1]) ^
			 (ports | (uint64_t)input << 32);

	return eg_flow_fold(mixed ^ seed[2],
			    eg_flow_fold(addr[2] ^ seed[2], addr[3] ^ seed[3]) | 1);
}

static inline void eg_cache_prefetch(const struct eg_cache *cache, uint64_t hash)
{
	__builtin_prefetch(&cache->tags[(uint32_t)(hash >> 1) & (cache->sets - 1)]);
}

/* The only entry that can be the key's: the one whose tag fits, or any. Compare its key, then its
 * epoch. */
static inline struct eg_cache_entry *eg_cache_find(const struct eg_cache *cache, uint64_t hash)
{
	const uint64_t ones = 0x0001000100010001ull;
	uint32_t set = (uint32_t)(hash >> 1) & (cache->sets - 1);
	uint64_t differs = cache->tags[set] ^ (uint16_t)(hash >> 48 | 1) * ones;
	/* The high bit of the lowest 16 bits that are 0; of others, too, but only above it. */
	uint64_t equal = (differs - ones) & ~differs & ones << 15;
	unsigned way = equal ? (unsigned)__builtin_ctzll(equal) / 16 : 0;

	return &cache->entry[EG_CACHE_WAYS * set + way];
}

static inline bool eg_cache_is_current(const struct eg_cache *cache,
				       const struct eg_cache_entry *entry)
{
	return entry->epoch == cache->epoch[entry->grouped];
}

/* The connection's next packets take the full path. */
static inline void eg_cache_invalidate(struct eg_cache_entry *entry)
{
	entry->epoch = 0;
}

/* Invalidate the entry with this key, if there is one. */
void eg_cache_forget(struct eg_cache *cache, uint64_t hash, const struct eg_cache_entry *key);

/* Store an entry for this key; its epoch is set here. Nothing if all entries of the set are valid
 * and others'. */
void eg_cache_store(struct eg_cache *cache, uint64_t hash, const struct eg_cache_entry *entry);

#endif
