/* How long a packet may be to leave by its hop, sealed or plain. */
#ifndef EG_PATH_ROOM_H
#define EG_PATH_ROOM_H

#include "net/esp.h"
#include "net/split.h"
#include "path/path.h"

/* By this SA of the peer: exactly what esp_out makes of it fits the port's MTU. In transport mode
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
	unsigned text = eg_esp_inner_max(path->port[peer->hop.port].mtu, &around);

	return text ? kept + text : 0;
}

/* The same for a packet that sa_out has given its peer and SA. */
static inline unsigned eg_room_for(const struct eg_path *path, const struct eg_meta *meta,
				   const uint8_t *data)
{
	unsigned kept = meta->peer->transport ? eg_split_to_seal(data, &meta->pkt).off : 0;

	return eg_room_inside(path, meta->peer, meta->sa, kept);
}

#endif
