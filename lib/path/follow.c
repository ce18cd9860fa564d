#include "path/follow.h"

#include "net/bytes.h"

/* Only by the same port as the configured address, because the tunnel's effective MTU and link
 * state are that port's. Never into a tunnel, to the gateway itself, or by a clear port. */
static const struct eg_hop *hop_to(const struct eg_path *path, const struct eg_tunnel *tunnel,
				   const uint8_t *address)
{
	const struct eg_hop *hop = eg_snap_route(path->world, tunnel->remote.family, address);

	return eg_hop_is_port(hop) && hop->port == tunnel->hop.port ? hop : NULL;
}

void eg_follow(struct eg_path *path, unsigned i, const struct eg_tunnel *tunnel)
{
	const struct eg_pkt *pkt = &path->batch.meta[i].pkt;
	const uint8_t *data = eg_batch_data(&path->batch, i);
	struct eg_endpoint_at from = {0}, now;

	if (pkt->proto != EG_PROTO_UDP)
		return;
	from.port = eg_get16(data + pkt->l4_off - EG_UDP_LEN);
	if (pkt->version == 4)
		memcpy(from.address, eg_ip_src(data, 4), 4);
	else
		memcpy(from.address, eg_ip_src(data, 6), 16);
	now = eg_endpoint_get(tunnel->endpoint);
	if (eg_endpoint_at_equal(&from, &now))
		return;
	/* Parse has checked that it is a unicast address and not link-local. */
	if (!from.port ||
	    (memcmp(from.address, tunnel->remote.bytes, 16) && !hop_to(path, tunnel, from.address)))
		return;
	if (eg_endpoint_follow(tunnel->endpoint, &from)) {
		eg_tunnel_touch(path->tunnels, tunnel->id);
		eg_count(&path->stats->endpoints, 1);
		eg_path_report(path, EG_TUNNEL_EVENT_ENDPOINT, tunnel->id);
	}
}

const struct eg_hop *eg_follow_moved_hop(const struct eg_path *path, const struct eg_tunnel *tunnel,
					 const uint8_t *dst)
{
	const struct eg_hop *hop;

	if (!memcmp(dst, tunnel->remote.bytes, tunnel->ip_len == EG_IP4_LEN ? 4 : 16))
		return &tunnel->hop;
	hop = hop_to(path, tunnel, dst);
	return hop ? hop
		   : &tunnel->hop; /* a reload removed its route; this port is encrypted, too */
}
