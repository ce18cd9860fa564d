/* The gateway's own addresses, port by port: whom it answers for, and as whom it speaks.
 * Built with the snapshot, read-only for workers. */
#ifndef EG_ROUTE_OWN_H
#define EG_ROUTE_OWN_H

#include <stddef.h>

#include "base/ip.h"

struct eg_own {
	struct eg_prefix address; /* with its network's length, host bits kept */
	uint8_t port;
};

struct eg_owns {
	struct eg_own *v; /* owned by the snapshot */
	size_t n;
};

/* The port's own address that equals `ip`, or NULL. */
const struct eg_own *eg_own_find(const struct eg_owns *owns, unsigned port, const struct eg_ip *ip);

/* As whom a port speaks to `ip`: its address in the same network, else its first of the family,
 * else NULL. */
const struct eg_own *eg_own_towards(const struct eg_owns *owns, unsigned port,
				    const struct eg_ip *ip);

#endif
