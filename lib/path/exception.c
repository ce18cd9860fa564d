/* Packets for the gateway on their way to the kernel; path/kernel.h says which. */
#include "net/bytes.h"
#include "path/allow.h"
#include "path/drop.h"
#include "path/fragment.h"
#include "path/stages.h"

static struct eg_ip end_of(const uint8_t *data, const struct eg_pkt *pkt, bool source)
{
	if (pkt->version == 4) {
		const struct eg_ip4 *ip = (const struct eg_ip4 *)data;

		return eg_ip_from(4, source ? ip->src : ip->dst);
	} else {
		const struct eg_ip6 *ip = (const struct eg_ip6 *)data;

		return eg_ip_from(6, source ? ip->src : ip->dst);
	}
}

/* From the gateway to the kernel's interface, which has the port's MAC. */
static bool put_link(const struct eg_path_port *port, struct rte_mbuf *m)
{
	uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(m, EG_ETH_LEN);

	if (!frame)
		return false;
	memcpy(frame, port->mac, 6);
	memcpy(frame + 6, port->mac, 6);
	frame[6] ^= EG_MAC_LOCAL;
	eg_put16(frame + 12, frame[EG_ETH_LEN] >> 4 == 4 ? EG_ETHERTYPE_IP4 : EG_ETHERTYPE_IP6);
	eg_mbuf_clear_flags(m);
	return true;
}

/* A whole packet into the ring. */
static enum eg_verdict bring(struct eg_path *path, struct rte_mbuf *m, unsigned index)
{
	if (!put_link(&path->port[index], m))
		return EG_DROP_NO_ROOM;
	m->port = (uint16_t)index;
	if (!rte_ring_mp_enqueue(path->kernel_shared.packets, m))
		return EG_CONSUMED;
	rte_pktmbuf_adj(m, EG_ETH_LEN); /* who drops it looks for an IP header */
	return EG_DROP_EXCEPTION_FULL;
}

/* Longer than the kernel's interface takes: as a router does it (RFC 1812 s4.2.2.7). What comes of
 * fragments behind the first is settled here. */
static enum eg_verdict bring_fragments(struct eg_path *path, unsigned i, unsigned index)
{
	struct rte_mbuf *m = path->batch.m[i];
	const struct eg_ip4 *ip = rte_pktmbuf_mtod(m, const struct eg_ip4 *);
	struct eg_fragments fragments;
	enum eg_verdict first = EG_DROP_TOO_BIG;

	if (ip->ver_ihl >> 4 == 4 && !(be16toh(ip->frag_be) & EG_IP4_DF))
		first = eg_fragment_ip4(path, m, path->port[index].kernel.mtu, &fragments);
	if (first)
		return first;
	path->batch.m[i] = fragments.m[0];
	first = bring(path, fragments.m[0], index);
	for (unsigned k = 1; k < fragments.n; k++) {
		enum eg_verdict verdict = bring(path, fragments.m[k], index);

		if (verdict != EG_CONSUMED)
			eg_drop_mbuf(path, fragments.m[k], verdict);
	}
	return first;
}

static enum eg_verdict hand(struct eg_path *path, unsigned i, unsigned index)
{
	struct rte_mbuf *m = path->batch.m[i];
	struct eg_path_port *port = &path->port[index];

	path->batch.meta[i].hop = &port->kernel.hop;
	if (!eg_tokens_take(&port->kernel.tokens, path->now.cycles,
			    path->cycles_per_s / EG_KERNEL_PPS, EG_KERNEL_BURST))
		return EG_DROP_EXCEPTION_RATE;
	return m->pkt_len > port->kernel.mtu ? bring_fragments(path, i, index)
					     : bring(path, m, index);
}

static bool locals(const struct eg_path *path, unsigned port, const struct eg_ip *ip)
{
	return path->port[port].kernel.on && eg_local_find(&path->world->locals, port, ip);
}

enum eg_verdict eg_exception_local(struct eg_path *path, unsigned i)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	struct eg_ip to;

	if (!path->kernel_shared.packets)
		return EG_DROP_TO_GATEWAY;
	to = end_of(eg_batch_data(&path->batch, i), &meta->pkt, false);
	for (unsigned p = 0; meta->from_tunnel && p < path->n_ports; p++) {
		if (!path->port[p].encrypted && locals(path, p, &to))
			return hand(path, i, p);
	}
	/* Of an encrypted port only our own words come here: errors about the kernel's packets. */
	if (!meta->from_tunnel && locals(path, meta->port, &to) &&
	    (meta->local || !path->port[meta->port].encrypted))
		return hand(path, i, meta->port);
	return EG_DROP_TO_GATEWAY;
}

enum eg_verdict eg_exception_wire(struct eg_path *path, unsigned i, enum eg_verdict verdict)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	const uint8_t *data = eg_batch_data(&path->batch, i);
	enum eg_clear_kind kind;
	const struct eg_hop *back;
	struct eg_ip to, from;

	if (!path->port[meta->port].kernel.on)
		return verdict;
	to = end_of(data, &meta->pkt, false);
	from = end_of(data, &meta->pkt, true);
	if (!locals(path, meta->port, &to))
		return verdict;
	back = &path->world->hops[eg_lpm_lookup(path->world->routes, &from)];
	if (eg_hop_is_tunnel(back))
		return EG_DROP_PLAIN_FROM_PEER;
	if (!eg_hop_is_port(back) || back->port != meta->port)
		return verdict;
	kind = eg_allow_in(&path->world->allow[meta->port], data, &meta->pkt);
	if (kind == EG_CLEAR_NONE)
		return EG_DROP_EXCEPTION_DENIED;
	verdict = hand(path, i, meta->port);
	if (verdict == EG_CONSUMED)
		eg_count(&path->stats->clear_in[kind], 1);
	return verdict;
}
