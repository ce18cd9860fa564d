/* MSS clamping: the SYN and SYN-ACK of TCP connections through a tunnel, in both directions, ask
 * for segments that fit into it, so that no packet must be lost first. Before sa_out, for packets
 * that go into a tunnel and for those that came out of one. */
#include "net/tcp.h"
#include "path/mtu.h"
#include "path/stages.h"

/* The effective MTU of the tunnel: the least of its outbound SAs', because any worker may send the
 * packet. In transport mode, for packets without options. */
static unsigned least_mtu(const struct eg_path *path, const struct eg_tunnel *tunnel)
{
	const struct eg_out_set *out = eg_tunnel_out(path->tunnels, tunnel->id);
	unsigned least = UINT16_MAX, kept = tunnel->transport ? tunnel->ip_len : 0;

	if (!out || !eg_hop_is_port(&tunnel->hop))
		return least;
	for (uint32_t i = 0; i < out->n; i++) {
		unsigned mtu = eg_mtu_inner(path, tunnel, out->sa[i], kept);

		least = mtu < least ? mtu : least;
	}
	return least;
}

static bool is_syn(const struct eg_meta *meta, const uint8_t *data)
{
	/* Parse has checked 20 bytes of TCP at l4_off, unless it is a later fragment. */
	return meta->pkt.proto == EG_PROTO_TCP && meta->pkt.frag != EG_FRAG_LATER &&
	       data[meta->pkt.l4_off + 13] & EG_TCP_SYN;
}

static void clamp(const struct eg_path *path, const struct eg_meta *meta,
		  const struct eg_tunnel *tunnel, uint8_t *data)
{
	unsigned headers = (meta->pkt.version == 4 ? EG_IP4_LEN : EG_IP6_LEN) + EG_TCP_LEN;
	unsigned mtu = tunnel->mss_clamp ? least_mtu(path, tunnel) : UINT16_MAX;

	if (mtu < UINT16_MAX && mtu > headers)
		eg_tcp_clamp_mss(data + meta->pkt.l4_off,
				 (uint32_t)meta->pkt.len - meta->pkt.l4_off,
				 (uint16_t)(mtu - headers));
}

void eg_mss(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		const struct eg_meta *meta = &batch->meta[i];
		const struct eg_tunnel *into = NULL;
		uint8_t *data = eg_batch_data(batch, i);

		if (!is_syn(meta, data))
			continue;
		if (meta->hop->kind == EG_HOP_TUNNEL)
			into = eg_tunnel_get(path->tunnels, meta->hop->tunnel);
		if (into)
			clamp(path, meta, into, data);
		if (meta->from_tunnel)
			clamp(path, meta, meta->from_tunnel, data);
	}
}
