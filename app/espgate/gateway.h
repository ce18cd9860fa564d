/* The running daemon: what run starts in order and stops in the opposite order.
 *
 * Synchronization: the control thread owns all of it. Workers share `world` (RCU), `phase` and
 * their own `acked`; everything else is fixed before they start. */
#ifndef ESPGATE_GATEWAY_H
#define ESPGATE_GATEWAY_H

#include <stdatomic.h>

#include "base/log.h"
#include "conf/config.h"
#include "path/path.h"
#include "port/port.h"
#include "rcu/rcu.h"
#include "snap/publish.h"
#include "stat/report.h"

#define EG_WORKERS_MAX EG_CONF_LCORES_MAX

/* Packets that each ring between workers holds. */
#define EG_WORKER_RING 2048

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

struct eg_gateway {
	const struct eg_config *config; /* of the start: ports and workers stay as they were */
	struct eg_log log;
	uint64_t stats_period_ns; /* 0: no periodic block */
	struct eg_sa_store *sas;
	struct eg_rcu rcu;
	struct eg_publisher publisher;
	struct eg_ports ports;
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
	_Atomic enum eg_phase phase;
};

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

/* age.c: one step of forgetting idle connections; all of the table in about a second of steps. */
void eg_age_step(struct eg_gateway *gateway);

/* age.c: free what no worker can see any more (rcu/rcu.h). */
void eg_deferred_step(struct eg_gateway *gateway);

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
