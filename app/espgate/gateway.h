/* The running daemon: what run starts in order and stops in the opposite order.
 *
 * Synchronization: the control thread owns all of it. Workers share `world` (RCU), `phase` and
 * their own `acked`; everything else is fixed before they start. */
#ifndef ESPGATE_GATEWAY_H
#define ESPGATE_GATEWAY_H

#include <stdatomic.h>

#include <rte_mempool.h>

#include "base/log.h"
#include "conf/config.h"
#include "path/path.h"
#include "snap/publish.h"
#include "stat/report.h"

#define EG_WORKERS_MAX EG_CONF_LCORES_MAX

/* How workers come to an end without losing a packet: each phase begins when all have acknowledged
 * the one before. */
enum eg_phase {
	EG_PHASE_RUN,
	EG_PHASE_NO_RX,      /* receive queues are left alone */
	EG_PHASE_NO_HANDOFF, /* nobody hands over any more: empty the hand-over rings */
	EG_PHASE_NO_RESOLVE, /* nobody brings packets to the keeper of neighbours: drop what waits
			      */
	EG_PHASE_NO_TX_RING, /* nobody queues any more: empty the transmit rings */
	EG_PHASE_END,
};

struct eg_queue {
	unsigned port; /* index in the configuration */
	uint16_t queue;
	struct rte_ring *ring; /* of a transmit queue that other workers fill */
};

struct eg_worker {
	struct eg_path path;
	struct eg_gateway *gateway;
	unsigned lcore;
	bool yields; /* another thread may need this CPU */
	EG_VEC(struct eg_queue) rx;
	EG_VEC(struct eg_queue) tx; /* with rings to empty */
	_Atomic enum eg_phase acked;
	_Atomic uint64_t iterations; /* of its loop; its own to count */
};

/* A port after it was set up. A sub-port has its parent's device and transmit queues, and receives
 * by them. */
struct eg_gateway_port {
	struct rte_mempool *pool; /* where it receives into buffers of its own size, else NULL */
	uint16_t dpdk_id;
	unsigned if_index; /* of the kernel's interface behind it; 0: none */
	uint16_t n_rx, n_tx;
	bool sums;    /* the device checks IPv4 headers */
	bool partial; /* it may bring partial checksums, and cannot tell (net/partial_checksum.h) */
	uint16_t mtu;
	uint8_t mac[6];
	bool started;
	uint8_t *vlans; /* of a device with sub-ports (path/path.h), else NULL */
	struct rte_ring *tx_ring[EG_WORKERS_MAX]; /* one a transmit queue, where workers share it */
};

/* A port's kernel device (kernel.h). */
struct eg_gateway_kernel {
	bool on;
	uint16_t dpdk_id;
	uint16_t mtu;
	unsigned ifindex;
	struct eg_prefix address[EG_CONF_ADDRESSES_MAX]; /* that we gave it */
	size_t n_addresses;
	bool lost; /* its interface is down or gone, when we last looked */
};

struct eg_gateway {
	const struct eg_config *config; /* of the start: ports and workers stay as they were */
	struct eg_log log;
	uint64_t stats_period_ns; /* 0: no periodic block */
	struct eg_sa_store *sas;
	struct eg_publisher publisher;
	struct rte_mempool *pool, *large; /* as in eg_path */
	struct eg_gateway_port port[EG_CONF_PORTS_MAX];
	unsigned n_ports;
	struct eg_gateway_kernel kernel[EG_CONF_PORTS_MAX];
	struct rte_ring *to_kernel; /* NULL: no port has a kernel device */
	struct eg_worker *worker[EG_WORKERS_MAX];
	unsigned n_workers;
	struct rte_ring *handoff[EG_WORKERS_MAX];
	struct eg_resolver_shared resolver_shared; /* to worker 0, which keeps the neighbours */
	struct eg_stats *stats[EG_WORKERS_MAX];
	struct eg_flow_table *flows;
	uint64_t state_failed_ns; /* when a failure to write state was last told; 0: none */
	struct {
		uint64_t heard; /* messages that were believed, at the last look */
		uint64_t next_ns;
		uint64_t next_note_ns;
	} pmtu;
	struct {
		uint64_t moved; /* by the workers' count, at the last look */
		uint64_t next_ns;
	} endpoints;
	uint64_t sweep_token; /* of the grace period that swept connections wait for */
	uint64_t started_ns;
	_Atomic uint32_t links_down; /* a bit a port; the control thread's word, read by workers */
	_Atomic enum eg_phase phase;
};

/* eal.c: start DPDK for this configuration; args come after -- and win over the configuration's.
 * 0 or -1, told to errs. */
int eg_eal_start(const struct eg_config *config, char **args, int n_args, struct eg_errs *errs);

/* ports.c: set up and start every port; stop and close them. Before start the workers must be
 * counted (queues depend on their number). */
int eg_ports_start(struct eg_gateway *gateway, struct eg_errs *errs);
void eg_ports_stop(struct eg_gateway *gateway);

/* subports.c: VLAN sub-ports of the devices that run; called by ports.c. */
int eg_subports_start(struct eg_gateway *gateway, struct eg_errs *errs);
void eg_subports_stop(struct eg_gateway *gateway);

/* ports.c: what to ask of a device: its own limit where it has a lower one. */
struct rte_eth_dev_info;
uint16_t eg_device_mtu(uint16_t mtu, const struct rte_eth_dev_info *info);

/* iface.c: the kernel interface behind a port's device. Let its MTU be at least so many bytes: 0 or
 * -errno. Is it up and running, for all the kernel knows? The device and its arguments, with what
 * the port's MTU asks of the driver. */
int eg_iface_raise_mtu(unsigned if_index, uint16_t mtu);

/* May packets by this interface have partial checksums (net/partial_checksum.h)? Virtual ones carry
 * what a sender left to a device that is none. The kernel's name of its driver, where it has one.
 */
bool eg_iface_is_virtual(unsigned if_index, char driver[32]);

bool eg_iface_has_link(unsigned if_index);
void eg_iface_args(const struct eg_conf_port *conf, struct eg_buf *args);

/* buffers.c: make the pools, when the ports' queues are counted; free them. Is the port's longest
 * frame longer than its receive buffers? */
#define EG_DESCRIPTORS 1024 /* of a queue, where the device leaves the choice */

int eg_buffers_make(struct eg_gateway *gateway, struct eg_errs *errs);
void eg_buffers_free(struct eg_gateway *gateway);
bool eg_buffers_small(const struct eg_conf_port *conf);

/* workers.c: make the workers and spread the queues over them; launch; log at most so
 * many drops per second and worker; bring them to an end (false where one did not finish draining
 * in time); free. */
int eg_workers_make(struct eg_gateway *gateway, struct eg_errs *errs);
int eg_workers_wire(struct eg_gateway *gateway, struct eg_errs *errs);
int eg_workers_launch(struct eg_gateway *gateway, struct eg_errs *errs);
void eg_workers_sample(struct eg_gateway *gateway, uint32_t per_s);
bool eg_workers_end(struct eg_gateway *gateway);
void eg_workers_free(struct eg_gateway *gateway);

/* sas.c: renew the SAs' reservations ahead of use and check their lifetimes; write down what was
 * used, when all workers have ended. */
void eg_sas_step(struct eg_gateway *gateway);
void eg_sas_finish(struct eg_gateway *gateway);

/* links.c: poll the ports' link state; changes go to the workers and the log. */
void eg_links_step(struct eg_gateway *gateway);

/* age.c: one step of forgetting idle connections; all of the table in about a second of steps. */
void eg_age_step(struct eg_gateway *gateway);

/* liveness.c: log which tunnels went down or came up since the last call; their state for a
 * report. */
void eg_liveness_log(struct eg_gateway *gateway);

/* pmtu.c: age learned path MTUs; log what changed. */
void eg_pmtu_step(struct eg_gateway *gateway);

/* endpoints.c: log endpoints that moved, once per second; the last ones at the end. */
void eg_endpoints_step(struct eg_gateway *gateway);
void eg_endpoints_finish(struct eg_gateway *gateway);

void eg_liveness_report(const struct eg_snap *snap, struct eg_report *report);

/* worker.c: the lcore loop. */
int eg_worker_main(void *worker);

/* observe.c: counters into a report; drop samples into the log. */
void eg_report_collect(const struct eg_gateway *gateway, struct eg_report *report);
uint64_t eg_total_received(const struct eg_gateway *gateway);
void eg_log_drops(struct eg_gateway *gateway);

#endif
