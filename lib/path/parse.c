#include "path/stages.h"

#include "net/bytes.h"
#include "net/partial_checksum.h"
#include "path/drop.h"

#define PREFETCH_AHEAD 4

static void reset(struct eg_meta *meta)
{
	*meta = (struct eg_meta){.port = meta->port};
}

/* Is the frame addressed to this port? Group frames pass here: IP unicast in one is dropped after
 * parsing (RFC 1122 s3.3.6), and IP multicast has its own drop reason. */
static enum eg_verdict check_mac(const struct eg_path_port *port, const uint8_t *frame)
{
	if (port->promiscuous || !memcmp(frame, port->mac, sizeof(port->mac)) || frame[0] & 1)
		return EG_PASS;
	return EG_DROP_NOT_OUR_MAC;
}

/* Parse the IP packet at `off`, and trim the buffer's data to it. `summed`: the device has verified
 * the checksum of this IPv4 header. */
static enum eg_verdict parse_at(struct rte_mbuf *m, struct eg_meta *meta, uint16_t off, bool summed)
{
	const uint8_t *data = rte_pktmbuf_mtod_offset(m, const uint8_t *, off);
	uint32_t len = m->data_len - (uint32_t)off;
	enum eg_verdict verdict = summed ? eg_parse_ip_no_checksum(data, len, &meta->pkt)
					 : eg_parse_ip(data, len, &meta->pkt);

	if (verdict) {
		meta->pkt = (struct eg_pkt){0}; /* partial results are not used */
		return verdict;
	}
	eg_mbuf_window(m, off, meta->pkt.len);
	return eg_parse_addresses(data, &meta->pkt);
}

/* Complete a checksum that the sender left to a device, because nothing later would. Some receiving
 * devices flag it (virtio and vhost: "no checksum in the packet, but the data are valid"); on those
 * that cannot, it is recognized by its value. */
static void complete(const struct eg_path_port *port, struct rte_mbuf *m, const struct eg_pkt *pkt)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	bool flagged = (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE;

	if (__builtin_expect(flagged, 0) ||
	    (__builtin_expect(port->partial, 0) && eg_checksum_is_partial(data, pkt)))
		eg_checksum_complete(data, pkt);
}

/* Does the gateway have an address on the port? Only then does it process ARP and ND there. */
static bool has_address(const struct eg_path *path, unsigned port)
{
	const struct eg_locals *locals = &path->world->locals;

	for (size_t i = 0; i < locals->n; i++) {
		if (locals->v[i].port == port)
			return true;
	}
	return false;
}

static bool is_arp(const struct rte_mbuf *m)
{
	return m->data_len >= EG_ETH_LEN &&
	       eg_get16(rte_pktmbuf_mtod(m, const uint8_t *) + 12) == EG_ETHERTYPE_ARP;
}

/* Neighbour discovery follows the IPv6 header directly, and its hop limit shows that no router has
 * forwarded it. With another hop limit it is treated like any packet; its addresses are not
 * forwardable. */
static bool is_nd(const struct rte_mbuf *m, const struct eg_pkt *pkt)
{
	return pkt->version == 6 && pkt->proto == EG_PROTO_ICMP6 && pkt->l4_off == EG_IP6_LEN &&
	       !pkt->frag && eg_neigh_is_nd(pkt->dport >> 8) &&
	       rte_pktmbuf_mtod(m, const struct eg_ip6 *)->hops == EG_ND_HOPS;
}

static enum eg_verdict parse_frame(struct eg_path *path, struct rte_mbuf *m, struct eg_meta *meta)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	bool group_frame;
	uint16_t off;
	enum eg_verdict verdict;

	verdict = eg_parse_link(frame, m->data_len, &off);
	if (verdict && (verdict != EG_DROP_NOT_IP || !is_arp(m) || !has_address(path, meta->port)))
		return verdict;
	if (check_mac(&path->port[meta->port], frame))
		return EG_DROP_NOT_OUR_MAC;
	if (verdict)
		return eg_resolve_message(path, m, meta->port);
	group_frame = frame[0] & 1;
	verdict = parse_at(m, meta, off, eg_is_summed(m));
	if (!verdict)
		complete(&path->port[meta->port], m, &meta->pkt);
	if (off == EG_ETH_LEN && is_nd(m, &meta->pkt) && has_address(path, meta->port)) {
		meta->pkt = (struct eg_pkt){0}; /* the data start with the frame again */
		rte_pktmbuf_prepend(m, EG_ETH_LEN);
		return eg_resolve_message(path, m, meta->port);
	}
	return !verdict && group_frame ? EG_DROP_NOT_OUR_MAC : verdict;
}

void eg_parse_frames(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(batch->m[i], void *));
	for (unsigned i = 0; i < batch->n; i++) {
		enum eg_verdict verdict;

		if (i + PREFETCH_AHEAD < batch->n)
			rte_prefetch0(rte_pktmbuf_mtod(batch->m[i + PREFETCH_AHEAD], void *));
		reset(&batch->meta[i]);
		verdict = parse_frame(path, batch->m[i], &batch->meta[i]);
		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
}

void eg_parse_packets(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		enum eg_verdict verdict;

		reset(&batch->meta[i]);
		verdict = parse_at(batch->m[i], &batch->meta[i], 0, false);
		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
}

void eg_parse_inner(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		/* esp_in has checked that the next header and the version agree. */
		enum eg_verdict verdict = parse_at(batch->m[i], &batch->meta[i], 0, false);

		if (!verdict && __builtin_expect(eg_mbuf_is_large(batch->m[i]), 0))
			verdict = eg_reassembly_shrink(path, i);
		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
}
