/* Neighbours on the packets' way: one worker, the keeper, writes their table (neigh/table.h) and
 * keeps the packets that wait; all others bring it both messages and packets by rings.
 *
 * Life cycle: app makes the rings and the table before the workers, and says which worker keeps; at
 * the end the keeper drops what still waits. Synchronization: rings are multi-producer, single-
 * consumer; everything else here is the keeper's own. */
#ifndef EG_PATH_RESOLVE_H
#define EG_PATH_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "base/tokens.h"
#include "neigh/neigh.h"

struct eg_meta;
struct eg_path;
struct eg_snap;
struct rte_mbuf;

/* What all workers share. */
struct eg_resolver_shared {
	struct eg_neighs *neighs;
	struct rte_ring *messages; /* mbuf->port: our index; data start at the Ethernet header */
	struct rte_ring *packets;  /* ready but for the link header; what they wait for stands at
				    * the start of their buffer */
};

/* A worker's brakes on what it brings. */
struct eg_resolver_limits {
	struct eg_tokens welcome, others;
};

/* The keeper's own. */
struct eg_resolver {
	bool on; /* this worker keeps */
	uint64_t next_ms;
	uint32_t at; /* where the next look through the table begins */
	struct eg_tokens questions;
	uint64_t world_generation;          /* of the world that was last looked at */
	uint64_t announced[EG_NEIGH_PORTS]; /* its addresses_since, of the addresses that were
					     * announced last */
	uint64_t announce_ms;
	unsigned announce_left;
	uint32_t announce_ports; /* those whose addresses are announced now, a bit each */
	uint32_t down;           /* eg_path.down when the keeper last looked */
	uint64_t defended_ms[EG_NEIGH_PORTS]; /* 0: never */
};

/* Messages a second that a worker brings to the keeper, and at once: those that confirm the table
 * or answer it apart from the rest, so that no flood drowns an answer. */
#define EG_MESSAGES_PPS   2000
#define EG_MESSAGES_BURST 256
/* Questions a second of all. */
#define EG_REQUESTS_PPS   1000
#define EG_REQUESTS_BURST 256

/* Any worker: bring a received ARP or ND frame, whose data start at the Ethernet header. Returns
 * EG_CONSUMED or a reason to drop it. */
enum eg_verdict eg_resolve_message(struct eg_path *path, struct rte_mbuf *m, unsigned port);

/* Any worker: bring a packet whose next station's MAC is not known, and what is known of it. The
 * same. */
enum eg_verdict eg_resolve_packet(struct eg_path *path, const struct eg_meta *meta,
				  struct rte_mbuf *m, unsigned port, const struct eg_ip *next);

/* The keeper's turn but for what it is made to say (path.c). */
unsigned eg_resolver_poll(struct eg_path *path, uint64_t now_ms, bool ending);

#endif
