#include "snap/publish.h"

void eg_publisher_init(struct eg_publisher *publisher, struct eg_rcu *rcu)
{
	*publisher = (struct eg_publisher){.rcu = rcu};
}

void eg_publisher_fini(struct eg_publisher *publisher)
{
	eg_snap_free(atomic_load_explicit(&publisher->snap, memory_order_relaxed));
	*publisher = (struct eg_publisher){.snap = NULL};
}

/* No worker counts in the old policy any more: its successor's totals are final now. */
static void retire(struct eg_rcu_node *node)
{
	struct eg_snap *snap = eg_rcu_container(node, struct eg_snap, rcu);

	if (snap->successor)
		eg_snap_policy_fold(snap->successor, snap->policy);
	eg_snap_free(snap);
}

static void number_parts(struct eg_publisher *publisher, const struct eg_snap *snap,
			 const struct eg_snap *old)
{
	if (!old || snap->world != old->world)
		eg_snap_world_follow(snap->world, old ? old->world : NULL,
				     ++publisher->world_generation);
	if (snap->policy && (!old || snap->policy != old->policy))
		snap->policy->generation = ++publisher->policy_generation;
}

void eg_publish(struct eg_publisher *publisher, struct eg_snap *snap)
{
	struct eg_snap *old = atomic_load_explicit(&publisher->snap, memory_order_relaxed);

	snap->generation = ++publisher->generation;
	number_parts(publisher, snap, old);
	if (old && old->policy && snap->policy && old->policy != snap->policy) {
		eg_snap_policy_follow(snap->policy, old->policy);
		old->successor = eg_snap_policy_retain(snap->policy);
	}
	/* Release: the build is complete before a worker can see the pointer. */
	atomic_store_explicit(&publisher->snap, snap, memory_order_release);
	if (old)
		eg_rcu_defer(publisher->rcu, &old->rcu, retire);
}
