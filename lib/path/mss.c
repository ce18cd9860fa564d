/* TCP connections through a tunnel never learn of its overhead by loss: SYN and SYN-ACK, of both
 * directions, ask for segments that fit into it. Before sa_out, for what goes in and what came out.
 */
#include "net/tcp.h"
#include "path/mtu.h"
#include "path/stages.h"

/* The longest packet for any SA of the peer, so that it fits whichever worker sends it; in
 * transport mode, of those whose headers have no options. */
static unsigned room_of(const struct eg_path *path, const struct eg_tunnel *tunnel)
{
	unsigned least = UINT16_MAX, kept = tunnel->transport ? tunnel->ip_len : 0;

	if (!eg_hop_is_port(&tunnel->hop))
		return least;
	for (uint32_t i = 0; i < tunnel->n_out; i++) {
		unsigned room = eg_mtu_inner(path, tunnel, tunnel->out[i], kept);

		least = room < least ? room : least;
	}
	return least;
}

static bool is_syn(const struct eg_meta *meta, const uint8_t *data)
{
	/* Without its ports it has no flags either; parse saw 20 bytes of TCP behind l4_off. */
	return meta->pkt.proto == EG_PROTO_TCP && meta->pkt.frag != EG_FRAG_LATER &&
	       data[meta->pkt.l4_off + 13] & EG_TCP_SYN;
}

static void clamp(const struct eg_path *path, const struct eg_meta *meta,
		  const struct eg_tunnel *tunnel, uint8_t *data)
{
	unsigned around = (meta->pkt.version == 4 ? EG_IP4_LEN : EG_IP6_LEN) + EG_TCP_LEN;
	unsigned room = tunnel->mss_clamp ? room_of(path, tunnel) : UINT16_MAX;

	if (room < UINT16_MAX && room > around)
		eg_tcp_clamp_mss(data + meta->pkt.l4_off,
				 (uint32_t)meta->pkt.len - meta->pkt.l4_off,
				 (uint16_t)(room - around));
}

void eg_mss(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		const struct eg_meta *meta = &batch->meta[i];
		uint8_t *data = eg_batch_data(batch, i);

		if (!is_syn(meta, data))
			continue;
		if (meta->hop->kind == EG_HOP_TUNNEL)
			clamp(path, meta, &path->snap->tunnels[meta->hop->tunnel], data);
		if (meta->from_tunnel)
			clamp(path, meta, meta->from_tunnel, data);
	}
}
