/* Exception ports: packets addressed to the gateway that espgate does not process itself go to the
 * node's kernel, and packets that the kernel sends come back, so that IKE, BGP or SSH daemons can
 * run on the node. A port may have one kernel device (a tap, or virtio-user over vhost-net): a
 * kernel interface with the port's MAC and addresses, whose packets leave by that port.
 *
 * ARP, ND and echo for the port's addresses. On the wire, only espgate answers them, as it does
 * without a kernel device, and none of them reach the kernel. Towards the kernel, espgate stands
 * for every other station: it answers each of the kernel's ARP and ND requests with the same MAC
 * (the port's, with the locally administered bit inverted), and forwards what the kernel sends
 * there by espgate's routes and neighbours. The kernel's probes and announcements are consumed. So
 * nothing is answered twice, and no station on the wire can change the kernel's neighbour table.
 *
 * The kernel receives packets for an address of the port that received them, except those that
 * espgate answers or decrypts. On a clear port: all that policy allows; also packets from a tunnel
 * for an address of a clear port, after decryption, source checks and policy. On an encrypted port:
 * only what its allow list names (path/allow.h), from stations on the same wire.
 *
 * The kernel may send from the port's addresses, by that port, and from a clear port also into
 * tunnels; policy applies to both as to any packet. By an encrypted port it may send only what the
 * allow list names. tx checks again, on the packet's bytes, before anything leaves in clear.
 *
 * Life cycle: lib/port makes the ring and the devices before the workers are launched.
 * Synchronization: one worker, the one that resolves neighbours, uses the devices. The others pass
 * it packets through a ring, multi-producer, single-consumer, rate limited per port, so that a
 * flood on one port leaves the others their share. */
#ifndef EG_PATH_KERNEL_H
#define EG_PATH_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tokens.h"
#include "route/hop.h"

struct eg_path;
struct rte_ring;

/* A port's kernel device as one worker uses it. */
struct eg_kernel {
	bool on;
	uint16_t dpdk_id;
	uint16_t mtu;             /* the port's, or less where the device takes no more */
	struct eg_hop hop;        /* of packets to the kernel: by this port */
	struct eg_tokens tokens;  /* for packets from this worker */
	struct eg_tokens answers; /* to ARP and ND requests */
};

/* Shared by all workers. */
struct eg_kernel_shared {
	struct rte_ring *packets; /* whole frames; mbuf->port: index of the port. NULL: no port has
				     a device */
};

/* Packets per second, and per burst, from one worker to one port's kernel device. */
#define EG_KERNEL_PPS   50000
#define EG_KERNEL_BURST 1024
/* ARP and ND requests per second, and per burst, that are answered on one kernel device. */
#define EG_KERNEL_ANSWERS_PPS   2000
#define EG_KERNEL_ANSWERS_BURST 256

/* exception.c: packet i is addressed to the gateway, and espgate does not process it. Both return
 * EG_CONSUMED or the reason to drop it. _local: called by route, after policy. _wire: the packet
 * came in clear on an encrypted port; `verdict` is returned if no kernel device of the port could
 * receive it. */
enum eg_verdict eg_exception_local(struct eg_path *path, unsigned i);
enum eg_verdict eg_exception_wire(struct eg_path *path, unsigned i, enum eg_verdict verdict);

/* kernel.c, on the worker that resolves neighbours: send a batch from the ring to the kernel.
 * Returns how many were dequeued. */
unsigned eg_kernel_deliver(struct eg_path *path);

/* The stages for packets that a port's kernel device sent: fill the batch; remove the link header,
 * and answer ARP and ND; then, after parse, check the source, the route and the allow list. */
unsigned eg_kernel_rx(struct eg_path *path, unsigned port);
void eg_kernel_link(struct eg_path *path);
void eg_kernel_verify(struct eg_path *path);

/* May packet i be sent in clear on an encrypted port? It must come from that port's kernel device
 * and still pass the checks of eg_kernel_verify(). The final check before transmission, on the
 * packet's bytes; counts what passes. */
bool eg_kernel_may_send(struct eg_path *path, unsigned i, unsigned port);

#endif
