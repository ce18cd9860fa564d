/* Private to lib/tunnel: one version of a tunnel. Control thread. */
#ifndef EG_TUNNEL_VERSION_H
#define EG_TUNNEL_VERSION_H

#include "tunnel/tunnel.h"

struct eg_tunnels;

/* Complete, but not published. It has the endpoint and liveness of `before` (NULL: none) where
 * these stay, and new ones otherwise. NULL: out of memory. */
struct eg_tunnel *eg_tunnel_version_new(const struct eg_tunnels *tunnels,
					const struct eg_tunnel_spec *spec,
					struct eg_tunnel_state *state,
					const struct eg_tunnel *before);

/* It was never published, or its grace period is over. */
void eg_tunnel_version_free(struct eg_tunnel *tunnel);

/* Is that what it is already? */
bool eg_tunnel_version_is(const struct eg_tunnel *tunnel, const struct eg_tunnel_spec *spec);

#endif
