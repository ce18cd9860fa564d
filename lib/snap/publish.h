/* Give workers a snapshot, and release the one before when they no longer read it.
 *
 * Life cycle: eg_publisher_init() -> eg_publish() any number of times -> all workers offline,
 * eg_rcu_fini() -> eg_publisher_fini().
 *
 * Synchronization: one control thread publishes, by one atomic pointer. Each worker loads it at the
 * start of a poll and reports quiescence at its end (rcu/rcu.h), so a burst sees one snapshot.
 * Publishing waits for nobody: a snapshot that was replaced is freed by eg_rcu_poll() after the
 * workers' grace period. */
#ifndef EG_SNAP_PUBLISH_H
#define EG_SNAP_PUBLISH_H

#include <stdatomic.h>

#include "snap/snap.h"

struct eg_publisher {
	_Atomic(struct eg_snap *) snap; /* NULL until the first publish: drop everything */

	/* The control thread's. */
	struct eg_rcu *rcu;
	uint64_t generation, world_generation, policy_generation; /* given out so far */
};

/* The RCU is borrowed: it frees replaced snapshots. Control thread, as all of the following. */
void eg_publisher_init(struct eg_publisher *publisher, struct eg_rcu *rcu);

/* Free the last snapshot. All workers are offline, and what was deferred is freed. */
void eg_publisher_fini(struct eg_publisher *publisher);

/* Put `snap` in force and retire the one before. A part that was not in force gets the next
 * generation of its kind; a part that was stays as it is. The snapshot is the publisher's from
 * then on. Neither blocks nor fails. */
void eg_publish(struct eg_publisher *publisher, struct eg_snap *snap);

/* The snapshot in force: for the control thread, and for a worker until its next report of
 * quiescence. */
static inline const struct eg_snap *eg_publisher_read(const struct eg_publisher *publisher)
{
	/* Acquire: what the control thread built is seen whole. */
	return atomic_load_explicit(&publisher->snap, memory_order_acquire);
}

#endif
