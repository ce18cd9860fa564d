/* A snapshot: the immutable part of what workers look up, as one consistent state.
 *
 * It has two parts, world and policy, with references and generations of their own, so that one of
 * them can be replaced without the other: connections are evaluated again when policy changes, and
 * only then. Workers get both by one pointer (snap/publish.h), so a burst never mixes a world with
 * the policy of another load. Tunnels and SAs are no part of it: they come and go one by one
 * (tunnel/table.h), and the world names tunnels by id.
 *
 * Life cycle: eg_candidate_build() from a checked configuration (snap/candidate.h) -> published by
 * eg_apply_step() (snap/apply.h) -> workers read -> freed after their grace period. */
#ifndef EG_SNAP_SNAP_H
#define EG_SNAP_SNAP_H

#include "rcu/rcu.h"
#include "snap/policy.h"
#include "snap/world.h"

struct eg_snap {
	struct eg_snap_world *world;   /* a reference */
	struct eg_snap_policy *policy; /* a reference; NULL: no policy is enforced, nothing is
					* tracked */

	/* The control thread's. */
	uint64_t generation; /* counts up with each published snapshot */
	struct eg_rcu_node rcu;
	struct eg_snap_policy *successor; /* a reference, while it is being retired: the policy
					   * that counts on from this one's counters */
};

/* A snapshot of two parts, whose references it takes over. NULL if out of memory: then they are
 * still the caller's. Any thread. */
struct eg_snap *eg_snap_new(struct eg_snap_world *world, struct eg_snap_policy *policy);

/* Release the parts. No worker may still read it. NULL is allowed. Any thread. */
void eg_snap_free(struct eg_snap *snap);

#endif
