/* Hand a snapshot to the workers and learn when the one before is out of use (RCU with quiescent
 * states, rte_rcu_qsbr).
 *
 * Life cycle: init -> each worker online -> publish any number of times -> each worker offline ->
 * fini. Synchronization: one control thread publishes; each worker loads the pointer afresh at the
 * start of a turn and reports quiescence at its end, so a burst sees one snapshot. */
#ifndef EG_SNAP_PUBLISH_H
#define EG_SNAP_PUBLISH_H

#include <stdatomic.h>

#include "snap/snap.h"

struct rte_rcu_qsbr;

struct eg_publisher {
	_Atomic(struct eg_snap *) snap; /* NULL until the first publish: drop everything */
	struct rte_rcu_qsbr *qsbr;
	uint64_t generation;
};

/* 0 or -ENOMEM. */
int eg_publisher_init(struct eg_publisher *publisher, unsigned n_workers);

/* Free the last snapshot too. All workers are offline. */
void eg_publisher_fini(struct eg_publisher *publisher);

/* Put `snap` in force, wait until no worker reads the old one, and free that. Control thread;
 * blocks for at most the longest worker turn. */
void eg_publish(struct eg_publisher *publisher, struct eg_snap *snap);

/* A grace period without blocking: take a token, and ask later whether every worker has reported
 * quiescence since. Control thread. */
uint64_t eg_publisher_token(struct eg_publisher *publisher);
bool eg_publisher_passed(struct eg_publisher *publisher, uint64_t token);

/* The snapshot in force, for a worker between online and its next quiescent report. */
static inline const struct eg_snap *eg_publisher_read(const struct eg_publisher *publisher)
{
	/* Acquire: what the control thread built is seen whole. */
	return atomic_load_explicit(&publisher->snap, memory_order_acquire);
}

/* Worker w starts, ends, or has no reference to any snapshot left. */
void eg_publisher_online(struct eg_publisher *publisher, unsigned w);
void eg_publisher_offline(struct eg_publisher *publisher, unsigned w);
void eg_publisher_quiescent(struct eg_publisher *publisher, unsigned w);

#endif
