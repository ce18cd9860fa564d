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

struct eg_world {
	_Atomic(struct eg_snap *) snap; /* NULL until the first publish: drop everything */
	struct rte_rcu_qsbr *qsbr;
	uint64_t generation;
};

/* 0 or -ENOMEM. */
int eg_world_init(struct eg_world *world, unsigned n_workers);

/* Free the last snapshot too. All workers are offline. */
void eg_world_fini(struct eg_world *world);

/* Put `snap` in force, wait until no worker reads the old one, and free that. Control thread;
 * blocks for at most the longest worker turn. */
void eg_world_publish(struct eg_world *world, struct eg_snap *snap);

/* The snapshot in force, for a worker between online and its next quiescent report. */
static inline const struct eg_snap *eg_world_read(const struct eg_world *world)
{
	/* Acquire: what the control thread built is seen whole. */
	return atomic_load_explicit(&world->snap, memory_order_acquire);
}

/* Worker w starts, ends, or has no reference to any snapshot left. */
void eg_world_online(struct eg_world *world, unsigned w);
void eg_world_offline(struct eg_world *world, unsigned w);
void eg_world_quiescent(struct eg_world *world, unsigned w);

#endif
