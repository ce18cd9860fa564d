/* The ports' kernel devices: interfaces through which the node's kernel receives and sends packets
 * of a port (path/kernel.h). Created after the ports, whose MACs they use, and closed before the
 * ports, whose buffers they use. If one fails later, only packets to and from it are lost. Control
 * thread. */
#ifndef EG_PORT_KERNEL_H
#define EG_PORT_KERNEL_H

#include <net/if.h>

#include "port/port.h"

/* Buffers held by a device's queues and by the ring to it. */
#define EG_KERNEL_BUFFERS 4096

/* Create the configured kernel devices, with the MAC, MTU and addresses of their ports, and set
 * them up. 0, or -1 with the reasons in errs. Call eg_kernels_stop() in both cases. */
int eg_kernels_start(struct eg_ports *ports, struct eg_errs *errs);
void eg_kernels_stop(struct eg_ports *ports);

/* Change the interfaces' addresses to those of this configuration, removing those that it no longer
 * has. Failures are logged only: the gateway works without. */
void eg_kernels_address(struct eg_ports *ports, const struct eg_config *config);

/* Log interfaces that went down, disappeared, or came back. */
void eg_kernels_poll(struct eg_ports *ports);

/* The name of the kernel device's interface, which its arguments must have (conf/kernel.c). Pure;
 * any thread. */
void eg_kernel_interface(const struct eg_conf_port *conf, char name[IF_NAMESIZE]);

#endif
