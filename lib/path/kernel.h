/* The exception ports: what is addressed to the gateway and is not its job goes to the node's
 * kernel, and what the kernel's programs say comes back, so that IKE, BGP or SSH daemons can live
 * on the node. A port may have one kernel device (a tap, or virtio-user over vhost-net): an
 * interface of the kernel with the port's MAC and the port's addresses, whose packets leave by that
 * port.
 *
 * Who speaks for the port's addresses. On the wire espgate does, alone: it answers ARP, ND and echo
 * there as it does without a kernel device, and nothing of these reaches the kernel. To the kernel
 * espgate is every other station: each of its ARP and ND questions is answered with one MAC (the
 * port's with the locally administered bit turned), and what the kernel then sends there finds its
 * way by espgate's routes and neighbours. The kernel's own probes and announcements end here. So
 * nothing is answered twice, and no station of the wire can talk its way into the kernel's tables.
 *
 * What the kernel gets: packets for an address of the port by which they came, but for what espgate
 * answers or opens itself. On a clear port all of them that policy lets through, and those out of a
 * tunnel for an address of a clear port, when they were opened, verified and decided. On an
 * encrypted port only what its allow list names (path/allow.h), from stations of that very wire.
 *
 * What the kernel may send: from the port's own addresses, by that port; from a clear port into
 * tunnels too, both under policy like any packet; by an encrypted port only what its allow list
 * names. tx asks again, by the packet's bytes, before anything leaves in clear.
 *
 * Life cycle: app makes the ring and the devices before the workers. Synchronization: one worker,
 * the keeper of neighbours, owns the devices; the others bring it packets by a ring,
 * multi-producer, single-consumer. How much they bring is bounded a port, so that one port's flood
 * leaves the others their share. */
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
	struct eg_hop hop;        /* of a packet that goes there: by this port */
	struct eg_tokens tokens;  /* for what this worker brings */
	struct eg_tokens answers; /* to ARP and ND */
};

/* What all workers share. */
struct eg_kernel_shared {
	struct rte_ring
		*packets; /* whole frames; mbuf->port: our index. NULL: no port has a device */
};

/* Packets a second that a worker brings to one port's kernel, and at once. */
#define EG_KERNEL_PPS   50000
#define EG_KERNEL_BURST 1024
/* Questions a second of one kernel device that are answered. */
#define EG_KERNEL_ANSWERS_PPS   2000
#define EG_KERNEL_ANSWERS_BURST 256

/* exception.c: packet i is addressed to the gateway, and nobody here wants it. Either returns
 * EG_CONSUMED or a reason to drop it. _local: route met it, so policy has decided it. _wire: it
 * came in clear by an encrypted port; `verdict` is what becomes of it where no kernel device asks.
 */
enum eg_verdict eg_exception_local(struct eg_path *path, unsigned i);
enum eg_verdict eg_exception_wire(struct eg_path *path, unsigned i, enum eg_verdict verdict);

/* kernel.c, the keeper only: send what the ring holds; returns how many. */
unsigned eg_kernel_deliver(struct eg_path *path);

/* The stages of what a port's kernel sent: fill the batch; take the link header off, and answer ARP
 * and ND; then, behind parse, see that source, way and kind are right. */
unsigned eg_kernel_rx(struct eg_path *path, unsigned port);
void eg_kernel_link(struct eg_path *path);
void eg_kernel_verify(struct eg_path *path);

/* May packet i leave in clear by an encrypted port? It came from that port's kernel device, and all
 * that eg_kernel_verify() asked is still so. The last look, by its bytes; counts what it lets pass.
 */
bool eg_kernel_may_send(struct eg_path *path, unsigned i, unsigned port);

#endif
