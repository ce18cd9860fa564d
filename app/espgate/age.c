/* Connections that idled too long are taken out of the table, and their memory is given back once
 * every worker has finished the burst in which it might have seen them. */
#include <rte_cycles.h>

#include "gateway.h"

/* A whole pass in about this many steps of the control loop. */
#define STEPS 50

void eg_age_step(struct eg_gateway *gateway)
{
	struct eg_flow_table *flows = gateway->flows;
	uint32_t now_s = (uint32_t)(rte_get_tsc_cycles() / rte_get_tsc_hz());

	if (eg_flow_in_use(flows))
		eg_flow_sweep(flows, flows->bucket_mask / STEPS + 1, now_s);
	if (gateway->sweep_token && eg_rcu_passed(&gateway->rcu, gateway->sweep_token)) {
		eg_flow_reclaim_finish(flows);
		gateway->sweep_token = 0;
	}
	if (!gateway->sweep_token && eg_flow_reclaim_begin(flows))
		gateway->sweep_token = eg_rcu_token(&gateway->rcu);
}

void eg_deferred_step(struct eg_gateway *gateway)
{
	eg_rcu_poll(&gateway->rcu);
}
