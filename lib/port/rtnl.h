/* The few rtnetlink requests that kernel devices need. Control thread. Each call opens a socket,
 * and returns 0 or -errno. */
#ifndef EG_PORT_RTNL_H
#define EG_PORT_RTNL_H

#include <stdbool.h>

#include "base/ip.h"

/* Set the interface up, with that MTU. */
int eg_rtnl_up(unsigned ifindex, unsigned mtu);

/* Add an address with its prefix length to the interface, or remove it. It is not an error if it
 * already exists, or is already gone. IPv6: without duplicate address detection, because espgate
 * defends the address on the wire. */
int eg_rtnl_address(unsigned ifindex, const struct eg_prefix *address, bool present);

#endif
