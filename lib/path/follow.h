/* Peers behind a NAT whose mapping changes (udp_encap: {float: true}; tunnel/endpoint.h): packets
 * are sent to where authentic packets last came from. Worker only. */
#ifndef EG_PATH_FOLLOW_H
#define EG_PATH_FOLLOW_H

#include "path/path.h"

/* Packet i came by this tunnel, which floats. Its ICV is right, it is the SA's newest packet, and
 * its outer header is still in place. If it came in UDP, its source becomes the endpoint (RFC 7296
 * s2.23), unless its port is 0 or its address is not reached by the same port of the gateway as the
 * configured address. */
void eg_follow(struct eg_path *path, unsigned i, const struct eg_tunnel *tunnel);

/* The slow half of eg_follow_hop(): the endpoint may have moved from the configured address. */
const struct eg_hop *eg_follow_moved_hop(const struct eg_path *path, const struct eg_tunnel *tunnel,
					 const uint8_t *dst);

/* The next hop of a packet of this tunnel with that destination in its outer header. */
static inline const struct eg_hop *eg_follow_hop(const struct eg_path *path,
						 const struct eg_tunnel *tunnel, const uint8_t *dst)
{
	return __builtin_expect(!tunnel->floats, 1) ? &tunnel->hop
						    : eg_follow_moved_hop(path, tunnel, dst);
}

/* The UDP port that the tunnel's packets are sent to. */
static inline uint16_t eg_follow_port(const struct eg_tunnel *tunnel)
{
	return tunnel->floats ? eg_endpoint_get(tunnel->endpoint).port : tunnel->peer_port;
}

#endif
