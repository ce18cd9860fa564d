/* Connections that idled too long are removed from the table. Their memory is freed once every
 * worker has finished the burst in which it may have seen them. */
#include "ctl/ctl.h"

#include <rte_cycles.h>

/* Calls for a whole pass. */
#define STEPS 50

void eg_ctl_age_flows(struct eg_ctl *ctl)
{
	struct eg_flow_table *flows = ctl->flows;
	uint32_t now_s = (uint32_t)(rte_get_tsc_cycles() / rte_get_tsc_hz());

	if (eg_flow_in_use(flows))
		eg_flow_sweep(flows, flows->bucket_mask / STEPS + 1, now_s);
	if (ctl->flow_ageing.token && eg_rcu_passed(ctl->rcu, ctl->flow_ageing.token)) {
		eg_flow_reclaim_finish(flows);
		ctl->flow_ageing.token = 0;
	}
	if (!ctl->flow_ageing.token && eg_flow_reclaim_begin(flows))
		ctl->flow_ageing.token = eg_rcu_token(ctl->rcu);
}

void eg_ctl_free_deferred(struct eg_ctl *ctl)
{
	eg_rcu_poll(ctl->rcu);
}
