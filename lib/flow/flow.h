/* A worker's view of connections: its private cache in front of the shared table.
 *
 * For each packet that has a connection's shape the path makes an eg_lookup, finds all of a batch
 * at once (so that cache misses overlap), lets policy decide the ones that need it, and says what
 * it decided. Replies of an allowed connection pass without a decision.
 *
 * Policy decides a connection in its opener's direction. A generation number says under which
 * snapshot that was; under a newer one the next packet, of either direction, asks again, unless
 * existing connections are kept. Under an older one (a worker that has not seen the new snapshot
 * yet) it passes: to ask would undo what the newer snapshot allowed.
 *
 * The cache remembers connections whose next plain packet may pass without a look at the table: it
 * is trusted for one second of the clock, and only under the same generation. A connection lives
 * longer than that in every state, so within the second it cannot have been swept and reused; it
 * can have given way to another (flow/evict.h), and then its next packets, which policy allows all
 * the same, open it anew within the second. A segment of TCP that is far from the last one which
 * the table knows of is looked up too, so that the table can follow.
 *
 * One worker's; the table is shared (flow/table.h). */
#ifndef EG_FLOW_FLOW_H
#define EG_FLOW_FLOW_H

#include "flow/frag.h"
#include "flow/table.h"

#define EG_FLOW_CACHE_SLOTS 8192
#define EG_FLOW_BURST_MAX   256

struct eg_flow_cached {
	struct eg_flow_key key;
	uint32_t generation, seen_s;
	uint32_t next_seq[2]; /* of the table's entry */
	uint8_t side;         /* packets of this side change nothing about it */
	bool both;            /* packets of neither do */
	uint8_t pad[6];
};

_Static_assert(sizeof(struct eg_flow_cached) == 64, "one cache line");

struct eg_flow {
	_Alignas(64) struct eg_flow_cached cache[EG_FLOW_CACHE_SLOTS];
	struct eg_frags frags;
	struct eg_flow_table *table; /* borrowed */
	unsigned cache_rests;        /* bursts that do not ask the cache */
};

enum eg_flow_need {
	EG_FLOW_PASS,     /* belongs to an allowed connection */
	EG_FLOW_DECIDE,   /* policy decides the packet as it is: it opens a connection */
	EG_FLOW_REDECIDE, /* policy decides the connection as it was opened (eg_flow_opening()) */
};

struct eg_lookup {
	struct eg_flow_key key;
	uint64_t hash;
	struct eg_segment segment;
	uint32_t conn; /* or EG_CONN_NONE */
	uint8_t side;  /* of the key: the packet's source */
	uint8_t event; /* enum eg_conn_event */
	uint8_t need;  /* enum eg_flow_need; the result */
};

/* What a batch shares. */
struct eg_flow_now {
	uint32_t generation; /* of the snapshot, its low bits */
	uint32_t s;          /* seconds of any clock that all workers and the sweep share */
	bool keep;           /* existing connections outlive a change of policy */
};

/* Zeroed memory and the table in; nothing to free. */
void eg_flow_init(struct eg_flow *flow, struct eg_flow_table *table);

/* Start a lookup: key and hash. Of TCP the caller fills `segment` too. */
static inline void eg_lookup_make(struct eg_lookup *lookup, const struct eg_flow *flow,
				  const struct eg_flow_tuple *tuple, enum eg_conn_event event)
{
	lookup->side = (uint8_t)eg_flow_key_make(&lookup->key, tuple);
	lookup->hash = eg_flow_hash(&lookup->key, &flow->table->seed);
	lookup->event = (uint8_t)event;
	lookup->segment = (struct eg_segment){0, 0};
}

/* Find n (at most EG_FLOW_BURST_MAX) started lookups: sets `need` and `conn`, steps state machines
 * of those that pass. */
void eg_flow_find(struct eg_flow *flow, struct eg_lookup *lookups, unsigned n,
		  const struct eg_flow_now *now);

/* A look without a step, for what belongs to a connection without being of it (an ICMP error that
 * quotes it, a fragment): DECIDE where there is none. */
void eg_flow_peek(const struct eg_flow *flow, const struct eg_flow_tuple *tuple,
		  const struct eg_flow_now *now, struct eg_lookup *lookup);

/* The tuple in which a connection was opened, pointing into the lookup. */
struct eg_flow_tuple eg_flow_opening(const struct eg_flow *flow, const struct eg_lookup *lookup);

enum eg_flow_allowed {
	EG_FLOW_JOINED,  /* the connection was there already */
	EG_FLOW_OPENED,  /* this packet opened it */
	EG_FLOW_FULL,    /* no room: the packet must not pass, since its replies could not */
	EG_FLOW_LIMITED, /* the same, since its source has its share of the room */
};

/* Policy allowed it: keep, reopen or insert the connection. */
enum eg_flow_allowed eg_flow_allow(struct eg_flow *flow, struct eg_lookup *lookup,
				   const struct eg_flow_now *now);

/* Policy denied the packet itself: may it pass all the same, because a packet in front of it in the
 * batch has opened the connection that it belongs to? */
bool eg_flow_join(struct eg_flow *flow, struct eg_lookup *lookup, const struct eg_flow_now *now);

/* Policy denied it: a connection that was decided anew carries nothing from now on. */
void eg_flow_deny(struct eg_flow *flow, const struct eg_lookup *lookup,
		  const struct eg_flow_now *now);

/* Policy denied it, but it passes (audit): remember the connection as denied, so that its other
 * packets are judged as parts of it, not as connections of their own. True where it was not denied
 * before: this is the packet to tell of. */
bool eg_flow_audit(struct eg_flow *flow, struct eg_lookup *lookup, const struct eg_flow_now *now);

#endif
