#include "path/stages.h"

#include "net/checksum.h"
#include "path/drop.h"
#include "path/packet_hash.h"

static enum eg_verdict decrement_ttl(uint8_t *data, const struct eg_pkt *pkt)
{
	if (pkt->version == 4) {
		struct eg_ip4 *ip = (struct eg_ip4 *)data;

		if (ip->ttl <= 1)
			return EG_DROP_TTL_EXPIRED;
		eg_ip4_decrement_ttl(ip);
	} else {
		struct eg_ip6 *ip = (struct eg_ip6 *)data;

		if (ip->hops <= 1)
			return EG_DROP_TTL_EXPIRED;
		ip->hops--;
	}
	return EG_PASS;
}

static const struct eg_hop *find_hop(const struct eg_snap_world *world, const uint8_t *data,
				     const struct eg_pkt *pkt)
{
	return eg_snap_route(world, pkt->version, eg_ip_dst(data, pkt->version));
}

static bool must_encrypt(const struct eg_snap_world *world, const uint8_t *data,
			 const struct eg_pkt *pkt)
{
	return eg_snap_must_encrypt(world, pkt->version, eg_ip_dst(data, pkt->version));
}

/* A packet of this tunnel is sent through another, because this tunnel's peer is down. */
static void count_rerouted(const struct eg_path *path, uint32_t id)
{
	const struct eg_tunnel *tunnel = eg_tunnel_get(path->tunnels, id);

	if (tunnel && tunnel->liveness)
		eg_liveness_count_rerouted(tunnel->liveness, path->worker);
	eg_count(&path->stats->failover, 1);
}

/* The tunnel for packet i in a group of peers: chosen by its flow, among the peers that are up. An
 * echo reply goes back through the tunnel of its request; otherwise a probe would report on another
 * peer's tunnel. */
static const struct eg_hop *choose_tunnel(struct eg_path *path, unsigned i)
{
	struct eg_meta *meta = &path->batch.meta[i];
	const struct eg_group *group = path->world->groups[meta->hop->group];
	const struct eg_group_member *chosen = NULL, *first;
	const struct eg_tunnel *tunnel;

	if (meta->local && meta->from_tunnel)
		chosen = eg_group_find(group, meta->from_tunnel->id);
	if (!chosen) {
		uint64_t flow = eg_packet_hash(&meta->pkt, eg_batch_data(&path->batch, i));

		chosen = eg_group_choose(group, flow, path->tunnels->down, &first);
		meta->grouped = true;
		meta->rerouted = chosen != first;
		if (meta->rerouted)
			count_rerouted(path, first->tunnel);
	}
	tunnel = eg_tunnel_get(path->tunnels, chosen->tunnel);
	return tunnel ? &tunnel->into : NULL;
}

static enum eg_verdict route_one(struct eg_path *path, unsigned i)
{
	struct eg_meta *meta = &path->batch.meta[i];
	uint8_t *data = eg_batch_data(&path->batch, i);

	meta->hop = find_hop(path->world, data, &meta->pkt);
	if (meta->hop->kind == EG_HOP_TUNNEL)
		__builtin_prefetch(&path->tunnels->slot[meta->hop->tunnel]);
	if (meta->hop->kind == EG_HOP_LOCAL) {
		enum eg_verdict verdict = eg_icmp_echo(path, i);

		if (verdict == EG_DROP_TO_GATEWAY)
			verdict = eg_exception_local(path, i);
		if (verdict)
			return verdict;
		meta->hop = find_hop(path->world, data, &meta->pkt); /* of the reply */
	}
	if (!eg_hop_is_tunnel(meta->hop) && meta->hop->kind != EG_HOP_LOCAL &&
	    must_encrypt(path->world, data, &meta->pkt))
		return EG_DROP_MUST_ENCRYPT;
	switch ((enum eg_hop_kind)meta->hop->kind) {
	case EG_HOP_NONE:
		return EG_DROP_NO_ROUTE;
	case EG_HOP_NO_NEIGHBOR:
		return EG_DROP_NO_NEIGHBOR;
	case EG_HOP_LOCAL:
		return EG_DROP_TO_GATEWAY;
	case EG_HOP_BROADCAST:
		return EG_DROP_MULTICAST;
	case EG_HOP_PORT:
	case EG_HOP_LINK:
	case EG_HOP_VIA:
	case EG_HOP_TUNNEL:
		break;
	case EG_HOP_GROUP:
		meta->hop = choose_tunnel(path, i);
		if (!meta->hop) /* removed, but the published world still refers to it */
			return EG_DROP_NO_OUT_SA;
		break;
	}
	/* This is the first hop of locally originated packets and of the kernel's. */
	return meta->local || meta->kernel ? EG_PASS : decrement_ttl(data, &meta->pkt);
}

void eg_route(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		enum eg_verdict verdict = route_one(path, i);

		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
}
