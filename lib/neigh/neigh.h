/* What a neighbour's entry goes through, as RFC 4861 s7.3 has it for IPv6 and we have it for both
 * families, simplified:
 *
 *	packet        INCOMPLETE: ask all, up to 3 times, a second apart; then it failed
 *	answered      REACHABLE for 30 s, then STALE
 *	STALE         kept 10 minutes; a packet through it -> PROBE (no DELAY: there is no upper
 *layer here that could confirm) PROBE         ask that station, up to 3 times, a second apart;
 *answered: REACHABLE; else gone
 *
 * An answer is a message to us that fits a question of ours; all else is a claim. Neither makes an
 * entry, and a claim never moves a REACHABLE one: it makes us ask the station that we know, which
 * settles it within three seconds. What each message does is one table in neigh.c. The keeper's. */
#ifndef EG_NEIGH_NEIGH_H
#define EG_NEIGH_NEIGH_H

#include "neigh/message.h"
#include "neigh/table.h"

#define EG_NEIGH_RETRY_MS     1000   /* RetransTimer (RFC 4861 s10) */
#define EG_NEIGH_TRIES        3      /* MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT */
#define EG_NEIGH_REACHABLE_MS 30000  /* REACHABLE_TIME */
#define EG_NEIGH_STALE_MS     600000 /* how long one that nobody uses is kept */
#define EG_NEIGH_HELD_ALL     512    /* packets that wait, in all */

/* What to do beside the change of the entry. */
enum eg_neigh_do {
	EG_NEIGH_NOTHING,
	EG_NEIGH_REQUEST_ALL,     /* broadcast, or the solicited-node group */
	EG_NEIGH_REQUEST_STATION, /* by its MAC */
	EG_NEIGH_SEND_HELD,       /* its MAC is known now */
	EG_NEIGH_GIVE_UP,         /* drop what it holds, then remove it */
};

/* A message whose sender is this neighbour. `answer`: it fits a question and came to us. Sets
 * *refused where the entry keeps another MAC than the message tells. */
enum eg_neigh_do eg_neigh_update(struct eg_neighs *neighs, struct eg_neigh *neigh,
				 const struct eg_neigh_message *message, bool answer,
				 uint64_t now_ms, bool *refused);

/* Time passes. */
enum eg_neigh_do eg_neigh_step(struct eg_neighs *neighs, struct eg_neigh *neigh, uint64_t now_ms);

/* A new entry is asked for. */
static inline void eg_neigh_requested(struct eg_neigh *neigh, uint64_t now_ms)
{
	neigh->since_ms = now_ms;
	neigh->tries++;
}

/* Keep a packet until the MAC is known; false where too many wait. */
bool eg_neigh_hold(struct eg_neighs *neighs, struct eg_neigh *neigh, void *packet);

/* Give back what waits, in its order; how many. */
unsigned eg_neigh_release(struct eg_neighs *neighs, struct eg_neigh *neigh,
			  void *out[EG_NEIGH_HELD_MAX]);

#endif
