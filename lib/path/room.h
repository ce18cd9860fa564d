/* How long a packet may be to leave by its hop, sealed or plain. */
#ifndef EG_PATH_ROOM_H
#define EG_PATH_ROOM_H

#include "net/esp.h"
#include "net/split.h"
#include "path/path.h"

/* To the far end of a tunnel: what its port carries, or as far as is known the path behind it. */
static inline unsigned eg_room_outer(const struct eg_path *path, const struct eg_tunnel *peer)
{
	unsigned mtu = path->port[peer->hop.port].mtu, learned = eg_pmtu_get(peer->pmtu);

	return learned < mtu ? learned : mtu;
}

/* Each worker sends on its own SA where there are several (RFC 9611's idea). There is one. */
static inline struct eg_sa *eg_sa_of(const struct eg_path *path, const struct eg_tunnel *peer)
{
	return peer->out[peer->n_out == 1 ? 0 : path->worker % peer->n_out];
}

/* By this SA of the peer: exactly what esp_out makes of it fits eg_room_outer(). In transport mode
 * `kept` bytes of the packet's own headers stay in front of ESP; in tunnel mode none do. */
static inline unsigned eg_room_inside(const struct eg_path *path, const struct eg_tunnel *peer,
				      const struct eg_sa *sa, unsigned kept)
{
	const struct eg_esp_around around = {
		.outer = peer->outer_len - (peer->transport ? peer->ip_len : 0) + kept,
		.iv = sa->iv_bytes,
		.icv = sa->icv_bytes,
		.align = sa->align_bytes,
	};
	unsigned text = eg_esp_inner_max(eg_room_outer(path, peer), &around);

	return text ? kept + text : 0;
}

/* The same for a packet that sa_out has given its peer and SA. */
static inline unsigned eg_room_for(const struct eg_path *path, const struct eg_meta *meta,
				   const uint8_t *data)
{
	unsigned kept = meta->peer->transport ? eg_split_to_seal(data, &meta->pkt).off : 0;

	return eg_room_inside(path, meta->peer, meta->sa, kept);
}

/* The number in "too big". No host sends less than 1280 bytes of IPv6 (RFC 8200 s5): the tunnel
 * always takes those, fragmented once they are sealed (RFC 2473 s7.1). */
static inline unsigned eg_room_told(const struct eg_path *path, const struct eg_meta *meta,
				    const uint8_t *data)
{
	unsigned room = eg_room_for(path, meta, data);

	return meta->pkt.version == 6 && room < EG_IP6_MTU_MIN ? EG_IP6_MTU_MIN : room;
}

#endif
