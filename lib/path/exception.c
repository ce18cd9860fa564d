/* Packets addressed to the gateway that go to the kernel (path/kernel.h). */
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

/* A link header from espgate's MAC to the kernel's interface, which has the port's MAC. */
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

/* Enqueue a packet that fits the interface's MTU. */
static enum eg_verdict enqueue(struct eg_path *path, struct rte_mbuf *m, unsigned index)
{
	if (!put_link(&path->port[index], m))
		return EG_DROP_NO_ROOM;
	m->port = (uint16_t)index;
	if (!rte_ring_mp_enqueue(path->kernel_shared.packets, m))
		return EG_CONSUMED;
	rte_pktmbuf_adj(m, EG_ETH_LEN); /* a drop sample expects the IP header first */
	return EG_DROP_EXCEPTION_FULL;
}

/* Fragment a packet that exceeds the MTU of the kernel's interface, as a router does (RFC 1812
 * s4.2.2.7). Returns the first fragment's verdict; the others are dropped here if they fail. */
static enum eg_verdict enqueue_fragments(struct eg_path *path, unsigned i, unsigned index)
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
	first = enqueue(path, fragments.m[0], index);
	for (unsigned k = 1; k < fragments.n; k++) {
		enum eg_verdict verdict = enqueue(path, fragments.m[k], index);

		if (verdict != EG_CONSUMED)
			eg_drop_mbuf(path, fragments.m[k], verdict);
	}
	return first;
}

static enum eg_verdict deliver(struct eg_path *path, unsigned i, unsigned index)
{
	struct rte_mbuf *m = path->batch.m[i];
	struct eg_path_port *port = &path->port[index];

	path->batch.meta[i].hop = &port->kernel.hop;
	if (!eg_tokens_take(&port->kernel.tokens, path->now.cycles,
			    path->cycles_per_s / EG_KERNEL_PPS, EG_KERNEL_BURST))
		return EG_DROP_EXCEPTION_RATE;
	return m->pkt_len > port->kernel.mtu ? enqueue_fragments(path, i, index)
					     : enqueue(path, m, index);
}

/* Is it an address of the port, which has a kernel device? */
static bool is_kernel_address(const struct eg_path *path, unsigned port, const struct eg_ip *ip)
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
		if (!path->port[p].encrypted && is_kernel_address(path, p, &to))
			return deliver(path, i, p);
	}
	/* On an encrypted port, only locally originated packets reach this: ICMP errors about the
	 * kernel's packets. */
	if (!meta->from_tunnel && is_kernel_address(path, meta->port, &to) &&
	    (meta->local || !path->port[meta->port].encrypted))
		return deliver(path, i, meta->port);
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
	if (!is_kernel_address(path, meta->port, &to))
		return verdict;
	back = &path->world->hops[eg_lpm_lookup(path->world->routes, &from)];
	if (eg_hop_is_tunnel(back))
		return EG_DROP_PLAIN_FROM_PEER;
	if (!eg_hop_is_port(back) || back->port != meta->port)
		return verdict;
	kind = eg_allow_in(&path->world->allow[meta->port], data, &meta->pkt);
	if (kind == EG_CLEAR_NONE)
		return EG_DROP_EXCEPTION_DENIED;
	verdict = deliver(path, i, meta->port);
	if (verdict == EG_CONSUMED)
		eg_count(&path->stats->clear_in[kind], 1);
	return verdict;
}
