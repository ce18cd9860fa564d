/* Kernel devices: packets to the kernel, its ARP and ND requests, and packets from it. Runs on the
 * worker that resolves neighbours. */
#include "path/kernel.h"

#include <rte_ethdev.h>

#include "net/bytes.h"
#include "path/allow.h"
#include "path/drop.h"
#include "path/stages.h"

/* Send to one port's kernel. A device that is full, down or gone accepts fewer. */
static void transmit(struct eg_path *path, unsigned port, struct rte_mbuf **m, unsigned n)
{
	struct eg_port_stats *stats = &path->stats->kernel[port];
	uint64_t bytes = 0, lost_bytes = 0;
	unsigned sent;

	for (unsigned i = 0; i < n; i++)
		bytes += m[i]->pkt_len; /* now: the driver owns them afterwards */
	sent = rte_eth_tx_burst(path->port[port].kernel.dpdk_id, 0, m, (uint16_t)n);
	for (unsigned i = sent; i < n; i++) {
		lost_bytes += m[i]->pkt_len;
		eg_drop_mbuf(path, m[i], EG_DROP_EXCEPTION_FULL);
	}
	eg_count(&stats->tx_packets, sent);
	eg_count(&stats->tx_bytes, bytes - lost_bytes);
}

unsigned eg_kernel_deliver(struct eg_path *path)
{
	struct rte_mbuf *m[EG_BATCH_MAX];
	unsigned n, end;

	n = rte_ring_sc_dequeue_burst(path->kernel_shared.packets, (void **)m, EG_BATCH_MAX, NULL);
	for (unsigned i = 0; i < n; i = end) {
		for (end = i + 1; end < n && m[end]->port == m[i]->port;)
			end++;
		transmit(path, m[i]->port, m + i, end - i);
	}
	return n;
}

unsigned eg_kernel_rx(struct eg_path *path, unsigned port)
{
	struct eg_port_stats *stats = &path->stats->kernel[port];
	struct eg_batch *batch = &path->batch;
	uint64_t bytes = 0;

	batch->n_removed = 0;
	batch->n = rte_eth_rx_burst(path->port[port].kernel.dpdk_id, 0, batch->m, EG_BATCH_MAX);
	for (unsigned i = 0; i < batch->n; i++) {
		bytes += batch->m[i]->pkt_len;
		batch->meta[i] = (struct eg_meta){.port = (uint8_t)port};
	}
	if (batch->n) {
		eg_count(&stats->rx_packets, batch->n);
		eg_count(&stats->rx_bytes, bytes);
	}
	return batch->n;
}

static bool is_discovery(const uint8_t *frame, uint32_t len)
{
	const uint8_t *ip = frame + EG_ETH_LEN;

	if (eg_get16(frame + 12) == EG_ETHERTYPE_ARP)
		return true;
	return eg_get16(frame + 12) == EG_ETHERTYPE_IP6 && len > EG_ETH_LEN + EG_IP6_LEN &&
	       ip[offsetof(struct eg_ip6, next)] == EG_PROTO_ICMP6 &&
	       eg_neigh_is_nd(ip[EG_IP6_LEN]);
}

/* Towards the kernel, espgate answers for every address except the port's. */
static bool answers_for(const struct eg_path *path, unsigned port, const struct eg_ip *ip)
{
	struct eg_ip link_local = eg_neigh_link_local(path->port[port].mac);

	return !eg_local_find(&path->world->locals, port, ip) && !eg_ip_equal(ip, &link_local);
}

/* Sent to the interface's MAC, whatever sender address the request has. */
static void answer(struct eg_path *path, unsigned port, struct eg_neigh_message *request)
{
	struct eg_neigh_self self = {.ip = request->target};
	struct eg_kernel *kernel = &path->port[port].kernel;
	uint8_t frame[EG_NEIGH_FRAME_MAX];
	struct rte_mbuf *m;
	uint32_t len;

	if (!eg_tokens_take(&kernel->answers, path->now.cycles,
			    path->cycles_per_s / EG_KERNEL_ANSWERS_PPS, EG_KERNEL_ANSWERS_BURST))
		return;
	m = rte_pktmbuf_alloc(path->pool);
	if (!m) /* the kernel retries */
		return;
	memcpy(self.mac, path->port[port].mac, 6);
	self.mac[0] ^= EG_MAC_LOCAL;
	memcpy(request->mac, path->port[port].mac, 6);
	memcpy(request->from, path->port[port].mac, 6);
	len = eg_neigh_answer(frame, &self, request);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	m->port = (uint16_t)port;
	eg_count(&path->stats->local[request->target.family == 4 ? EG_LOCAL_ARP_REPLY
								 : EG_LOCAL_ND_ADVERT],
		 1);
	if (rte_ring_mp_enqueue(path->kernel_shared.packets, m))
		eg_drop_mbuf(path, m, EG_DROP_EXCEPTION_FULL);
}

/* Duplicate address detection (RFC 5227, RFC 4862 s5.4) is not answered: silence means that the
 * address is free. espgate defends the gateway's addresses on the wire. */
static enum eg_verdict process_discovery(struct eg_path *path, unsigned port, struct rte_mbuf *m)
{
	struct eg_neigh_message message;

	if (!eg_neigh_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &message))
		return EG_DROP_BAD_DISCOVERY;
	if (message.request && !message.probe && answers_for(path, port, &message.target))
		answer(path, port, &message);
	return eg_consume(path, m);
}

static enum eg_verdict strip_link(struct eg_path *path, unsigned i)
{
	struct rte_mbuf *m = path->batch.m[i];
	unsigned port = path->batch.meta[i].port;
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	enum eg_verdict verdict;
	uint16_t off;

	if (m->nb_segs != 1)
		return EG_DROP_MULTI_SEGMENT;
	verdict = eg_parse_link(frame, m->data_len, &off);
	if (verdict && verdict != EG_DROP_NOT_IP)
		return verdict;
	if (is_discovery(frame, m->data_len))
		return process_discovery(path, port, m);
	if (verdict)
		return verdict;
	if (frame[0] & 1)
		return EG_DROP_MULTICAST;
	eg_mbuf_window(m, off, (uint16_t)(m->data_len - off));
	return EG_PASS;
}

void eg_kernel_link(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		enum eg_verdict verdict = strip_link(path, i);

		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
}

static bool is_from_port(const struct eg_path *path, const uint8_t *data, unsigned port)
{
	struct eg_ip from = eg_ip_from(data[0] >> 4, eg_ip_src(data, data[0] >> 4));

	return eg_local_find(&path->world->locals, port, &from);
}

static const struct eg_hop *hop_of(const struct eg_path *path, const uint8_t *data)
{
	return eg_snap_route(path->world, data[0] >> 4, eg_ip_dst(data, data[0] >> 4));
}

/* Packets without a route pass: the route stage drops them, with its reason. */
static bool may_use_hop(const struct eg_hop *hop, unsigned port, bool encrypted)
{
	if (eg_hop_is_tunnel(hop))
		return !encrypted;
	return hop->kind != EG_HOP_LOCAL && (!eg_hop_is_port(hop) || hop->port == port);
}

static enum eg_verdict verify(const struct eg_path *path, unsigned i)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	const uint8_t *data = eg_batch_data(&path->batch, i);
	bool encrypted = path->port[meta->port].encrypted;

	if (!is_from_port(path, data, meta->port))
		return EG_DROP_KERNEL_SOURCE;
	if (!may_use_hop(hop_of(path, data), meta->port, encrypted))
		return EG_DROP_KERNEL_WAY;
	if (encrypted &&
	    eg_allow_out(&path->world->allow[meta->port], data, &meta->pkt) == EG_CLEAR_NONE)
		return EG_DROP_KERNEL_DENIED;
	return EG_PASS;
}

void eg_kernel_verify(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		enum eg_verdict verdict = verify(path, i);

		batch->meta[i].kernel = true;
		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
}

bool eg_kernel_may_send(struct eg_path *path, unsigned i, unsigned port)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	const uint8_t *data = eg_batch_data(&path->batch, i);
	enum eg_clear_kind kind;
	const struct eg_hop *hop;
	struct eg_pkt pkt;

	if (!meta->kernel || meta->port != port ||
	    eg_parse_ip(data, path->batch.m[i]->data_len, &pkt) || !is_from_port(path, data, port))
		return false;
	hop = hop_of(path, data);
	kind = eg_allow_out(&path->world->allow[port], data, &pkt);
	if (!eg_hop_is_port(hop) || hop->port != port || kind == EG_CLEAR_NONE)
		return false;
	eg_count(&path->stats->clear_out[kind], 1);
	return true;
}
