/* Site 1 with policy, connections and a clock of the test's, and flows for the forwarding cache.
 *
 * UDP, one connection each:
 *	PEER    10.1.0.5 -> 10.2.0.9   into tunnel 0 (192.0.2.2)
 *	OTHER   10.1.0.5 -> 10.7.0.9   into tunnel 1 (192.0.2.7)
 *	GROUP   10.1.0.5 -> 10.8.0.9   into a group of both; tunnel 0 has priority
 *	STATION 10.1.0.5 -> 10.6.0.9   into tunnel 2 (192.0.2.6), which is a neighbour on the wire
 *	POD     10.2.0.9 -> 10.1.0.5   out of tunnel 0, to a configured MAC
 *	HOST    10.2.0.9 -> 10.9.0.5   out of tunnel 0, to a neighbour */
#ifndef PATH_CACHED_H
#define PATH_CACHED_H

#include "path/path_tests.h"

enum flow_id {
	PEER,
	OTHER,
	GROUP,
	STATION,
	POD,
	HOST,
	FLOWS
};

#define BIT(flow) (1u << (flow))

#define CACHED_SECOND 1000000ull /* cycles */

struct cached {
	struct gw *gw;
	uint64_t clock; /* of the path, in cycles */
	uint32_t down;  /* bit p: port p has no link */
	struct eg_flow_table *table;
	struct eg_flow *flow;
	struct eg_liveness *liveness; /* of tunnel 0 */
	uint64_t seq;                 /* of the last packet out of tunnel 0 */
};

/* Everything is up and resolved, and the cache knows each flow's next packet. floats: the peers
 * have ESP in UDP, and that of tunnel 0 may move. */
void cached_open(struct cached *cached, bool floats);
void cached_close(struct cached *cached);

/* Another policy with the next generation: it allows everything, or denies the site's own pods. */
void cached_publish(struct cached *cached, bool deny);

/* A packet of the flow, with so many bytes behind the IP header (at least 20). */
struct frame cached_frame(struct cached *cached, enum flow_id flow, unsigned payload);

/* The port by which a flow's packets come in, and the one by which they leave. */
unsigned cached_in(enum flow_id flow);
unsigned cached_out(enum flow_id flow);

/* Send a frame. Returns whether the cache knew it. */
bool cached_send(struct cached *cached, unsigned port, const struct frame *frame);

/* Send one packet of the flow, which must leave: returns whether the cache knew it. *out: as it
 * left; NULL: discard it. */
bool cached_pass(struct cached *cached, enum flow_id flow, struct frame *out);

/* One packet of each flow passes, in the order above: those of `mask` by the full path, the others
 * by the cache. And then all by the cache. */
void cached_expect(struct cached *cached, unsigned mask, const char *what);

/* The neighbour of STATION or HOST. */
struct eg_neigh_key cached_key(enum flow_id flow);
void cached_set_mac(struct cached *cached, enum flow_id flow, unsigned last);

#endif
