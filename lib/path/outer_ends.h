/* The outer addresses of a packet from an encrypted port: a tunnel's, or the gateway's. */
#ifndef EG_PATH_OUTER_ENDS_H
#define EG_PATH_OUTER_ENDS_H

#include "path/path.h"

/* Are they the tunnel's ends (RFC 4301 s4.4.2.1: an SA may be found by its SPI alone, but ESP with
 * a known SPI from elsewhere is not the peer's)? If the tunnel follows its peer's endpoint, a
 * packet in UDP may come from anywhere: only its ICV shows whose it is (RFC 7296 s2.23). */
static inline bool eg_has_tunnel_ends(const uint8_t *data, const struct eg_pkt *pkt,
				      const struct eg_tunnel *tunnel)
{
	bool anywhere = tunnel->floats && pkt->proto == EG_PROTO_UDP;

	if (tunnel->remote.family != pkt->version)
		return false;
	if (pkt->version == 4) {
		const struct eg_ip4 *ip = (const struct eg_ip4 *)data;

		return (anywhere || !memcmp(ip->src, tunnel->remote.bytes, 4)) &&
		       !memcmp(ip->dst, tunnel->local.bytes, 4);
	} else {
		const struct eg_ip6 *ip = (const struct eg_ip6 *)data;

		return (anywhere || !memcmp(ip->src, tunnel->remote.bytes, 16)) &&
		       !memcmp(ip->dst, tunnel->local.bytes, 16);
	}
}

/* Is it for the gateway itself, or between the ends of a transport-mode tunnel? Two route lookups:
 * only for packets that are dropped. */
static inline bool eg_is_ours(const struct eg_path *path, const uint8_t *data,
			      const struct eg_pkt *pkt)
{
	const struct eg_ip4 *ip4 = (const struct eg_ip4 *)data;
	const struct eg_ip6 *ip6 = (const struct eg_ip6 *)data;
	const struct eg_hop *to = pkt->version == 4 ? eg_snap_route4(path->world, ip4->dst)
						    : eg_snap_route6(path->world, ip6->dst);
	const struct eg_hop *back = pkt->version == 4 ? eg_snap_route4(path->world, ip4->src)
						      : eg_snap_route6(path->world, ip6->src);

	const struct eg_tunnel *tunnel =
		back->kind == EG_HOP_TUNNEL ? eg_tunnel_get(path->tunnels, back->tunnel) : NULL;

	return to->kind == EG_HOP_LOCAL ||
	       (tunnel && tunnel->transport && eg_has_tunnel_ends(data, pkt, tunnel));
}

#endif
