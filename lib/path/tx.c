/* The last stage, and the last look: what leaves by an encrypted port was sealed by esp_out in this
 * very batch, whatever route or bug led here. */
#include "path/stages.h"

#include <rte_ethdev.h>

#include "net/bytes.h"
#include "path/drop.h"

static enum eg_drop prepare(struct eg_path *path, unsigned i, struct eg_path_port *port,
			    const struct eg_hop *hop)
{
	struct rte_mbuf *m = path->batch.m[i];
	uint8_t *frame;

	if (port->encrypted && !path->batch.meta[i].sealed)
		return EG_DROP_PLAIN_TO_ENCRYPTED;
	if (m->pkt_len > port->mtu)
		return EG_DROP_TOO_BIG;
	frame = (uint8_t *)rte_pktmbuf_prepend(m, EG_ETH_LEN);
	if (!frame)
		return EG_DROP_NO_ROOM;
	memcpy(frame, hop->mac, 6);
	memcpy(frame + 6, port->mac, 6);
	eg_put16(frame + 12, frame[EG_ETH_LEN] >> 4 == 4 ? EG_ETHERTYPE_IP4 : EG_ETHERTYPE_IP6);
	m->ol_flags =
		0; /* what the receiving driver said of checksums is not for the sending one */
	return EG_KEEP;
}

/* Frames that really went out, counted where they went. */
static void transmit(struct eg_path *path, unsigned index, uint16_t queue, struct rte_mbuf **m,
		     unsigned n)
{
	struct eg_port_stats *stats = &path->stats->port[index];
	uint64_t bytes = 0, lost_bytes = 0;
	unsigned sent;

	for (unsigned i = 0; i < n; i++)
		bytes += m[i]->pkt_len; /* now: the driver owns them afterwards */
	sent = rte_eth_tx_burst(path->port[index].dpdk_id, queue, m, (uint16_t)n);
	for (unsigned i = sent; i < n; i++) {
		lost_bytes += m[i]->pkt_len;
		eg_drop_mbuf(path, m[i], EG_DROP_TX_FULL);
	}
	eg_count(&stats->tx_packets, sent);
	eg_count(&stats->tx_bytes, bytes - lost_bytes);
}

static void flush(struct eg_path *path, unsigned index)
{
	struct eg_path_port *port = &path->port[index];
	unsigned put;

	if (!port->ring) {
		transmit(path, index, port->tx_queue, port->tx, port->n_tx);
	} else {
		put = rte_ring_mp_enqueue_burst(port->ring, (void **)port->tx, port->n_tx, NULL);
		for (unsigned i = put; i < port->n_tx; i++)
			eg_drop_mbuf(path, port->tx[i], EG_DROP_TX_RING_FULL);
	}
	port->n_tx = 0;
}

void eg_tx(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		const struct eg_meta *meta = &batch->meta[i];
		const struct eg_hop *hop = meta->sealed ? &meta->peer->hop : meta->hop;
		struct eg_path_port *port = &path->port[hop->port];
		enum eg_drop drop = prepare(path, i, port, hop);

		if (drop)
			eg_batch_lose(batch, i, drop);
		else
			port->tx[port->n_tx++] = batch->m[i];
	}
	eg_batch_sweep(path);
	for (unsigned index = 0; index < path->n_ports; index++) {
		if (path->port[index].n_tx)
			flush(path, index);
	}
}

unsigned eg_path_transmit(struct eg_path *path, unsigned port, struct rte_ring *ring,
			  uint16_t queue)
{
	struct rte_mbuf *m[EG_BATCH_MAX];
	unsigned n = rte_ring_sc_dequeue_burst(ring, (void **)m, EG_BATCH_MAX, NULL);

	if (n)
		transmit(path, port, queue, m, n);
	return n;
}
