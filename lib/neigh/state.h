/* State machine of a neighbour entry: RFC 4861 s7.3 simplified and applied to both families.
 *
 * clang-format off
 *	INCOMPLETE  a packet waits: ask everyone, up to 3 times, one second apart; then it has
 *failed REACHABLE   answered: for 30 s, then STALE STALE       stays for 10 minutes; a packet
 *through it -> PROBE (no DELAY: there is no upper layer here that could confirm reachability) PROBE
 *ask that station, up to 3 times, one second apart; answered: REACHABLE; else removed clang-format
 *on
 *
 * A reply is a message to us that answers a request of ours; everything else is a claim. Neither
 * creates an entry. A claim never changes the MAC of a REACHABLE entry: it triggers a probe of the
 * known station, which settles the matter within three seconds. The table in state.c lists what
 * each message does. Resolver worker only. */
#ifndef EG_NEIGH_STATE_H
#define EG_NEIGH_STATE_H

#include "neigh/message.h"
#include "neigh/table.h"

#define EG_NEIGH_RETRY_MS     1000   /* RetransTimer (RFC 4861 s10) */
#define EG_NEIGH_TRIES        3      /* MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT */
#define EG_NEIGH_REACHABLE_MS 30000  /* REACHABLE_TIME */
#define EG_NEIGH_STALE_MS     600000 /* an unused entry is removed after this */
#define EG_NEIGH_HELD_ALL     512    /* packets waiting for resolution, in total */

/* What the caller must do, apart from the change of the entry. */
enum eg_neigh_action {
	EG_NEIGH_NOTHING,
	EG_NEIGH_REQUEST_ALL,     /* by broadcast, or to the solicited-node group */
	EG_NEIGH_REQUEST_STATION, /* by unicast */
	EG_NEIGH_SEND_HELD,       /* its MAC is known now: send waiting packets */
	EG_NEIGH_GIVE_UP,         /* drop waiting packets, then remove it */
};

/* Process a message whose owner is this neighbour. `answer`: it is a reply to us. Sets *refused if
 * the message has a MAC that the entry does not accept. */
enum eg_neigh_action eg_neigh_update(struct eg_neighs *neighs, struct eg_neigh *neigh,
				     const struct eg_neigh_message *message, bool answer,
				     uint64_t now_ms, bool *refused);

/* Process timeouts. */
enum eg_neigh_action eg_neigh_tick(struct eg_neighs *neighs, struct eg_neigh *neigh,
				   uint64_t now_ms);

/* Record that a request was sent. */
static inline void eg_neigh_requested(struct eg_neigh *neigh, uint64_t now_ms)
{
	neigh->since_ms = now_ms;
	neigh->tries++;
}

/* Hold a packet until the MAC is known; false if too many are waiting. */
bool eg_neigh_hold(struct eg_neighs *neighs, struct eg_neigh *neigh, void *packet);

/* Return the waiting packets in order; returns their number. */
unsigned eg_neigh_release(struct eg_neighs *neighs, struct eg_neigh *neigh,
			  void *out[EG_NEIGH_HELD_MAX]);

#endif
