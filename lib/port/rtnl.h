/* Kernel interfaces by rtnetlink: just what a kernel device needs. Control thread. Each call opens
 * its own socket and returns 0 or -errno. */
#ifndef EG_PORT_RTNL_H
#define EG_PORT_RTNL_H

#include <stdbool.h>

#include "base/ip.h"

/* Set it up, with that MTU. */
int eg_rtnl_up(unsigned ifindex, unsigned mtu);

/* Give the interface an address with its prefix length, or take it away. One that is there already,
 * or gone already, is no error. IPv6: without duplicate address detection, because espgate defends
 * the address on the wire. */
int eg_rtnl_address(unsigned ifindex, const struct eg_prefix *address, bool present);

#endif
