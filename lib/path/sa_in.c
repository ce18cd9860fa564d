#include "path/stages.h"

#include "net/bytes.h"
#include "path/drop.h"
#include "path/pmtu.h"

/* The SA's ends are the packet's (RFC 4301 s4.4.2.1: unicast SAs may be found by SPI alone, but
 * ESP under a known SPI from elsewhere is nobody's we know). Of a peer whose endpoint is followed,
 * a packet in UDP may come from anywhere: only its ICV tells whose it is (RFC 7296 s2.23). */
static bool from_tunnel_ends(const uint8_t *data, const struct eg_pkt *pkt,
			     const struct eg_tunnel *tunnel)
{
	bool anywhere = tunnel->floats && pkt->proto == EG_PROTO_UDP;

	if (tunnel->remote.family != pkt->version)
		return false;
	if (pkt->version == 4) {
		const struct eg_ip4 *ip = (const struct eg_ip4 *)data;

		return (anywhere || !memcmp(ip->src, tunnel->remote.bytes, 4)) &&
		       !memcmp(ip->dst, tunnel->local.bytes, 4);
	} else {
		const struct eg_ip6 *ip = (const struct eg_ip6 *)data;

		return (anywhere || !memcmp(ip->src, tunnel->remote.bytes, 16)) &&
		       !memcmp(ip->dst, tunnel->local.bytes, 16);
	}
}

/* To the gateway itself, or to an end behind it that transport mode protects from where it came.
 * Asked only of what is lost anyway: an SA's packet is known by its SPI and ends. */
static bool is_ours(const struct eg_snap *snap, const uint8_t *data, const struct eg_pkt *pkt)
{
	const struct eg_ip4 *ip4 = (const struct eg_ip4 *)data;
	const struct eg_ip6 *ip6 = (const struct eg_ip6 *)data;
	const struct eg_hop *to =
		pkt->version == 4 ? eg_snap_route4(snap, ip4->dst) : eg_snap_route6(snap, ip6->dst);
	const struct eg_hop *back =
		pkt->version == 4 ? eg_snap_route4(snap, ip4->src) : eg_snap_route6(snap, ip6->src);

	return to->kind == EG_HOP_LOCAL ||
	       (back->kind == EG_HOP_TUNNEL && snap->tunnels[back->tunnel].transport &&
		from_tunnel_ends(data, pkt, &snap->tunnels[back->tunnel]));
}

/* What UDP on ESP's port holds (RFC 3948 s2); ESP: then the packet begins and ends with it. The
 * UDP checksum is not looked at (s2.1): the ICV says more. */
static enum eg_drop unwrap(const uint8_t *data, struct eg_pkt *pkt)
{
	const uint8_t *body = data + pkt->l4_off + EG_UDP_LEN;
	unsigned len = eg_get16(data + pkt->l4_off + offsetof(struct eg_udp, len_be));

	if (len < EG_UDP_LEN || pkt->l4_off + len > pkt->len)
		return EG_DROP_SHORT_L4;
	if (len == EG_UDP_LEN + 1 && *body == 0xff)
		return EG_DROP_UDP_KEEPALIVE;
	if (len >= EG_UDP_LEN + 4 && !eg_get32(body))
		return EG_DROP_UDP_NON_ESP;
	pkt->len = (uint16_t)(pkt->l4_off + len);
	pkt->l4_off = (uint16_t)(pkt->l4_off + EG_UDP_LEN);
	return EG_PASS;
}

/* Let l4_off be ESP's. What is neither ESP nor our port's is plain. */
static enum eg_drop find_esp(const struct eg_snap *snap, const uint8_t *data, struct eg_pkt *pkt)
{
	enum eg_drop drop;

	if (pkt->frag != EG_FRAG_NONE && (pkt->proto == EG_PROTO_ESP || pkt->proto == EG_PROTO_UDP))
		return EG_DROP_ESP_FRAGMENT;
	if (pkt->proto == EG_PROTO_UDP) {
		if (pkt->dport != EG_UDP_PORT_ESP)
			return EG_DROP_PLAIN_ON_ENCRYPTED;
		drop = unwrap(data, pkt);
		if (drop)
			return is_ours(snap, data, pkt) ? drop : EG_DROP_PLAIN_ON_ENCRYPTED;
	} else if (pkt->proto != EG_PROTO_ESP) {
		return EG_DROP_PLAIN_ON_ENCRYPTED;
	}
	return pkt->len < pkt->l4_off + EG_ESP_LEN ? EG_DROP_ESP_SHORT : EG_PASS;
}

/* No SA: tell what is ours with a wrong SPI from what only passes by. */
static enum eg_drop unknown_spi(const struct eg_snap *snap, const uint8_t *data,
				const struct eg_pkt *pkt)
{
	if (is_ours(snap, data, pkt))
		return EG_DROP_ESP_UNKNOWN_SPI;
	return pkt->proto == EG_PROTO_UDP ? EG_DROP_PLAIN_ON_ENCRYPTED : EG_DROP_ESP_NOT_LOCAL;
}

/* ESP header, IV, at least the trailer's two bytes rounded up to the alignment, ICV. */
static bool long_enough(const struct eg_pkt *pkt, const struct eg_sa *sa)
{
	unsigned around = EG_ESP_LEN + sa->iv_bytes + sa->icv_bytes;
	unsigned esp = (unsigned)pkt->len - pkt->l4_off;

	return esp >= around + sa->align_bytes && (esp - around) % sa->align_bytes == 0;
}

static enum eg_drop find_sa(const struct eg_path *path, const uint8_t *data, struct eg_meta *meta)
{
	struct eg_pkt *pkt = &meta->pkt;
	const struct eg_sad_entry *entry;
	uint32_t spi_be;
	enum eg_drop drop = find_esp(path->snap, data, pkt);

	if (drop)
		return drop;
	memcpy(&spi_be, data + pkt->l4_off + offsetof(struct eg_esp, spi_be), sizeof(spi_be));
	entry = spi_be ? eg_sad_table_find(&path->snap->sad, spi_be) : NULL;
	if (!entry)
		return unknown_spi(path->snap, data, pkt);
	meta->sa = entry->sa;
	meta->tunnel = &path->snap->tunnels[entry->tunnel];
	meta->seq = eg_get32(data + pkt->l4_off + offsetof(struct eg_esp, seq_be));
	eg_sa_prefetch(meta->sa);
	eg_tunnel_prefetch(meta->tunnel);
	return EG_PASS;
}

/* Of all packets first: with many SAs their memory is on its way then. */
static void find_sas(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		unsigned drop = find_sa(path, eg_batch_data(batch, i), &batch->meta[i]);

		if (!drop)
			continue;
		if (drop == EG_DROP_ESP_FRAGMENT) {
			drop = eg_reassemble(path, i);
			if (!drop) /* it is whole, and in its place */
				drop = find_sa(path, eg_batch_data(batch, i), &batch->meta[i]);
		}
		if (drop == EG_DROP_PLAIN_ON_ENCRYPTED && eg_pmtu_is_message(&batch->meta[i].pkt))
			drop = eg_pmtu_message(path, i, drop);
		if (drop == EG_DROP_PLAIN_ON_ENCRYPTED || drop == EG_DROP_UDP_NON_ESP)
			drop = eg_exception_wire(path, i, drop);
		if (drop)
			eg_batch_lose(batch, i, drop);
	}
	eg_batch_sweep(path);
}

/* Is it one that this SA may open? */
static enum eg_drop check_sa(struct eg_path *path, const uint8_t *data, struct eg_meta *meta)
{
	const struct eg_pkt *pkt = &meta->pkt;
	const struct eg_tunnel *tunnel = meta->tunnel;
	struct eg_sa *sa = meta->sa;

	if (!from_tunnel_ends(data, pkt, tunnel))
		return EG_DROP_ESP_WRONG_PEER;
	if (tunnel->encap != (pkt->proto == EG_PROTO_UDP) && !tunnel->accept_plain)
		return EG_DROP_ESP_WRONG_ENCAP;
	if (!long_enough(pkt, sa))
		return EG_DROP_ESP_SHORT;
	if (sa->owner != path->worker)
		return EG_PASS; /* the window is its owner's to read */
	eg_crypto_key_prefetch(sa->key);
	if (sa->esn)
		meta->seq = eg_replay_infer(&sa->replay, (uint32_t)meta->seq);
	if (!eg_sa_may_receive(sa, meta->seq))
		return EG_DROP_SA_EXPIRED;
	return eg_replay_check(&sa->replay, meta->seq);
}

unsigned eg_handoff(struct eg_path *path, unsigned i, unsigned worker)
{
	struct rte_mbuf *m = path->batch.m[i];

	m->port = path->batch.meta[i].port; /* our index from here on, not the driver's */
	if (rte_ring_mp_enqueue(path->handoff[worker], m))
		return EG_DROP_HANDOFF_FULL;
	eg_count(&path->stats->handed_over, 1);
	return EG_CONSUMED;
}

void eg_sa_in(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	find_sas(path);
	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_meta *meta = &batch->meta[i];
		unsigned drop = check_sa(path, eg_batch_data(batch, i), meta);

		if (!drop && meta->sa->owner != path->worker)
			drop = eg_handoff(path, i, meta->sa->owner);
		if (drop)
			eg_batch_lose(batch, i, drop);
	}
	eg_batch_sweep(path);
}
