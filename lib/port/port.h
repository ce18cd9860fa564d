/* The gateway's ports: DPDK devices and their VLAN sub-ports, packet buffers, kernel devices and
 * link state.
 *
 * Life cycle: fill the fixed part of struct eg_ports -> eg_ports_start(), which opens devices and
 * makes buffers -> eg_kernels_start() (port/kernel.h) -> eg_links_poll() and eg_kernels_poll(),
 * periodically -> eg_kernels_stop() -> eg_ports_stop().
 * Synchronization: everything belongs to the control thread. Workers read links_down, and what was
 * copied to them before their launch. */
#ifndef EG_PORT_PORT_H
#define EG_PORT_PORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "conf/config.h"

struct rte_eth_dev_info;
struct rte_mempool;
struct rte_ring;

#define EG_PORT_QUEUES_MAX EG_CONF_LCORES_MAX

#define EG_PORT_VLANS 4096
#define EG_PORT_NONE  0xff /* not a port's index */

/* A port after its start. A sub-port uses its parent's device and transmit queues, and receives
 * through its parent. */
struct eg_port_dev {
	struct rte_mempool *pool; /* for a buffer size of its own; NULL: the common pool */
	uint16_t dpdk_id;
	unsigned if_index; /* of the kernel interface behind it; 0: none */
	uint16_t n_rx, n_tx;
	bool checks_sums;  /* the device checks IPv4 header checksums */
	bool partial_sums; /* it may deliver partial checksums without flagging them
			      (net/partial_checksum.h) */
	uint16_t mtu;
	uint8_t mac[6];
	bool started;
	uint8_t *vlans; /* of a device with sub-ports: VLAN -> port or EG_PORT_NONE; else NULL */
	/* One per transmit queue that workers share; made by lib/worker. */
	struct rte_ring *tx_ring[EG_PORT_QUEUES_MAX];
};

/* A port's kernel device (port/kernel.h). */
struct eg_kernel_device {
	bool on;
	uint16_t dpdk_id;
	uint16_t mtu;
	unsigned if_index;
	struct eg_prefix address[EG_CONF_ADDRESSES_MAX]; /* that espgate has set */
	size_t n_addresses;
	bool lost; /* its interface was down or gone at the last poll */
};

/* The packet path's requirements for buffers. */
struct eg_buffer_needs {
	unsigned per_worker;       /* buffers that a worker holds at a time, besides the queues' */
	unsigned tailroom;         /* bytes behind a packet */
	unsigned large_per_worker; /* large buffers, for packets that are reassembled */
	unsigned large_bytes;      /* of a large buffer, without headroom */
};

struct eg_ports {
	/* Fixed, by the caller. */
	const struct eg_config *config; /* at the start: a reload does not change ports */
	struct eg_log *log;
	unsigned n_workers;
	struct eg_buffer_needs needs;

	unsigned n; /* ports; 0 until their devices are configured */
	struct eg_port_dev port[EG_CONF_PORTS_MAX]; /* by index in the configuration */
	struct eg_kernel_device kernel[EG_CONF_PORTS_MAX];
	struct rte_ring *to_kernel;       /* NULL: no port has a kernel device */
	struct rte_mempool *pool, *large; /* buffers for the largest MTU; large ones */
	_Atomic uint32_t links_down;      /* a bit per port; read by workers */
};

/* Open and start every port. 0, or -1 with the reasons in errs. Call eg_ports_stop() in both cases.
 */
int eg_ports_start(struct eg_ports *ports, struct eg_errs *errs);

/* Stop and close the ports, and free their buffers, when no worker uses them any more. */
void eg_ports_stop(struct eg_ports *ports);

/* Poll link state. Sets links_down, and logs changes. */
void eg_links_poll(struct eg_ports *ports);

/* The MTU to configure a device with: `mtu`, or less if it reports a lower limit. */
uint16_t eg_device_mtu(uint16_t mtu, const struct rte_eth_dev_info *info);

/* --- private to lib/port */

/* VLAN sub-ports of the started devices. */
int eg_subports_start(struct eg_ports *ports, struct eg_errs *errs);
void eg_subports_stop(struct eg_ports *ports);

/* Packet buffers; the ports' numbers of queues must be known. _small: is the port's longest frame
 * longer than its receive buffers? */
int eg_buffers_make(struct eg_ports *ports, struct eg_errs *errs);
void eg_buffers_free(struct eg_ports *ports);
bool eg_buffers_small(const struct eg_conf_port *conf);

#endif
