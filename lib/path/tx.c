/* The last stage, and the last check: a packet leaves by an encrypted port only if esp_out sealed
 * it in this batch, or if it is one of the few that may be sent in clear, no matter which route or
 * bug brought it here. */
#include "path/stages.h"

#include <rte_ethdev.h>

#include "net/bytes.h"
#include "path/drop.h"
#include "path/follow.h"
#include "path/fragment.h"
#include "path/link.h"
#include "path/mtu.h"
#include "path/vlan.h"

/* A configured MAC in one load: six bytes copied into a word and read back as one would wait for
 * the stores, 20 cycles per packet. */
static uint64_t static_mac(const struct eg_hop *hop)
{
	uint64_t head;

	_Static_assert(offsetof(struct eg_hop, mac) == 2, "kind, port, MAC: eight bytes");
	memcpy(&head, hop, sizeof(head));
	return le64toh(head) >> 16;
}

/* The next hop's MAC, in the form of eg_neigh_lookup_mac(). *next: its address, unless the MAC is
 * configured. */
static uint64_t find_mac(struct eg_path *path, const struct eg_meta *meta, const struct rte_mbuf *m,
			 const struct eg_hop *hop, struct eg_ip *next)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	struct eg_neigh_key key;

	if (hop->kind == EG_HOP_PORT)
		return static_mac(hop);
	if (hop->kind == EG_HOP_VIA)
		*next = meta->sealed && hop == &meta->tunnel->hop ? meta->tunnel->via
								  : path->world->vias[hop->via];
	else
		*next = eg_ip_from(data[0] >> 4, eg_ip_dst(data, data[0] >> 4));
	key = eg_neigh_key_make(hop->port, next->family, next->bytes);
	return eg_neigh_lookup_mac(path->resolver_shared.neighs, &key);
}

/* Prepend the link header, or pass the packet to the resolver if the MAC is unknown. */
static enum eg_verdict resolve(struct eg_path *path, const struct eg_meta *meta, struct rte_mbuf *m,
			       const struct eg_hop *hop)
{
	struct eg_ip next;
	uint64_t mac = find_mac(path, meta, m, hop, &next);

	if (!mac)
		return eg_resolve_packet(path, meta, m, hop->port, &next);
	return eg_link_put(&path->port[hop->port], m, &mac) ? EG_PASS : EG_DROP_NO_ROOM;
}

/* Frames that were already built or queued when the link went down. */
static void drop_all(struct eg_path *path, struct rte_mbuf **m, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		eg_drop_mbuf(path, m[i], EG_DROP_LINK_DOWN);
}

/* Counts the frames that the device accepted. */
static void transmit(struct eg_path *path, unsigned index, uint16_t queue, struct rte_mbuf **m,
		     unsigned n)
{
	struct eg_port_stats *stats = &path->stats->port[index];
	uint64_t bytes = 0, lost_bytes = 0;
	unsigned sent;

	if (eg_link_is_down(path, index)) {
		drop_all(path, m, n);
		return;
	}
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
	unsigned enqueued;

	if (!port->ring) {
		transmit(path, index, port->tx_queue, port->tx, port->n_tx);
	} else {
		enqueued =
			rte_ring_mp_enqueue_burst(port->ring, (void **)port->tx, port->n_tx, NULL);
		for (unsigned i = enqueued; i < port->n_tx; i++)
			eg_drop_mbuf(path, port->tx[i], EG_DROP_TX_RING_FULL);
	}
	port->n_tx = 0;
}

static void push(struct eg_path *path, unsigned index, struct rte_mbuf *m)
{
	struct eg_path_port *port = &path->port[index];

	if (port->n_tx == EG_BATCH_MAX)
		flush(path, index);
	port->tx[port->n_tx++] = m;
}

static void flush_all(struct eg_path *path)
{
	for (unsigned index = 0; index < path->n_ports; index++) {
		if (path->port[index].n_tx)
			flush(path, index);
	}
}

/* The kind of a locally originated frame, by its bytes alone: this is its last check. */
static enum eg_local_kind frame_kind(const uint8_t *frame)
{
	const struct eg_ip6 *ip = (const struct eg_ip6 *)(frame + EG_ETH_LEN);
	unsigned type = eg_get16(frame + 12), nd = frame[EG_ETH_LEN + EG_IP6_LEN];

	if (type == EG_ETHERTYPE_ARP)
		return frame[EG_ETH_LEN + 7] == 1 ? EG_LOCAL_ARP_REQUEST : EG_LOCAL_ARP_REPLY;
	if (type == EG_ETHERTYPE_IP6 && ip->next == EG_PROTO_ICMP6 && ip->hops == EG_ND_HOPS &&
	    eg_neigh_is_nd(nd))
		return nd == EG_ND_SOLICIT ? EG_LOCAL_ND_SOLICIT : EG_LOCAL_ND_ADVERT;
	return EG_LOCAL_UNKNOWN;
}

static enum eg_verdict send_frame(struct eg_path *path, unsigned i)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	struct rte_mbuf *m = path->batch.m[i];
	uint16_t vlan = path->port[meta->port].vlan;

	if (meta->local) {
		enum eg_local_kind kind = frame_kind(rte_pktmbuf_mtod(m, const uint8_t *));

		eg_count(&path->stats->local[kind], 1);
		if (kind == EG_LOCAL_UNKNOWN)
			return EG_DROP_PLAIN_TO_ENCRYPTED;
		if (vlan && !eg_vlan_put_tag(m, vlan))
			return EG_DROP_NO_ROOM;
	}
	push(path, meta->port, m);
	return EG_PASS;
}

void eg_tx_frames(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		enum eg_verdict verdict = send_frame(path, i);

		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
	flush_all(path);
}

/* Fragment a packet that exceeds the MTU of its port, if it is sealed and sa_out allowed that, or
 * plain and without DF (RFC 1812 s4.2.2.7). */
static enum eg_verdict fragment(struct eg_path *path, unsigned i, const struct eg_hop *hop,
				struct eg_fragments *out)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	struct rte_mbuf *m = path->batch.m[i];
	struct eg_ip4 *ip = rte_pktmbuf_mtod(m, struct eg_ip4 *);
	bool v4 = ip->ver_ihl >> 4 == 4;

	if (meta->sealed != meta->split)
		return EG_DROP_TOO_BIG;
	if (!meta->sealed)
		return v4 && !(be16toh(ip->frag_be) & EG_IP4_DF)
			       ? eg_fragment_ip4(path, m, path->port[hop->port].mtu, out)
			       : EG_DROP_TOO_BIG;
	if (!v4)
		return eg_fragment_ip6(path, m, eg_mtu_outer(path, meta->tunnel), out);
	if (!meta->tunnel->transport) /* in transport mode the sender has set it */
		ip->id_be = htobe16((uint16_t)eg_fragment_id(path));
	return eg_fragment_ip4(path, m, eg_mtu_outer(path, meta->tunnel), out);
}

/* Send packet i in fragments. Returns the first one's verdict; the others are dropped here if they
 * fail. */
static enum eg_verdict send_fragments(struct eg_path *path, unsigned i, const struct eg_hop *hop)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	struct eg_fragments fragments;
	enum eg_verdict first = fragment(path, i, hop, &fragments);

	if (first)
		return first;
	path->batch.m[i] = fragments.m[0];
	first = resolve(path, meta, fragments.m[0], hop);
	if (!first)
		push(path, hop->port, fragments.m[0]);
	for (unsigned k = 1; k < fragments.n; k++) {
		enum eg_verdict verdict = resolve(path, meta, fragments.m[k], hop);

		if (!verdict)
			push(path, hop->port, fragments.m[k]);
		else if (verdict != EG_CONSUMED)
			eg_drop_mbuf(path, fragments.m[k], verdict);
	}
	return first;
}

/* The last check, then the port's transmit buffer. */
static enum eg_verdict transmit_packet(struct eg_path *path, unsigned i)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	const struct eg_hop *hop = meta->sealed
					   ? eg_follow_hop(path, meta->tunnel,
							   eg_ip_dst(eg_batch_data(&path->batch, i),
								     meta->tunnel->remote.family))
					   : meta->hop;
	struct eg_path_port *port = &path->port[hop->port];
	struct rte_mbuf *m = path->batch.m[i];
	enum eg_verdict verdict;

	if (eg_link_is_down(path, hop->port))
		return EG_DROP_LINK_DOWN;
	if (port->encrypted && !meta->sealed && !eg_icmp_may_send(path, i, hop->port) &&
	    !eg_kernel_may_send(path, i, hop->port))
		return EG_DROP_PLAIN_TO_ENCRYPTED;
	if (!meta->sealed && eg_link_must_encrypt(path, m))
		return EG_DROP_MUST_ENCRYPT;
	if (__builtin_expect(m->pkt_len > port->mtu || meta->split, 0))
		return send_fragments(path, i, hop);
	verdict = resolve(path, meta, m, hop);
	if (!verdict)
		push(path, hop->port, m);
	return verdict;
}

void eg_tx(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		enum eg_verdict verdict = transmit_packet(path, i);

		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
	flush_all(path);
}

/* One at a time: they leave by several ports, or by one whose queue is another worker's. */
static void push_known(struct eg_path *path)
{
	const struct eg_known *known = &path->known;

	for (unsigned k = 0; k < known->n; k++) {
		unsigned index = known->port[k];

		if (eg_link_is_down(path, index))
			eg_drop_mbuf(path, known->m[k], EG_DROP_LINK_DOWN);
		else if (path->port[index].encrypted && !(known->sealing >> k & 1))
			eg_drop_mbuf(path, known->m[k], EG_DROP_PLAIN_TO_ENCRYPTED);
		else
			push(path, index, known->m[k]);
	}
	flush_all(path);
}

void eg_tx_known(struct eg_path *path)
{
	struct eg_known *known = &path->known;
	const uint64_t all = known->n < 64 ? (1ull << known->n) - 1 : UINT64_MAX;
	struct eg_path_port *port = &path->port[known->port[0]];

	if (known->one_port && !port->ring && (!port->encrypted || (known->sealing & all) == all))
		transmit(path, known->port[0], port->tx_queue, known->m, known->n);
	else
		push_known(path);
	known->n = 0;
}

unsigned eg_tx_ring(struct eg_path *path, unsigned port, struct rte_ring *ring, uint16_t queue)
{
	struct rte_mbuf *m[EG_BATCH_MAX];
	unsigned n = rte_ring_sc_dequeue_burst(ring, (void **)m, EG_BATCH_MAX, NULL);

	if (!n)
		return 0;
	eg_path_read_links(path);
	transmit(path, port, queue, m, n);
	return n;
}
