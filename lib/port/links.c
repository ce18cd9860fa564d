/* Link state, by polling: only some drivers raise interrupts. Drivers of kernel interfaces do not
 * know the interface's link (net_af_packet always reports "up"), so there the kernel is polled. A
 * driver that cannot report its link counts as up. */
#include <rte_ethdev.h>

#include "port/interface.h"
#include "port/port.h"

static bool has_link(const struct eg_port_dev *port)
{
	struct rte_eth_link link;

	if (port->if_index && !eg_interface_has_link(port->if_index))
		return false;
	return rte_eth_link_get_nowait(port->dpdk_id, &link) || link.link_status == RTE_ETH_LINK_UP;
}

void eg_links_poll(struct eg_ports *ports)
{
	uint32_t before = atomic_load_explicit(&ports->links_down, memory_order_relaxed);
	uint32_t down = 0;

	for (unsigned p = 0; p < ports->n; p++) {
		bool lost = !has_link(&ports->port[p]);

		down |= (uint32_t)lost << p;
		if (lost == (before >> p & 1))
			continue;
		eg_log(ports->log, EG_LOG_PORT, lost ? EG_LOG_WARNING : EG_LOG_INFO,
		       "%s: link is %s", ports->config->ports.v[p].name, lost ? "down" : "up");
	}
	atomic_store_explicit(&ports->links_down, down, memory_order_relaxed);
}
