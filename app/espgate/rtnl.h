/* The kernel's interfaces by rtnetlink: just what a kernel device needs. Control thread. Each call
 * opens its own socket; returns 0 or -errno. */
#ifndef ESPGATE_RTNL_H
#define ESPGATE_RTNL_H

#include <stdbool.h>

#include "base/ip.h"

/* Up, with that MTU. */
int eg_rtnl_up(unsigned ifindex, unsigned mtu);

/* Give the interface an address with its network's length, or take it away. An address that is
 * there already, or gone already, is no error. IPv6: without duplicate address detection, for
 * espgate defends the address on the wire. */
int eg_rtnl_address(unsigned ifindex, const struct eg_prefix *address, bool there);

#endif
