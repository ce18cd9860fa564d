/* The ports' kernel devices: interfaces by which the node's kernel gets and sends packets of a port
 * (path/kernel.h). Made behind the ports, whose MACs they take; closed before the ports, whose
 * buffers they use. A device that fails later costs its own packets only. Control thread. */
#ifndef EG_PORT_KERNEL_H
#define EG_PORT_KERNEL_H

#include <net/if.h>

#include "port/port.h"

/* Buffers that a device's queues and the ring to it hold. */
#define EG_KERNEL_BUFFERS 4096

/* Make the devices of all ports that are to have one: MAC and MTU of the port, up, with the port's
 * addresses. 0, or -1 with the reasons in errs; then eg_kernels_stop() all the same. */
int eg_kernels_start(struct eg_ports *ports, struct eg_errs *errs);
void eg_kernels_stop(struct eg_ports *ports);

/* Give the interfaces the addresses of this configuration, and take away those that only the one
 * before had. Failures are logged: the gateway itself works without. */
void eg_kernels_address(struct eg_ports *ports, const struct eg_config *config);

/* Log interfaces that went down or away, and those that came back. */
void eg_kernels_poll(struct eg_ports *ports);

/* The name of the kernel device's interface, which its arguments must have (conf/kernel.c). Pure;
 * any thread. */
void eg_kernel_interface(const struct eg_conf_port *conf, char name[IF_NAMESIZE]);

#endif
