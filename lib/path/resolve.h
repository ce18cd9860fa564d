/* Neighbour resolution: one worker, the resolver, writes the neighbour table (neigh/table.h), holds
 * the packets whose next hop's MAC is not known yet, answers ARP and ND, and announces the
 * gateway's addresses. All workers pass it messages and packets through rings.
 *
 * Life cycle: lib/worker makes the rings and the table, and chooses the worker that resolves; at
 * the end that worker drops the packets that still wait. Synchronization: rings are multi-producer,
 * single-consumer; everything else here belongs to that worker. */
#ifndef EG_PATH_RESOLVE_H
#define EG_PATH_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "base/tokens.h"
#include "neigh/state.h"

struct eg_meta;
struct eg_path;
struct eg_snap;
struct rte_mbuf;

/* What all workers share. */
struct eg_resolver_shared {
	struct eg_neighs *neighs;
	struct rte_ring *messages; /* mbuf->port: index of the port; data start at the Ethernet
				    * header */
	struct rte_ring *packets;  /* ready except for the link header; what they wait for is at
				    * the start of their buffer */
};

/* A worker's rate limiters for messages. */
struct eg_resolver_limits {
	struct eg_tokens expected, others; /* `expected` confirm or answer the table */
};

/* Of the worker that resolves. */
struct eg_resolver {
	bool on; /* this worker resolves */
	uint64_t next_ms;
	uint32_t at; /* the table's entry that is checked next */
	struct eg_tokens requests;
	uint64_t world_generation;          /* of the world whose addresses were compared last */
	uint64_t announced[EG_NEIGH_PORTS]; /* its addresses_since, of the addresses that were
					     * announced last */
	uint64_t announce_ms;
	unsigned announce_left;
	uint32_t announce_ports;              /* bit p: the addresses of port p are announced now */
	uint32_t down;                        /* eg_path.down at the last tick */
	uint64_t defended_ms[EG_NEIGH_PORTS]; /* 0: never */

	/* This poll, and what is left to do in it. */
	uint64_t now_ms;
	bool ending, ticks;
	unsigned taken; /* from the rings */
	unsigned packets_left, messages_left, entries_left;
	size_t addresses_left; /* to announce */
};

/* Messages per second that a worker passes on, and at once. Those that confirm or answer the table
 * have a separate limiter, so that a flood cannot suppress a reply. */
#define EG_MESSAGES_PPS   2000
#define EG_MESSAGES_BURST 256
/* Requests per second for all neighbours. */
#define EG_REQUESTS_PPS   1000
#define EG_REQUESTS_BURST 256

/* Any worker: pass on a received ARP or ND frame, whose data start at the Ethernet header. Returns
 * EG_CONSUMED or a reason to drop it. */
enum eg_verdict eg_resolve_message(struct eg_path *path, struct rte_mbuf *m, unsigned port);

/* Any worker: pass on a packet whose next hop's MAC is not known. The same. */
enum eg_verdict eg_resolve_packet(struct eg_path *path, const struct eg_meta *meta,
				  struct rte_mbuf *m, unsigned port, const struct eg_ip *next);

/* One poll: begin, then fill the empty batch with frames for eg_tx_frames() until there are none.
 * It takes at most EG_BATCH_MAX packets and messages from the rings, and does what time requires.
 * eg_resolver_fill() returns how many frames there are; 0: the poll is finished. */
void eg_resolver_begin(struct eg_path *path, uint64_t now_ms, bool ending);
unsigned eg_resolver_fill(struct eg_path *path);

#endif
