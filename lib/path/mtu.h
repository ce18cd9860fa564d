/* How long a packet may be to leave by its hop, sealed or plain. */
#ifndef EG_PATH_MTU_H
#define EG_PATH_MTU_H

#include "net/esp.h"
#include "net/transport.h"
#include "path/path.h"

/* To the far end of a tunnel: what its port carries, or as far as is known the path behind it. */
static inline unsigned eg_mtu_outer(const struct eg_path *path, const struct eg_tunnel *tunnel)
{
	unsigned mtu = path->port[tunnel->hop.port].mtu, learned = eg_pmtu_get(tunnel->pmtu);

	return learned < mtu ? learned : mtu;
}

/* Each worker sends on its own SA where there are several (RFC 9611's idea). There is one. */
static inline struct eg_sa *eg_sa_of(const struct eg_path *path, const struct eg_tunnel *tunnel)
{
	return tunnel->out[tunnel->n_out == 1 ? 0 : path->worker % tunnel->n_out];
}

/* By this SA of the peer: exactly what esp_out makes of it fits eg_mtu_outer(). In transport mode
 * `kept` bytes of the packet's own headers stay in front of ESP; in tunnel mode none do. */
static inline unsigned eg_mtu_inner(const struct eg_path *path, const struct eg_tunnel *tunnel,
				    const struct eg_sa *sa, unsigned kept)
{
	const struct eg_esp_overhead overhead = {
		.outer = tunnel->outer_len - (tunnel->transport ? tunnel->ip_len : 0) + kept,
		.iv = sa->iv_bytes,
		.icv = sa->icv_bytes,
		.align = sa->align_bytes,
	};
	unsigned text = eg_esp_inner_mtu(eg_mtu_outer(path, tunnel), &overhead);

	return text ? kept + text : 0;
}

/* The same for a packet that sa_out has given its peer and SA. */
static inline unsigned eg_mtu_for_packet(const struct eg_path *path, const struct eg_meta *meta,
					 const uint8_t *data)
{
	unsigned kept = meta->tunnel->transport ? eg_transport_seal_point(data, &meta->pkt).off : 0;

	return eg_mtu_inner(path, meta->tunnel, meta->sa, kept);
}

/* The number in "too big". No host sends less than 1280 bytes of IPv6 (RFC 8200 s5): the tunnel
 * always takes those, fragmented once they are sealed (RFC 2473 s7.1). */
static inline unsigned eg_mtu_to_report(const struct eg_path *path, const struct eg_meta *meta,
					const uint8_t *data)
{
	unsigned room = eg_mtu_for_packet(path, meta, data);

	return meta->pkt.version == 6 && room < EG_IP6_MTU_MIN ? EG_IP6_MTU_MIN : room;
}

#endif
