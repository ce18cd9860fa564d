/* What workers report of tunnels to the control thread (base/event_queue.h). An event's id is the
 * tunnel's. What changed is in the tunnel: an event only says where to look. */
#ifndef EG_TUNNEL_EVENT_H
#define EG_TUNNEL_EVENT_H

#include "base/event_queue.h"

enum eg_tunnel_event {
	EG_TUNNEL_EVENT_LIVENESS, /* it went down, or came up */
	EG_TUNNEL_EVENT_PATH_MTU, /* a path MTU was learned, or confirmed */
	EG_TUNNEL_EVENT_ENDPOINT, /* its endpoint moved */
	EG_TUNNEL_EVENTS,
};

#endif
