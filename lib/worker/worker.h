/* Workers: one thread per lcore that polls its queues and runs the packet path.
 *
 * Life cycle: fill the fixed part of struct eg_workers -> eg_workers_make() -> start the ports,
 * which need the number of workers -> eg_workers_wire(), which distributes the queues ->
 * eg_workers_launch()
 * -> eg_workers_end() -> eg_workers_free().
 *
 * Synchronization: the control thread owns all of it. A worker's thread uses its struct eg_worker,
 * reads `phase` and acknowledges it, and reads what is published (snap/publish.h). Everything else
 * is fixed before the launch. */
#ifndef EG_WORKER_WORKER_H
#define EG_WORKER_WORKER_H

#include <stdatomic.h>

#include "base/err.h"
#include "conf/config.h"
#include "path/path.h"
#include "port/port.h"
#include "snap/publish.h"
#include "worker/housekeeping.h"

#define EG_WORKERS_MAX EG_CONF_LCORES_MAX

/* Packets that each ring between workers holds. */
#define EG_WORKER_RING 2048

/* Workers end in phases, so that no packet is lost: each phase begins when all workers have
 * acknowledged the one before. */
enum eg_phase {
	EG_PHASE_RUN,
	EG_PHASE_NO_RX,      /* receive queues are not polled any more */
	EG_PHASE_NO_HANDOFF, /* no packets are handed off any more: empty the handoff rings */
	EG_PHASE_NO_RESOLVE, /* no packet waits for a neighbour any more: drop those that do */
	EG_PHASE_NO_TX_RING, /* nothing is enqueued any more: empty the transmit rings */
	EG_PHASE_END,
};

struct eg_queue {
	unsigned port; /* index in the configuration */
	uint16_t queue;
	struct rte_ring *ring; /* of a transmit queue that other workers fill */
};

struct eg_workers;

struct eg_worker {
	struct eg_path_parts parts; /* gathered before launch */
	struct eg_path path;
	struct eg_workers *workers;
	unsigned lcore;
	bool yields; /* another thread may need this CPU */
	struct eg_housekeeping housekeeping;
	EG_VEC(struct eg_queue) rx;
	EG_VEC(struct eg_queue) tx; /* with rings to empty */
	_Atomic enum eg_phase acked;
	_Atomic uint64_t iterations; /* of its loop; written by its thread */
};

struct eg_workers {
	/* Fixed, by the caller; borrowed. */
	const struct eg_config *config; /* of the start */
	struct eg_ports *ports;
	struct eg_publisher *publisher;
	struct eg_flow_table *flows;
	struct eg_tunnels *tunnels;
	struct eg_event_queue *events; /* to the control thread; from eg_workers_launch() on */

	struct eg_multi_packet multi_packet; /* measured by eg_workers_make() (crypto/crypto.h) */
	unsigned n;
	struct eg_worker *worker[EG_WORKERS_MAX];
	struct eg_stats *stats[EG_WORKERS_MAX];
	struct rte_ring *handoff[EG_WORKERS_MAX];
	struct eg_resolver_shared resolver_shared; /* to worker 0, which resolves neighbours */
	_Atomic enum eg_phase phase;
};

/* The packet path's requirements for buffers (port/port.h). */
struct eg_buffer_needs eg_worker_buffer_needs(void);

/* Create a worker for each of EAL's lcores except the main one. 0, or -1 with the reason in errs.
 * Call eg_workers_free() in both cases. */
int eg_workers_make(struct eg_workers *workers, struct eg_errs *errs);

/* Assign the queues of the started ports to the workers. 0, or -1 with the reasons in errs. */
int eg_workers_wire(struct eg_workers *workers, struct eg_errs *errs);

/* Start the threads. 0, or -1 with the reason in errs. Call eg_workers_end() in both cases. */
int eg_workers_launch(struct eg_workers *workers, struct eg_errs *errs);

/* Limit drop samples for the log to per_s per second and worker; 0: none. */
void eg_workers_sample(struct eg_workers *workers, uint32_t per_s);

/* Drain and end the threads. False if one did not finish draining in time. */
bool eg_workers_end(struct eg_workers *workers);

void eg_workers_free(struct eg_workers *workers);

/* loop.c: a worker's thread, until EG_PHASE_END. */
int eg_worker_main(void *worker);

#endif
