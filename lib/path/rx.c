#include "path/stages.h"

#include <rte_ethdev.h>

#include "path/vlan.h"

unsigned eg_rx(struct eg_path *path, unsigned port, uint16_t queue)
{
	struct eg_batch *batch = &path->batch;
	struct eg_port_stats *stats = &path->stats->port[port];
	unsigned chained = 0, received;
	uint64_t bytes = 0;

	batch->n_removed = 0;
	batch->n = rte_eth_rx_burst(path->port[port].dpdk_id, queue, batch->m, EG_BATCH_MAX);
	received = batch->n;
	for (unsigned i = 0; i < batch->n; i++) {
		bytes += batch->m[i]->pkt_len;
		chained |= batch->m[i]->nb_segs ^ 1u;
		batch->meta[i].port = (uint8_t)port;
	}
	if (batch->n && !path->port[port].vlans) {
		eg_count(&stats->rx_packets, batch->n);
		eg_count(&stats->rx_bytes, bytes);
	}
	if (__builtin_expect(chained || path->port[port].small_buffers, 0))
		eg_gather(path);
	if (__builtin_expect(path->port[port].vlans != NULL, 0))
		eg_vlan_sort(path, port);
	return received;
}
