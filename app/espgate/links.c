/* Link state, by asking: of the drivers here only some raise interrupts, and none needs to. Those
 * that stand before a kernel interface know nothing of its link (net_af_packet says "up" whatever
 * happens): there the kernel is asked. A driver that cannot say has a link. */
#include <rte_ethdev.h>

#include "base/clock.h"
#include "gateway.h"

#define LOOK_NS (100 * EG_NS_PER_MS)

static bool has_link(const struct eg_gateway_port *port)
{
	struct rte_eth_link link;

	if (port->if_index && !eg_iface_has_link(port->if_index))
		return false;
	return rte_eth_link_get_nowait(port->dpdk_id, &link) || link.link_status == RTE_ETH_LINK_UP;
}

void eg_links_step(struct eg_gateway *gateway, uint64_t now_ns)
{
	uint32_t before, down = 0;

	if (now_ns < gateway->next_links_ns)
		return;
	gateway->next_links_ns = now_ns + LOOK_NS;
	before = atomic_load_explicit(&gateway->links_down, memory_order_relaxed);
	for (unsigned p = 0; p < gateway->n_ports; p++) {
		bool lost = !has_link(&gateway->port[p]);

		down |= (uint32_t)lost << p;
		if (lost == (before >> p & 1))
			continue;
		eg_log(&gateway->log, EG_LOG_PORT, lost ? EG_LOG_WARNING : EG_LOG_INFO,
		       "%s: link is %s", gateway->config->ports.v[p].name, lost ? "down" : "up");
	}
	atomic_store_explicit(&gateway->links_down, down, memory_order_relaxed);
}
