/* Peers whose NAT moves (udp_encap: {float: true}; route/endpoint.h): where their packets go
 * follows where their packets come from. Worker only. */
#ifndef EG_PATH_FOLLOW_H
#define EG_PATH_FOLLOW_H

#include "path/path.h"

/* Packet i is of this peer, which floats; its ICV was right and it is the newest of its SA;
 * its outer header is still in place. Where it came in UDP, the endpoint becomes its source
 * (RFC 7296 s2.23), unless that has port 0 or is not reached by the port
 * that the peer's configured address is reached by. */
void eg_follow(struct eg_path *path, unsigned i, const struct eg_tunnel *tunnel);

/* Where a sealed packet for an endpoint that is no longer at the configured address goes next: for
 * eg_follow_hop(). */
const struct eg_hop *eg_follow_away(const struct eg_path *path, const struct eg_tunnel *tunnel,
				    const struct rte_mbuf *m);

/* Where a sealed packet of this peer goes next; its data start at the outer header. */
static inline const struct eg_hop *eg_follow_hop(const struct eg_path *path,
						 const struct eg_tunnel *tunnel,
						 const struct rte_mbuf *m)
{
	return __builtin_expect(!tunnel->floats, 1) ? &tunnel->hop
						    : eg_follow_away(path, tunnel, m);
}

/* The UDP port that the peer's packets go to. */
static inline uint16_t eg_follow_port(const struct eg_tunnel *tunnel)
{
	return tunnel->floats ? eg_endpoint_get(tunnel->endpoint).port : tunnel->peer_port;
}

#endif
