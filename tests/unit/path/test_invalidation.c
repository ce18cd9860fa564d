/* The forwarding cache and everything that a decision depends on: the very next packet after a
 * change is treated as the full path treats it, and flows that do not depend on it stay known. */
#include "path/cached.h"

#include <rte_cycles.h>

#include "net/bytes.h"

#define ETH 14

/* Fields of a frame that left by ENCRYPTED, over IPv4. */
static uint32_t peer_of(const struct frame *frame)
{
	return eg_get32(frame->bytes + ETH + 16);
}

static uint32_t spi_of(const struct frame *frame)
{
	return eg_get32(frame->bytes + ETH + 20);
}

static uint32_t seq_of(const struct frame *frame)
{
	return eg_get32(frame->bytes + ETH + 24);
}

#define REMOTE(last) (0xc0000200u + (last))

/* The next packet of the flow is dropped for that reason, as by the full path. Its sender may get
 * an ICMP error. Did the cache know it? */
static bool expect_drop(struct cached *cached, enum flow_id flow, unsigned payload,
			enum eg_verdict want)
{
	struct frame frame = cached_frame(cached, flow, payload);
	uint64_t before = gw_drops(cached->gw, want), all = gw_drops_all(cached->gw);
	bool known = cached_send(cached, cached_in(flow), &frame);

	assert_int_equal(gw_drops(cached->gw, want), before + 1);
	assert_int_equal(gw_drops_all(cached->gw), all + 1);
	assert_int_equal(gw_discard(cached->gw, cached_out(flow)), 0);
	gw_discard(cached->gw, cached_in(flow));
	return known;
}

static void test_policy(void **state)
{
	struct cached cached;

	(void)state;
	cached_open(&cached, false);
	cached_publish(&cached, false); /* the same policy again: each is decided again, once */
	for (enum flow_id flow = 0; flow < FLOWS; flow++)
		assert_false(cached_pass(&cached, flow, NULL));
	cached_expect(&cached, BIT(FLOWS) - 1, "another policy");
	cached_publish(&cached, true);
	for (enum flow_id flow = 0; flow < FLOWS; flow++) {
		if (flow != HOST) /* not of 10.1.0.0/16 */
			expect_drop(&cached, flow, 60, EG_DROP_UNKNOWN_POD);
	}
	assert_false(cached_pass(&cached, HOST, NULL));
	assert_false(cached_pass(&cached, HOST, NULL));
	assert_true(cached_pass(&cached, HOST, NULL));
	expect_drop(&cached, PEER, 60, EG_DROP_UNKNOWN_POD);
	cached_close(&cached);
}

/* Another world, in which the peer's network is another peer's. */
static void test_world(void **state)
{
	struct cached cached;
	struct eg_snap_world *world;
	struct frame out;

	(void)state;
	cached_open(&cached, false);
	world = cached.gw->snap->world;
	eg_vec_foreach (hop, &cached.gw->hops) {
		if (hop->kind == EG_HOP_TUNNEL && hop->tunnel == 0)
			hop->tunnel = 1;
	}
	world->generation++;
	assert_false(cached_pass(&cached, PEER, &out));
	assert_int_equal(peer_of(&out), REMOTE(7));
	assert_true(cached_pass(&cached, PEER, &out));
	assert_int_equal(peer_of(&out), REMOTE(7));
	assert_false(cached_pass(&cached, OTHER, NULL)); /* nobody knows what changed */
	/* What comes out of tunnel 0 has a source that is not its peer's any more. */
	expect_drop(&cached, POD, 60, EG_DROP_INNER_SOURCE);
	cached_close(&cached);
}

static void test_second(void **state)
{
	struct cached cached;

	(void)state;
	cached_open(&cached, false);
	for (unsigned i = 0; i < 3; i++) {
		cached.clock += CACHED_SECOND - 1 - cached.clock % CACHED_SECOND;
		cached_expect(&cached, 0, "the end of the second");
		cached.clock++;
		cached_expect(&cached, BIT(FLOWS) - 1, "the next one");
	}
	/* So connections that packets flow on do not time out. */
	for (unsigned i = 0; i < cached.table->n_fresh; i++)
		assert_int_equal(atomic_load(&cached.table->conns[i].seen_s),
				 cached.clock / CACHED_SECOND);
	cached_close(&cached);
}

/* ICMP "fragmentation needed" about a packet that was sealed. */
static struct frame too_big(const struct frame *about, unsigned mtu)
{
	struct frame frame = plain_frame(ENCRYPTED, &(struct flow){.src = "198.51.100.1",
								   .dst = "192.0.2.1",
								   .proto = 1,
								   .payload = 8 + 40});
	uint8_t *icmp = frame.bytes + ETH + 20;

	memset(icmp, 0, 8);
	icmp[0] = 3;
	icmp[1] = 4;
	eg_put16(icmp + 6, (uint16_t)mtu);
	memcpy(icmp + 8, about->bytes + ETH, 40);
	eg_put16(icmp + 2, naive_checksum(icmp, 48));
	return frame;
}

/* A packet of that many bytes passes, and the cache knew it. */
static void expect_long(struct cached *cached, unsigned payload, struct frame *out)
{
	struct frame frame = cached_frame(cached, PEER, payload);

	assert_true(cached_send(cached, CLEAR, &frame));
	assert_int_equal(gw_sent(cached->gw, ENCRYPTED, out, 1), 1);
}

static void test_path_mtu(void **state)
{
	struct cached cached;
	struct eg_pmtu *pmtu;
	struct frame out, frame;

	(void)state;
	cached_open(&cached, false);
	atomic_store(&gw_sa_out(cached.gw)->seq, 1000);
	expect_long(&cached, 1380, &out);
	frame = too_big(&out, 1300);
	gw_send(cached.gw, ENCRYPTED, &frame, 1);
	pmtu = eg_tunnel_get(&cached.gw->tunnels, 0)->pmtu;
	assert_int_equal(eg_pmtu_get(pmtu), 1300);
	expect_drop(&cached, PEER, 1380, EG_DROP_TOO_BIG);
	/* GROUP's entry is still right: it names the tunnel, whose template PEER has renewed. */
	cached_expect(&cached, BIT(PEER), "the path MTU was lowered");
	expect_long(&cached, 1180, &out);
	expect_drop(&cached, GROUP, 1380, EG_DROP_TOO_BIG);
	cached_expect(&cached, BIT(GROUP), "a packet was too long");

	/* As the control thread does it. */
	assert_true(eg_pmtu_age(pmtu, (uint32_t)(cached.clock / CACHED_SECOND) + EG_PMTU_AGE_S));
	eg_tunnel_touch(&cached.gw->tunnels, 0);
	frame = cached_frame(&cached, PEER, 1380);
	assert_false(cached_send(&cached, CLEAR, &frame));
	assert_int_equal(gw_discard(cached.gw, ENCRYPTED), 1);
	expect_long(&cached, 1380, &out);
	cached_expect(&cached, 0, "the path MTU was forgotten");
	cached_close(&cached);
}

static void test_link(void **state)
{
	struct cached cached;

	(void)state;
	cached_open(&cached, false);
	for (unsigned port = 0; port < 2; port++) {
		cached.down = 1u << port;
		for (unsigned i = 0; i < 2u * FLOWS; i++) {
			enum flow_id flow = i % FLOWS;

			if (cached_out(flow) == port)
				assert_false(expect_drop(&cached, flow, 60, EG_DROP_LINK_DOWN));
			else
				assert_true(cached_pass(&cached, flow, NULL));
		}
		cached.down = 0;
		for (enum flow_id flow = 0; flow < FLOWS; flow++)
			cached_pass(&cached, flow, NULL);
		cached_expect(&cached, 0, "the link is back");
	}
	cached_close(&cached);
}

/* Another MAC for the next hop, and DF on outer headers. */
static void test_tunnel(void **state)
{
	struct cached cached;
	struct eg_tunnel_spec *spec;
	struct frame out;

	(void)state;
	cached_open(&cached, false);
	spec = &cached.gw->specs.v[0];
	assert_int_equal(eg_tunnel_change(&cached.gw->tunnels, 0, spec), 0); /* nothing new */
	cached_expect(&cached, 0, "no change");
	spec->hop.mac[5] = 0x77;
	spec->df_copied = spec->df_set = 0;
	assert_int_equal(eg_tunnel_change(&cached.gw->tunnels, 0, spec), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(cached_pass(&cached, PEER, &out), i);
		assert_int_equal(out.bytes[5], 0x77);
		assert_int_equal(out.bytes[ETH + 6], 0);
	}
	assert_true(cached_pass(&cached, GROUP, &out));
	assert_int_equal(out.bytes[5], 0x77);
	cached_expect(&cached, 0, "the tunnel has changed");
	cached_close(&cached);
}

/* The tunnel is gone, and then its id is another tunnel's, while the world is still the same. */
static void test_removed(void **state)
{
	struct cached cached;
	struct eg_tunnels *tunnels;
	struct eg_tunnel_spec spec;
	struct eg_sa_spec sa = {
		.kind = EG_SA_KIND_OUT, .spi = 0x7003, .suite = eg_suite_find("aes128gcm16")};
	static const uint8_t material[] = "the key of another peer, 32 byte salt";
	struct frame out;
	uint32_t id;

	(void)state;
	cached_open(&cached, false);
	tunnels = &cached.gw->tunnels;
	eg_tunnel_remove(tunnels, 0);
	expect_drop(&cached, PEER, 60, EG_DROP_NO_OUT_SA);
	assert_true(cached_pass(&cached, OTHER, NULL));
	/* The group's next one, as the removed one is down. */
	assert_false(cached_pass(&cached, GROUP, &out));
	assert_int_equal(peer_of(&out), REMOTE(7));
	expect_drop(&cached, POD, 60, EG_DROP_ESP_UNKNOWN_SPI);

	while (eg_rcu_pending(&cached.gw->rcu))
		eg_rcu_poll(&cached.gw->rcu);
	eg_tunnels_recycle(tunnels);
	spec = cached.gw->specs.v[0];
	spec.name = "a new peer";
	spec.target.family = 0;
	assert_int_equal(eg_ip_parse("192.0.2.8", &spec.remote), 0);
	assert_int_equal(eg_tunnel_add(tunnels, &spec, &id), 0);
	assert_int_equal(id, 0);
	expect_drop(&cached, PEER, 60, EG_DROP_NO_OUT_SA);
	sa.local = spec.local;
	sa.remote = spec.remote;
	gw_sa(cached.gw, id, &sa, material);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(cached_pass(&cached, PEER, &out), i);
		assert_int_equal(peer_of(&out), REMOTE(8));
		assert_int_equal(spi_of(&out), 0x7003);
	}
	assert_true(cached_pass(&cached, OTHER, NULL));
	cached_close(&cached);
}

static void test_sa(void **state)
{
	static const uint8_t material[] = "another key for the same peer! salt";
	const struct eg_err_place place = {.path = "sa"};
	struct eg_sa_spec spec = {
		.kind = EG_SA_KIND_OUT, .spi = 0x7004, .suite = eg_suite_find("aes256gcm16")};
	struct eg_errs errs = {0};
	struct cached cached;
	struct eg_sa *sa;
	struct frame out;

	(void)state;
	cached_open(&cached, false);
	spec.local = cached.gw->specs.v[0].local;
	spec.remote = cached.gw->specs.v[0].remote;
	sa = eg_sa_acquire(cached.gw->store, &spec, material, &place, &errs);
	assert_non_null(sa);
	assert_int_equal(
		eg_tunnel_replace_sa(&cached.gw->tunnels, 0, gw_sa_out(cached.gw), sa, NULL, 0), 0);
	while (eg_rcu_pending(&cached.gw->rcu)) /* the old one is freed */
		eg_rcu_poll(&cached.gw->rcu);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(cached_pass(&cached, PEER, &out), i > 0);
		assert_int_equal(spi_of(&out), 0x7004);
		assert_int_equal(seq_of(&out), i + 1);
	}
	cached_expect(&cached, 0, "the SA was replaced");
	assert_int_equal(eg_tunnel_remove_sa(&cached.gw->tunnels, 0, sa), 0);
	expect_drop(&cached, PEER, 60, EG_DROP_NO_OUT_SA);
	expect_drop(&cached, GROUP, 60, EG_DROP_NO_OUT_SA);
	assert_true(cached_pass(&cached, OTHER, NULL));
	assert_true(cached_pass(&cached, POD, NULL)); /* it comes out of the tunnel */
	cached_close(&cached);
}

/* Limits of the SA: of numbers that are reserved, of all numbers, of bytes. In a burst too. */
static void test_sa_limits(void **state)
{
	static struct frame frames[4];
	struct cached cached;
	struct eg_sa *sa;

	(void)state;
	cached_open(&cached, false);
	sa = gw_sa_out(cached.gw);
	for (unsigned i = 0; i < 4; i++)
		frames[i] = cached_frame(&cached, PEER, 60);
	atomic_store(&sa->seq_limit, atomic_load(&sa->seq) + 3);
	gw_send(cached.gw, CLEAR, frames, 4);
	assert_int_equal(gw_drops(cached.gw, EG_DROP_SEQ_RESERVATION), 1);
	assert_int_equal(gw_sent(cached.gw, ENCRYPTED, frames, 4), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(seq_of(&frames[i]), atomic_load(&sa->seq) - 2 + i);
	expect_drop(&cached, PEER, 60, EG_DROP_SEQ_RESERVATION);
	atomic_store(&sa->seq_limit, UINT32_MAX);
	cached_pass(&cached, PEER, NULL);
	cached_expect(&cached, 0, "numbers are reserved again");

	atomic_store(&sa->byte_limit, atomic_load(&sa->bytes));
	expect_drop(&cached, PEER, 60, EG_DROP_SA_EXPIRED);
	assert_true(cached_pass(&cached, OTHER, NULL));
	atomic_store(&sa->byte_limit, UINT64_MAX);
	cached_pass(&cached, PEER, NULL);
	cached_expect(&cached, 0, "the limit is gone");

	atomic_store(&sa->seq, UINT32_MAX);
	expect_drop(&cached, PEER, 60, EG_DROP_SEQ_EXHAUSTED);
	assert_true(cached_pass(&cached, OTHER, NULL));
	cached_close(&cached);
}

static void note_down(struct cached *cached, bool down)
{
	atomic_store(&cached->liveness->down, down);
	eg_tunnel_note_liveness(&cached->gw->tunnels, eg_tunnel_get(&cached->gw->tunnels, 0));
}

/* Of a group: the flow moves to the other peer, and back. Only the group depends on that. */
static void test_peer_down(void **state)
{
	struct cached cached;
	uint64_t failovers;
	struct frame out;

	(void)state;
	cached_open(&cached, false);
	cached_pass(&cached, GROUP, &out);
	assert_int_equal(peer_of(&out), REMOTE(2));
	note_down(&cached, true);
	assert_false(cached_pass(&cached, GROUP, &out));
	assert_int_equal(peer_of(&out), REMOTE(7));
	for (unsigned i = 0; i < 3; i++) {
		failovers = eg_counted(&cached.gw->stats[0]->failover);
		cached_pass(&cached, GROUP, &out);
		assert_int_equal(peer_of(&out), REMOTE(7));
		assert_int_equal(eg_counted(&cached.gw->stats[0]->failover), failovers + 1);
	}
	for (enum flow_id flow = 0; flow < FLOWS; flow++)
		assert_true(flow == GROUP || cached_pass(&cached, flow, NULL));
	note_down(&cached, false);
	assert_false(cached_pass(&cached, GROUP, &out));
	assert_int_equal(peer_of(&out), REMOTE(2));
	cached_expect(&cached, 0, "the peer is back");
	cached_close(&cached);
}

/* A neighbour has another MAC, is forgotten, and is another entry of the table. */
static void test_neighbor(void **state)
{
	static const enum flow_id ids[] = {STATION, HOST};
	struct cached cached;

	(void)state;
	cached_open(&cached, false);
	for (unsigned i = 0; i < COUNT(ids); i++) {
		struct eg_neighs *neighs = cached.gw->resolver_shared.neighs;
		const struct eg_neigh_key key = cached_key(ids[i]);
		struct frame frame, out;

		cached_set_mac(&cached, ids[i], 1); /* the same */
		cached_expect(&cached, 0, "no change");
		atomic_store(&eg_neigh_find(neighs, &key)->used, false);
		assert_true(cached_pass(&cached, ids[i], NULL));
		assert_true(atomic_load(&eg_neigh_find(neighs, &key)->used));
		cached_set_mac(&cached, ids[i], 2);
		assert_false(cached_pass(&cached, ids[i], &out));
		assert_int_equal(out.bytes[5], 2);
		cached_expect(&cached, 0, "another MAC");

		eg_neigh_remove(neighs, eg_neigh_find(neighs, &key));
		frame = cached_frame(&cached, ids[i], 60);
		assert_false(cached_send(&cached, cached_in(ids[i]), &frame));
		assert_int_equal(gw_discard(cached.gw, cached_out(ids[i])), 0);
		eg_path_resolve(cached.gw->path[0], cached.gw->snap, 1, true); /* it waited */
		cached_set_mac(&cached, ids[!i], 1); /* of this one nothing has changed */
		assert_true(cached_pass(&cached, ids[!i], NULL));
		if (!eg_neigh_find(neighs, &key))
			cached_set_mac(&cached, ids[i], 3);
		assert_false(cached_pass(&cached, ids[i], &out));
		assert_int_equal(out.bytes[5], 3);
		cached_set_mac(&cached, ids[i], 1);
		assert_false(cached_pass(&cached, ids[i], NULL));
		cached_expect(&cached, 0, "back again");
	}
	cached_close(&cached);
}

/* An authentic packet comes from another port: the next packet goes there. */
static void test_endpoint(void **state)
{
	struct cached cached;
	struct tunnel tunnel;
	struct frame frame, out;

	(void)state;
	cached_open(&cached, true);
	for (unsigned i = 0; i < 3; i++) {
		const struct flow flow = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 40};

		cached_pass(&cached, PEER, &out);
		assert_int_equal(eg_get16(out.bytes + ETH + 22), i ? 61000 + i : 4500);
		tunnel = tunnel_to(cached.gw);
		tunnel.sport = (uint16_t)(61001 + i);
		frame = tunnel_frame(&tunnel, ++cached.seq, &flow);
		gw_expect(cached.gw, ENCRYPTED, &frame, EG_PASS, "from another port");
		for (unsigned k = 0; k < 2; k++) {
			assert_int_equal(cached_pass(&cached, PEER, &out), k);
			assert_int_equal(peer_of(&out), REMOTE(2));
			assert_int_equal(eg_get16(out.bytes + ETH + 22), 61001 + i);
		}
		assert_true(cached_pass(&cached, OTHER, NULL));
		assert_true(cached_pass(&cached, STATION, NULL));
	}
	cached_close(&cached);
}

/* The peer has moved to an address that another route leads to: its next hop is the world's. */
static void test_endpoint_route(void **state)
{
	const struct eg_endpoint_at away = {.address = {198, 51, 100, 7}, .port = 4500};
	struct eg_hop *hop = NULL;
	struct cached cached;
	struct frame out;

	(void)state;
	cached_open(&cached, true);
	eg_vec_foreach (at, &cached.gw->hops) {
		if (at->kind == EG_HOP_PORT && at->port == ENCRYPTED)
			hop = at;
	}
	assert_non_null(hop);
	eg_endpoint_follow(eg_tunnel_get(&cached.gw->tunnels, 0)->endpoint, &away);
	eg_tunnel_touch(&cached.gw->tunnels, 0);
	for (unsigned i = 0; i < 3; i++) {
		hop->mac[5] = (uint8_t)(0x30 + i);
		cached.gw->snap->world->generation++;
		for (unsigned k = 0; k < 2; k++) {
			assert_int_equal(cached_pass(&cached, PEER, &out), k);
			assert_int_equal(peer_of(&out), 0xc6336407);
			assert_int_equal(out.bytes[5], 0x30 + i);
		}
	}
	cached_close(&cached);
}

int run_invalidation_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy),         cmocka_unit_test(test_world),
		cmocka_unit_test(test_second),         cmocka_unit_test(test_path_mtu),
		cmocka_unit_test(test_link),           cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_removed),        cmocka_unit_test(test_sa),
		cmocka_unit_test(test_sa_limits),      cmocka_unit_test(test_peer_down),
		cmocka_unit_test(test_neighbor),       cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_endpoint_route),
	};

	return cmocka_run_group_tests_name("path: invalidation of the cache", tests, NULL, NULL);
}
