/* A worker's view of connections: lookups in the shared table.
 *
 * For each packet that can belong to a connection, the path makes an eg_lookup, finds those of a
 * batch together (so that cache misses overlap), asks policy where needed, and records the
 * decision. Replies of an allowed connection pass without one.
 *
 * Policy is evaluated in the opener's direction. A connection stores the generation of the policy
 * that decided it. Under a newer one, the next packet in either direction causes a new decision,
 * unless existing connections are kept. Under an older one (a worker that has not seen the new
 * snapshot yet) the packet passes: a new decision would undo that of the newer snapshot.
 *
 * The forwarding cache (path/cache.h) passes plain packets of a connection without a lookup, for
 * one second of the clock and one generation. Every state's timeout is longer than that, so the
 * connection cannot have been swept and its entry reused within the second; it can have been
 * evicted (flow/evict.h), and then its next packets, which policy still allows, reopen it within
 * the second. A TCP segment far from the last one known to the table is looked up too, so that the
 * table follows.
 *
 * Owned by one worker; the table is shared (flow/table.h). */
#ifndef EG_FLOW_FLOW_H
#define EG_FLOW_FLOW_H

#include "flow/frag.h"
#include "flow/table.h"

struct eg_flow {
	_Alignas(64) struct eg_frags frags;
	struct eg_flow_table *table; /* borrowed */
};

enum eg_flow_need {
	EG_FLOW_PASS,     /* part of an allowed connection */
	EG_FLOW_DECIDE,   /* evaluate policy for the packet: it opens a connection */
	EG_FLOW_REDECIDE, /* evaluate policy for the existing connection (eg_flow_opening()) */
};

struct eg_lookup {
	struct eg_flow_key key;
	uint64_t hash;
	struct eg_segment segment;
	uint32_t conn; /* or EG_CONN_NONE */
	uint8_t side;  /* of the key: the packet's source */
	uint8_t event; /* enum eg_conn_event */
	uint8_t need;  /* enum eg_flow_need; output */
	/* Output: packets of the connection that a cache could pass (eg_flow_may_cache()) may need
	 * the table now, of either end. */
	bool narrowed;
};

/* Shared by a batch. */
struct eg_flow_now {
	uint32_t generation; /* of the snapshot, low bits */
	uint32_t s;          /* seconds, on the clock shared by workers and sweep */
	bool keep_existing;  /* existing connections survive a change of policy */
};

/* Zeroed memory needs only this. Nothing to free. */
void eg_flow_init(struct eg_flow *flow, struct eg_flow_table *table);

/* Start a lookup: key and hash. For TCP the caller also fills `segment`. */
static inline void eg_lookup_make(struct eg_lookup *lookup, const struct eg_flow *flow,
				  const struct eg_flow_tuple *tuple, enum eg_conn_event event)
{
	lookup->side = (uint8_t)eg_flow_key_make(&lookup->key, tuple);
	lookup->hash = eg_flow_hash(&lookup->key, &flow->table->seed);
	lookup->event = (uint8_t)event;
	lookup->segment = (struct eg_segment){0, 0};
	lookup->narrowed = false;
}

/* Find n started lookups: set `need` and `conn`, and step the state machines of those that pass. */
void eg_flow_find(struct eg_flow *flow, struct eg_lookup *lookups, unsigned n,
		  const struct eg_flow_now *now);

/* After eg_flow_find(): may this worker pass further packets of the connection from the same end
 * without a lookup, until the second of the clock or the generation changes? Only plain ones
 * (EG_EVENT_DATA), of TCP only those that end near *next_seq (eg_tcp_near() with EG_TCP_STEP), so
 * that the table follows; *next_seq is 0 for other protocols, and undefined if the result is false.
 * Such packets would have passed and changed nothing in the table but times and numbers. False for
 * a connection that this packet opened: the next one shows that the table has it. */
bool eg_flow_may_cache(const struct eg_flow *flow, const struct eg_lookup *lookup,
		       const struct eg_flow_now *now, uint32_t *next_seq);

/* Look up without a state change, for packets related to a connection (an ICMP error that quotes
 * it, a fragment): DECIDE if there is none. */
void eg_flow_peek(const struct eg_flow *flow, const struct eg_flow_tuple *tuple,
		  const struct eg_flow_now *now, struct eg_lookup *lookup);

/* The tuple that opened the connection; points into the lookup. */
struct eg_flow_tuple eg_flow_opening(const struct eg_flow *flow, const struct eg_lookup *lookup);

enum eg_flow_allowed {
	EG_FLOW_JOINED,  /* the connection existed already */
	EG_FLOW_OPENED,  /* this packet opened it */
	EG_FLOW_FULL,    /* table full: the packet must not pass because its replies could not */
	EG_FLOW_LIMITED, /* the same because its source has reached its limit */
};

/* Policy allowed it: keep, reopen or insert the connection. */
enum eg_flow_allowed eg_flow_allow(struct eg_flow *flow, struct eg_lookup *lookup,
				   const struct eg_flow_now *now);

/* Policy denied the packet itself: true if it passes anyway because an earlier packet of the batch
 * opened its connection. */
bool eg_flow_join(struct eg_flow *flow, struct eg_lookup *lookup, const struct eg_flow_now *now);

/* Policy denied it: an existing connection that was decided again stops passing. */
void eg_flow_deny(struct eg_flow *flow, struct eg_lookup *lookup, const struct eg_flow_now *now);

/* Policy denied it, but it passes (audit): store the connection as denied, so that its other
 * packets are recognized instead of counting as connections of their own. True if it was not denied
 * before: report this packet. */
bool eg_flow_audit(struct eg_flow *flow, struct eg_lookup *lookup, const struct eg_flow_now *now);

#endif
