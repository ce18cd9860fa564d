#include "snap/publish.h"

#include <errno.h>

#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

int eg_publisher_init(struct eg_publisher *publisher, unsigned n_workers)
{
	*publisher = (struct eg_publisher){.snap = NULL};
	publisher->qsbr =
		rte_zmalloc("eg_qsbr", rte_rcu_qsbr_get_memsize(n_workers), RTE_CACHE_LINE_SIZE);
	if (!publisher->qsbr || rte_rcu_qsbr_init(publisher->qsbr, n_workers))
		return -ENOMEM;
	for (unsigned w = 0; w < n_workers; w++)
		rte_rcu_qsbr_thread_register(publisher->qsbr, w);
	return 0;
}

void eg_publisher_fini(struct eg_publisher *publisher)
{
	eg_snap_free(atomic_load_explicit(&publisher->snap, memory_order_relaxed));
	rte_free(publisher->qsbr);
	*publisher = (struct eg_publisher){.snap = NULL};
}

void eg_publish(struct eg_publisher *publisher, struct eg_snap *snap)
{
	struct eg_snap *old;

	snap->generation = ++publisher->generation;
	/* Release: the build is complete before a worker can see the pointer. */
	old = atomic_exchange_explicit(&publisher->snap, snap, memory_order_acq_rel);
	rte_rcu_qsbr_synchronize(publisher->qsbr, RTE_QSBR_THRID_INVALID);
	/* The only thing of a running SA that a configuration may change. */
	eg_vec_foreach (held, &snap->sas)
		eg_sa_set_lifetime(snap->store, held->sa, &held->lifetime);
	if (old && old->policy && snap->policy && old->policy != snap->policy)
		eg_snap_policy_inherit_counts(snap->policy, old->policy);
	eg_snap_free(old);
}

void eg_publisher_online(struct eg_publisher *publisher, unsigned w)
{
	rte_rcu_qsbr_thread_online(publisher->qsbr, w);
}

void eg_publisher_offline(struct eg_publisher *publisher, unsigned w)
{
	rte_rcu_qsbr_thread_offline(publisher->qsbr, w);
}

void eg_publisher_quiescent(struct eg_publisher *publisher, unsigned w)
{
	rte_rcu_qsbr_quiescent(publisher->qsbr, w);
}

uint64_t eg_publisher_token(struct eg_publisher *publisher)
{
	return rte_rcu_qsbr_start(publisher->qsbr);
}

bool eg_publisher_passed(struct eg_publisher *publisher, uint64_t token)
{
	return rte_rcu_qsbr_check(publisher->qsbr, token, false);
}
