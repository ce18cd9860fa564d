/* How long a packet may be to leave by its hop, sealed or plain. */
#ifndef EG_PATH_ROOM_H
#define EG_PATH_ROOM_H

#include "net/esp.h"
#include "path/path.h"

/* Into a tunnel by this SA: exactly what esp_out makes of it fits the port's MTU. */
static inline unsigned eg_room_inside(const struct eg_path *path, const struct eg_tunnel *peer,
				      const struct eg_sa *sa)
{
	const struct eg_esp_around around = {
		.outer = peer->outer_len,
		.iv = sa->iv_bytes,
		.icv = sa->icv_bytes,
		.align = sa->align_bytes,
	};

	return eg_esp_inner_max(path->port[peer->hop.port].mtu, &around);
}

#endif
