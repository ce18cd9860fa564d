/* Source checks. The inner source of an opened packet must belong to the tunnel that it came out of
 * (RFC 4301 s5.2). A plain packet's source must be neither a peer's nor the gateway's own, and must
 * be behind the clear port by which it came, as strictly as source_check says (RFC 3704). The route
 * table serves as the SPD's selectors: a tunnel's subnets are those that are routed into it, alone
 * or in a group of tunnels with exactly the same subnet, and the configuration accepts no other
 * route inside them. Decapsulation also copies the outer header's congestion mark inward (RFC 6040
 * s4.2). */
#include "path/stages.h"

#include "base/source_check.h"
#include "net/bytes.h"
#include "net/checksum.h"
#include "path/drop.h"

enum {
	NOT_ECT = 0,
	ECT_1 = 1,
	ECT_0 = 2,
	CE = 3,
};

static const struct eg_hop *route_back(const struct eg_snap_world *world, const uint8_t *data,
				       const struct eg_pkt *pkt)
{
	return eg_snap_route(world, pkt->version, eg_ip_src(data, pkt->version));
}

static bool is_from(const struct eg_snap_world *world, const struct eg_hop *back, uint32_t tunnel)
{
	if (back->kind == EG_HOP_TUNNEL)
		return back->tunnel == tunnel;
	return back->kind == EG_HOP_GROUP && eg_group_find(world->groups[back->group], tunnel);
}

static void set_tos(uint8_t *data, struct eg_pkt *pkt, uint8_t tos)
{
	if (pkt->version == 4) {
		struct eg_ip4 *ip = (struct eg_ip4 *)data;

		ip->tos = tos;
		ip->check = 0;
		eg_put16(&data[offsetof(struct eg_ip4, check)],
			 eg_checksum_fold(eg_checksum_add(0, data, (ip->ver_ihl & 15u) * 4)));
	} else {
		data[0] = (uint8_t)((data[0] & 0xf0) | tos >> 4);
		data[1] = (uint8_t)((data[1] & 0x0f) | tos << 4);
	}
	pkt->tos = tos;
}

/* RFC 6040 figure 4: [inner][outer] -> the forwarded packet's; DROP if the mark would be lost. */
static enum eg_verdict decapsulate_ecn(uint8_t *data, struct eg_meta *meta)
{
	enum {
		DROP = 4
	};
	static const uint8_t table[4][4] = {
		[NOT_ECT] = {NOT_ECT, NOT_ECT, NOT_ECT, DROP},
		[ECT_1] = {ECT_1, ECT_1, ECT_1, CE},
		[ECT_0] = {ECT_0, ECT_1, ECT_0, CE},
		[CE] = {CE, CE, CE, CE},
	};
	uint8_t inner = meta->pkt.tos & 3, ecn = table[inner][meta->outer_tos & 3];

	if (ecn == DROP)
		return EG_DROP_ESP_ECN;
	if (ecn != inner)
		set_tos(data, &meta->pkt, (uint8_t)((meta->pkt.tos & ~3) | ecn));
	return EG_PASS;
}

void eg_verify(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		struct eg_meta *meta = &batch->meta[i];
		uint8_t *data = eg_batch_data(batch, i);
		const struct eg_hop *back = route_back(path->world, data, &meta->pkt);
		enum eg_verdict verdict = EG_DROP_INNER_SOURCE;

		if (is_from(path->world, back, meta->from_tunnel->id))
			verdict = decapsulate_ecn(data, meta);
		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
}

/* Is the source a node? Policy always lets a node reach its pods. */
static bool is_node(const struct eg_path *path, const uint8_t *data, const struct eg_pkt *pkt)
{
	const struct eg_policy *policy;
	uint32_t class_id;

	if (!path->policy)
		return false;
	policy = path->policy->compiled;
	class_id = pkt->version == 4 ? eg_policy_class4(policy, ((const struct eg_ip4 *)data)->src)
				     : eg_policy_class6(policy, ((const struct eg_ip6 *)data)->src);
	return eg_policy_class_node(policy, class_id);
}

/* The source is not behind the port. A node's address is accepted from elsewhere in no mode. */
static enum eg_verdict check_stray(const struct eg_path *path, unsigned i,
				   const struct eg_hop *back)
{
	const struct eg_meta *meta = &path->batch.meta[i];
	unsigned mode = path->world->source_check[meta->port];

	if (eg_hop_is_tunnel(back))
		return EG_DROP_PLAIN_FROM_PEER;
	if (back->kind == EG_HOP_LOCAL)
		return EG_DROP_OWN_SOURCE;
	if (mode == EG_SOURCE_STRICT ||
	    (mode == EG_SOURCE_LOOSE &&
	     (back->kind == EG_HOP_NONE || back->kind == EG_HOP_BROADCAST)) ||
	    is_node(path, eg_batch_data(&path->batch, i), &meta->pkt))
		return EG_DROP_SOURCE_CHECK;
	return EG_PASS;
}

void eg_verify_plain(struct eg_path *path)
{
	struct eg_batch *batch = &path->batch;

	for (unsigned i = 0; i < batch->n; i++) {
		const struct eg_meta *meta = &batch->meta[i];
		const struct eg_hop *back =
			route_back(path->world, eg_batch_data(batch, i), &meta->pkt);
		enum eg_verdict verdict = EG_PASS;

		if (!eg_hop_behind(back, meta->port))
			verdict = check_stray(path, i, back);
		if (verdict)
			eg_batch_remove(batch, i, verdict);
	}
	eg_batch_sweep(path);
}
