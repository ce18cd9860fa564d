#include "snap/publish.h"

#include <errno.h>

#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

int eg_world_init(struct eg_world *world, unsigned n_workers)
{
	*world = (struct eg_world){.snap = NULL};
	world->qsbr =
		rte_zmalloc("eg_qsbr", rte_rcu_qsbr_get_memsize(n_workers), RTE_CACHE_LINE_SIZE);
	if (!world->qsbr || rte_rcu_qsbr_init(world->qsbr, n_workers))
		return -ENOMEM;
	for (unsigned w = 0; w < n_workers; w++)
		rte_rcu_qsbr_thread_register(world->qsbr, w);
	return 0;
}

void eg_world_fini(struct eg_world *world)
{
	eg_snap_free(atomic_load_explicit(&world->snap, memory_order_relaxed));
	rte_free(world->qsbr);
	*world = (struct eg_world){.snap = NULL};
}

void eg_world_publish(struct eg_world *world, struct eg_snap *snap)
{
	struct eg_snap *old;

	snap->generation = ++world->generation;
	/* Release: the build is complete before a worker can see the pointer. */
	old = atomic_exchange_explicit(&world->snap, snap, memory_order_acq_rel);
	rte_rcu_qsbr_synchronize(world->qsbr, RTE_QSBR_THRID_INVALID);
	eg_snap_free(old);
}

void eg_world_online(struct eg_world *world, unsigned w)
{
	rte_rcu_qsbr_thread_online(world->qsbr, w);
}

void eg_world_offline(struct eg_world *world, unsigned w)
{
	rte_rcu_qsbr_thread_offline(world->qsbr, w);
}

void eg_world_quiescent(struct eg_world *world, unsigned w)
{
	rte_rcu_qsbr_quiescent(world->qsbr, w);
}
