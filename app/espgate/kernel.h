/* The ports' kernel devices: made by the control thread behind the ports, used by the keeper's
 * worker, closed before the ports (their buffers are the ports'). */
#ifndef ESPGATE_KERNEL_H
#define ESPGATE_KERNEL_H

#include "gateway.h"

/* What a device's queues and the ring to it hold. */
#define EG_KERNEL_BUFFERS 4096

/* Make the devices of all ports that are to have one: MAC and MTU of the port, up, with the port's
 * addresses. 0, or -1 told to errs; then eg_kernels_stop() all the same. */
int eg_kernels_start(struct eg_gateway *gateway, struct eg_errs *errs);

/* Tell the workers, before they are launched. */
void eg_kernels_wire(struct eg_gateway *gateway);

/* Let the interfaces have the addresses of this configuration, and lose those that they had by the
 * one before. What fails is logged: the gateway itself does without. */
void eg_kernels_address(struct eg_gateway *gateway, const struct eg_config *config);

/* Log interfaces that went down, or away, and came back. */
void eg_kernels_step(struct eg_gateway *gateway);

/* What becomes of a packet for an address of the gateway, in words: needs no daemon. */
void eg_kernel_explain(const struct eg_config *config, const struct eg_ip *dst, struct eg_buf *out);

void eg_kernels_stop(struct eg_gateway *gateway);

#endif
