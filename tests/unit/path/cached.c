#include "path/cached.h"

#include "net/bytes.h"

#define ETH 14

static const struct {
	const char *src, *dst;
	bool inward; /* out of tunnel 0 */
} flows[FLOWS] = {
	[PEER] = {"10.1.0.5", "10.2.0.9", false},  [OTHER] = {"10.1.0.5", "10.7.0.9", false},
	[GROUP] = {"10.1.0.5", "10.8.0.9", false}, [STATION] = {"10.1.0.5", "10.6.0.9", false},
	[POD] = {"10.2.0.9", "10.1.0.5", true},    [HOST] = {"10.2.0.9", "10.9.0.5", true},
};

unsigned cached_in(enum flow_id flow)
{
	return flows[flow].inward ? ENCRYPTED : CLEAR;
}

unsigned cached_out(enum flow_id flow)
{
	return flows[flow].inward ? CLEAR : ENCRYPTED;
}

void cached_publish(struct cached *cached, bool deny)
{
	const struct eg_policy_options options = {0};
	struct eg_snap_policy *policy = eg_snap_policy_new(), *before = cached->gw->snap->policy;
	struct eg_errs errs = {0};

	assert_non_null(policy);
	/* Pod networks in which no pod is known. */
	if (deny)
		assert_int_equal(
			eg_prefix_parse("10.1.0.0/16", eg_vec_add(&policy->cluster.pod_networks)),
			0);
	assert_int_equal(eg_cluster_index(&policy->cluster), 0);
	policy->compiled = eg_policy_compile(&policy->cluster, &options, &errs);
	assert_non_null(policy->compiled);
	assert_int_equal(eg_snap_policy_add_counts(policy, 1), 0);
	policy->generation = before ? before->generation + 1 : 1;
	cached->gw->snap->policy = policy;
	eg_snap_policy_release(before);
}

static unsigned add_peer(struct gw *gw, const char *remote, uint32_t spi, const char *network)
{
	unsigned id = gw_peer(gw, "192.0.2.1", remote);
	struct eg_sa_spec spec = {
		.kind = EG_SA_KIND_OUT,
		.spi = spi,
		.suite = eg_suite_find("aes128gcm16"),
		.local = gw->specs.v[id].local,
		.remote = gw->specs.v[id].remote,
	};
	uint8_t material[EG_SUITE_KEY_MAX] = "a key for another peer, and its salt";

	memcpy(material, &spi, sizeof(spi));
	gw_sa(gw, id, &spec, material);
	gw_route(gw, network, (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = id});
	return id;
}

static void add_flows(struct gw *gw)
{
	unsigned other = add_peer(gw, "192.0.2.7", 0x7001, "10.7.0.0/16");
	unsigned station = add_peer(gw, "192.0.2.6", 0x7002, "10.6.0.0/16");
	const struct eg_group_member members[] = {
		{.tunnel = 0, .priority = 10, .weight = 1, .id = eg_group_id("a")},
		{.tunnel = other, .priority = 20, .weight = 1, .id = eg_group_id("b")},
	};
	struct eg_hop hop = {.kind = EG_HOP_GROUP};

	hop.group = gw_group(gw, members, COUNT(members));
	gw_route(gw, "10.8.0.0/16", hop);
	gw_local(gw, CLEAR, "10.9.0.1/16");
	gw_route(gw, "198.51.100.0/24", gw->specs.v[0].hop);
	gw->specs.v[station].hop = (struct eg_hop){.kind = EG_HOP_LINK, .port = ENCRYPTED};
	assert_int_equal(eg_tunnel_change(&gw->tunnels, station, &gw->specs.v[station]), 0);
}

struct eg_neigh_key cached_key(enum flow_id flow)
{
	const uint8_t host[4] = {10, 9, 0, 5}, station[4] = {192, 0, 2, 6};

	return eg_neigh_key_make(cached_out(flow), 4, flow == HOST ? host : station);
}

void cached_set_mac(struct cached *cached, enum flow_id flow, unsigned last)
{
	struct eg_neighs *neighs = cached->gw->resolver_shared.neighs;
	const struct eg_neigh_key key = cached_key(flow);
	struct eg_neigh *neigh = eg_neigh_find(neighs, &key);
	const uint8_t mac[6] = {2, 0, 0, 0, 9, (uint8_t)last};

	if (!neigh)
		neigh = eg_neigh_add(neighs, &key);
	assert_non_null(neigh);
	eg_neigh_set_mac(neigh, mac);
	eg_neigh_set_state(neighs, neigh, EG_NEIGH_REACHABLE);
}

void cached_open(struct cached *cached, bool floats)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .encap = floats});
	struct eg_path *path = gw->path[0];

	*cached = (struct cached){.gw = gw, .clock = 1000 * CACHED_SECOND};
	add_flows(gw);
	gw->specs.v[0].floats = floats;
	cached->liveness = gw_liveness(gw, 0, "10.1.0.1", "10.2.0.1");
	gw_ready(gw);
	path->port[ENCRYPTED].mtu = 1500;
	path->clock = &cached->clock;
	path->cycles_per_s = CACHED_SECOND;
	path->links_down = (const _Atomic uint32_t *)&cached->down;
	cached->table = eg_flow_table_new(EG_FLOW_MIN);
	cached->flow = aligned_alloc(64, (sizeof(*cached->flow) + 63) & ~63ul);
	assert_true(cached->table && cached->flow);
	memset(cached->flow, 0, sizeof(*cached->flow));
	eg_flow_init(cached->flow, cached->table);
	path->flow = cached->flow;
	gw->snap->world->generation = 1;
	cached_publish(cached, false);
	cached_set_mac(cached, STATION, 1);
	cached_set_mac(cached, HOST, 1);
	for (enum flow_id flow = 0; flow < FLOWS; flow++)
		cached_pass(cached, flow, NULL); /* opens its connection */
	cached_expect(cached, BIT(FLOWS) - 1, "the second packets");
}

void cached_close(struct cached *cached)
{
	gw_close(cached->gw);
	eg_flow_table_free(cached->table);
	free(cached->flow);
}

struct frame cached_frame(struct cached *cached, enum flow_id id, unsigned payload)
{
	const struct flow flow = {.src = flows[id].src,
				  .dst = flows[id].dst,
				  .proto = 17,
				  .df = true,
				  .payload = (uint16_t)payload};
	struct tunnel tunnel = tunnel_to(cached->gw);
	struct frame packet = {0}, frame;

	add_packet(&packet, &flow);
	eg_put16(packet.bytes + 20, (uint16_t)(40000 + id));
	eg_put16(packet.bytes + 22, 53);
	eg_put16(packet.bytes + 24, (uint16_t)payload);
	eg_put16(packet.bytes + 26, 0);
	if (flows[id].inward)
		return tunnel_packet(&tunnel, ++cached->seq, packet.bytes, packet.n);
	start_frame(&frame, CLEAR, 4);
	memcpy(frame.bytes + frame.n, packet.bytes, packet.n);
	frame.n = (uint16_t)(frame.n + packet.n);
	return frame;
}

/* Packets that the cache knows are not parsed: neither frames, nor what was in ESP. */
bool cached_send(struct cached *cached, unsigned port, const struct frame *frame)
{
	struct eg_path *path = cached->gw->path[0];
	uint64_t parsed = eg_counted(&path->stats->packets[EG_STAGE_PARSE]);

	path->bursts = 0; /* the stages count only in some of them */
	gw_send(cached->gw, port, frame, 1);
	return eg_counted(&path->stats->packets[EG_STAGE_PARSE]) == parsed;
}

bool cached_pass(struct cached *cached, enum flow_id flow, struct frame *out)
{
	static struct frame sent[2];
	struct frame frame = cached_frame(cached, flow, 60);
	bool known = cached_send(cached, cached_in(flow), &frame);

	assert_int_equal(gw_frames(cached->gw, cached_out(flow), sent, 2), 1);
	assert_int_equal(gw_discard(cached->gw, !cached_out(flow)), 0);
	if (out)
		*out = sent[0];
	return known;
}

void cached_expect(struct cached *cached, unsigned mask, const char *what)
{
	for (unsigned round = 0; round < 2; round++) {
		for (enum flow_id flow = 0; flow < FLOWS; flow++) {
			bool known = cached_pass(cached, flow, NULL);

			if (known != !(mask & BIT(flow)))
				fail_msg("%s, round %u: the cache %s flow %u", what, round,
					 known ? "knew" : "did not know", flow);
		}
		mask = 0;
	}
}
