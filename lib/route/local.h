/* The gateway's local addresses per port. Built with the snapshot, read-only for workers. */
#ifndef EG_ROUTE_LOCAL_H
#define EG_ROUTE_LOCAL_H

#include <stddef.h>

#include "base/ip.h"

struct eg_local {
	struct eg_prefix address; /* with its network's prefix length; host bits kept */
	uint8_t port;
};

struct eg_locals {
	struct eg_local *v; /* owned by the snapshot */
	size_t n;
};

/* The port's local address that equals `ip`, or NULL. */
const struct eg_local *eg_local_find(const struct eg_locals *locals, unsigned port,
				     const struct eg_ip *ip);

/* Source address for packets from a port to `ip`: its address in the same network, else its first
 * one of the same family, else NULL. */
const struct eg_local *eg_local_towards(const struct eg_locals *locals, unsigned port,
					const struct eg_ip *ip);

#endif
