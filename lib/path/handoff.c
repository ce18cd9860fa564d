#include "path/handoff.h"

enum eg_verdict eg_handoff(struct eg_path *path, unsigned i, unsigned worker)
{
	struct rte_mbuf *m = path->batch.m[i];

	m->port = path->batch.meta[i].port; /* the index in the configuration, not the driver's */
	if (rte_ring_mp_enqueue(path->handoff[worker], m))
		return EG_DROP_HANDOFF_FULL;
	eg_count(&path->stats->handed_over, 1);
	return EG_CONSUMED;
}
