#include <errno.h>

#include <rte_cycles.h>

#include "path/path.h"

static void init_port(struct eg_path_port *port, const struct eg_path_port_parts *parts,
		      unsigned index)
{
	*port = (struct eg_path_port){
		.dpdk_id = parts->dpdk_id,
		.tx_queue = parts->tx_queue,
		.mtu = parts->mtu,
		.encrypted = parts->encrypted,
		.promiscuous = parts->promiscuous,
		.vlan = parts->vlan,
		.vlans = parts->vlans,
		.partial = parts->partial,
		.small_buffers = parts->small_buffers,
		.ring = parts->ring,
		.kernel =
			{
				.on = parts->kernel,
				.dpdk_id = parts->kernel_dpdk_id,
				.mtu = parts->kernel_mtu,
				.hop = {.kind = EG_HOP_LINK, .port = (uint8_t)index},
			},
	};
	memcpy(port->mac, parts->mac, sizeof(port->mac));
}

int eg_path_init(struct eg_path *path, const struct eg_path_parts *parts)
{
	if (!parts->stats || parts->worker >= parts->n_workers || parts->n_ports > EG_STAT_PORTS)
		return -EINVAL;
	memset(path, 0, sizeof(*path));
	path->worker = parts->worker;
	path->n_workers = parts->n_workers;
	path->stats = parts->stats;
	path->crypto = parts->crypto;
	path->handoff = parts->handoff;
	path->flow = parts->flow;
	path->cache = parts->cache;
	path->tunnels = parts->tunnels;
	path->events = parts->events;
	path->cycles_per_s = rte_get_tsc_hz();
	path->clock = parts->clock;
	path->seed = parts->seed;
	path->pool = parts->pool;
	path->large = parts->large;
	path->resolver.on = parts->resolves;
	path->resolver_shared = parts->resolver_shared;
	path->kernel_shared.packets = parts->to_kernel;
	path->links_down = parts->links_down;
	atomic_store_explicit(&path->sample_cycles, parts->sample_cycles, memory_order_relaxed);
	path->n_ports = parts->n_ports;
	for (unsigned port = 0; port < parts->n_ports; port++)
		init_port(&path->port[port], &parts->port[port], port);
	return 0;
}
