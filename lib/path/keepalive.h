/* Keepalives of UDP encapsulation (RFC 3948 s4): a NAT between the gateways forgets a mapping that
 * is not used. Worker only. */
#ifndef EG_PATH_KEEPALIVE_H
#define EG_PATH_KEEPALIVE_H

#include <stdint.h>

struct eg_path;

/* A worker's place in its pass over the tunnels with udp_encap. */
struct eg_keepalive {
	uint32_t next;        /* place in the list of tunnels with keepalives */
	uint64_t next_cycles; /* TSC when the next pass begins */
};

/* Check a few tunnels, and fill the empty batch with a keepalive for each to which nothing was sent
 * for 20 s. They are sealed packets as far as tx is concerned. Returns how many. */
unsigned eg_keepalive_fill(struct eg_path *path);

#endif
