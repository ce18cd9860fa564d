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
	const uint8_t *src = eg_ip_src(data, pkt->version), *dst = eg_ip_dst(data, pkt->version);

	if (tunnel->remote.family != pkt->version)
		return false;
	/* Constant lengths: per packet, and compared in registers. */
	if (pkt->version == 4)
		return (anywhere || !memcmp(src, tunnel->remote.bytes, 4)) &&
		       !memcmp(dst, tunnel->local.bytes, 4);
	return (anywhere || !memcmp(src, tunnel->remote.bytes, 16)) &&
	       !memcmp(dst, tunnel->local.bytes, 16);
}

/* Is it for the gateway itself, or between the ends of a transport-mode tunnel? Two route lookups:
 * only for packets that are dropped. */
static inline bool eg_is_ours(const struct eg_path *path, const uint8_t *data,
			      const struct eg_pkt *pkt)
{
	const struct eg_hop *to =
		eg_snap_route(path->world, pkt->version, eg_ip_dst(data, pkt->version));
	const struct eg_hop *back =
		eg_snap_route(path->world, pkt->version, eg_ip_src(data, pkt->version));
	const struct eg_tunnel *tunnel =
		back->kind == EG_HOP_TUNNEL ? eg_tunnel_get(path->tunnels, back->tunnel) : NULL;

	return to->kind == EG_HOP_LOCAL ||
	       (tunnel && tunnel->transport && eg_has_tunnel_ends(data, pkt, tunnel));
}

#endif
