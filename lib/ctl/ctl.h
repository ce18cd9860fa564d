/* What the control thread works on, and the periodic steps of its work. Each step is short enough
 * for a handler of the loop (ctl/loop.h); the caller decides how often it runs.
 *
 * Life cycle: fill the borrowed part -> any number of steps -> eg_ctl_free().
 * Synchronization: the control thread's. Workers write the counters that are read here. */
#ifndef EG_CTL_CTL_H
#define EG_CTL_CTL_H

#include "base/log.h"
#include "conf/config.h"
#include "ctl/builder.h"
#include "ctl/events.h"
#include "ctl/loop.h"
#include "flow/flow.h"
#include "port/port.h"
#include "snap/apply.h"
#include "stat/report.h"

struct eg_reload_result;

/* A reload has ended (ctl/reload.h). */
typedef void eg_ctl_reloaded_fn(void *arg, const struct eg_reload_result *result);

struct eg_ctl {
	/* Borrowed; fixed. */
	struct eg_log *log;
	const struct eg_config *config; /* of the start: names of ports, state_dir */
	struct eg_ports *ports;
	struct eg_rcu *rcu;
	struct eg_publisher *publisher;
	struct eg_tunnels *tunnels;
	struct eg_sa_store *sas;
	struct eg_flow_table *flows;
	struct eg_stats *const *stats; /* of each worker */
	unsigned n_workers;
	uint64_t started_ns;                /* monotonic: when the workers were launched */
	struct eg_event_queue *event_queue; /* from the workers (tunnel/event.h) */
	struct eg_loop *loop;               /* NULL: not yet, or no longer */
	struct eg_builder *builder;         /* the same */

	/* Of one step each; zeroed memory is their start. */
	struct {
		uint64_t failed_ns; /* when a failure to write state was last logged; 0: none */
		unsigned lines;     /* rekeys that were or would have been logged in this second */
	} sa_upkeep;
	struct {
		uint64_t token; /* of the grace period that removed connections wait for; 0: none */
	} flow_ageing;
	struct {
		struct eg_events *events;
		bool examining; /* all tunnels, because events were lost */
		uint32_t next;  /* the tunnel to examine next */
	} tunnel_events;
	struct {
		EG_VEC(uint32_t) learned; /* tunnels with a learned path MTU, each at least once */
		size_t next;              /* the one to age next */
		bool incomplete;          /* one could not be added: out of memory */
	} path_mtu;
	struct {
		unsigned lines; /* that were or would have been logged in this second */
	} endpoints;
	struct {
		struct eg_installed installed;
		struct eg_reload *applying;    /* NULL: none */
		struct eg_reload *next;        /* built, and waits for that one; NULL: none */
		uint64_t submitted;            /* reloads so far; the number of the last one */
		uint64_t in_force, refused;    /* of them */
		uint64_t since_ns, refused_ns; /* wall clock: when the last load came into force,
						* and when the last one was refused; 0: never */
		eg_ctl_reloaded_fn *reloaded;  /* NULL: nobody asks */
		void *reloaded_arg;
	} reload;
};

/* --- steps */

/* Renew the SAs' reservations ahead of use, check their lifetimes, and act on rekey times. Never
 * waits for the disk. Every 20 ms. */
void eg_ctl_upkeep_sas(struct eg_ctl *ctl);

/* Age idle connections: all of the table in about 50 calls, and free those that no worker sees any
 * more. Every 20 ms. */
void eg_ctl_age_flows(struct eg_ctl *ctl);

/* Free what no worker can see any more (rcu/rcu.h). Every 20 ms. */
void eg_ctl_free_deferred(struct eg_ctl *ctl);

/* Log samples of dropped packets. Every 20 ms. */
void eg_ctl_log_drops(struct eg_ctl *ctl);

/* Age learned path MTUs (RFC 1191 s6.3), up to 1024 per call. Every 100 ms. */
void eg_ctl_age_path_mtus(struct eg_ctl *ctl);

/* Log how many endpoints moved, and how many peers were rekeyed, beyond those that have lines of
 * their own. Every second. */
void eg_ctl_log_omitted(struct eg_ctl *ctl);

/* --- events */

/* From now on, log and act on what workers report of tunnels (tunnel/event.h): which go down or
 * come up, learn a path MTU, or have a new endpoint. There is a loop. 0, or -1 with errno. */
int eg_ctl_follow_tunnels(struct eg_ctl *ctl);
void eg_ctl_unfollow_tunnels(struct eg_ctl *ctl); /* before the loop is freed */

/* --- at the end */

/* All workers have ended: write down exactly what SAs used. Waits for the disk. */
void eg_ctl_finish_sas(struct eg_ctl *ctl);

/* Bring a reload that is being applied to its end, and drop one that waits for it. */
void eg_ctl_finish_reload(struct eg_ctl *ctl);

/* Log what the steps have not logged yet. */
void eg_ctl_finish_logs(struct eg_ctl *ctl);

/* --- statistics */

/* Everything that counters say now. eg_report_free() ends it. */
void eg_ctl_collect(const struct eg_ctl *ctl, struct eg_report *report);

/* Of it, the ports and their kernel devices only. */
void eg_ctl_collect_ports(const struct eg_ctl *ctl, struct eg_report *report);

/* Packets that all workers received so far. */
uint64_t eg_ctl_received(const struct eg_ctl *ctl);

/* What is freed here: nothing that was borrowed. */
void eg_ctl_free(struct eg_ctl *ctl);

/* --- private to lib/ctl */

/* Lines per second of events that many peers may have at once: a big NAT restarts, or a reload
 * replaces all keys. */
#define EG_CTL_LINES_MAX 20

void eg_ctl_collect_liveness(const struct eg_tunnels *tunnels, struct eg_report *report);

#endif
