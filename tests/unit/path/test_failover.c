/* Several peers in front of one subnet: which one gets a packet, which sources each may use, and
 * dead peer detection. Site 2's pods (10.2/16, fd00:2::/64) are also behind a second gateway,
 * 192.0.2.8, in a group with site 2's own. */
#include "path/path_tests.h"

#include "net/bytes.h"

#define MS     1000000ull
#define BEGIN  (7000 * MS)
#define FLOWS  48
#define SECOND "192.0.2.8"

static const uint8_t material_to[] = "key to the second gateway, 32 bytes.";
static const uint8_t material_third[] = "key from the third gateway, 32 bytes.";
static const uint8_t material_from[] = "key from the second gateway, 32 byte";

/* SPIs of the second gateway: 0x8001 to it, 0x8002 from it. */
static struct tunnel second_tunnel(const char *src, const char *dst, uint32_t spi)
{
	return (struct tunnel){.src = src,
			       .dst = dst,
			       .spi = spi,
			       .suite = eg_suite_find("aes128gcm16"),
			       .material = spi == 0x8001 ? material_to : material_from};
}

static unsigned add_second(struct gw *gw)
{
	unsigned tunnel = gw_peer(gw, gw->spec.site == 1 ? "192.0.2.1" : "192.0.2.2", SECOND);
	struct eg_sa_spec spec = {.suite = eg_suite_find("aes128gcm16"),
				  .local = gw_tunnel(gw, tunnel)->local,
				  .remote = gw_tunnel(gw, tunnel)->remote};

	spec.kind = EG_SA_KIND_OUT;
	spec.spi = 0x8001;
	gw_sa(gw, tunnel, &spec, material_to);
	spec.kind = EG_SA_KIND_IN;
	spec.spi = 0x8002;
	spec.replay_window = 64;
	gw_sa(gw, tunnel, &spec, material_from);
	return tunnel;
}

/* 192.0.2.6, which sends with SPI 0x9002 and has 10.8/16, and is not in the group. */
static void add_third(struct gw *gw)
{
	unsigned tunnel = gw_peer(gw, "192.0.2.1", "192.0.2.6");
	struct eg_sa_spec spec = {.kind = EG_SA_KIND_IN,
				  .spi = 0x9002,
				  .suite = eg_suite_find("aes128gcm16"),
				  .replay_window = 64,
				  .local = gw_tunnel(gw, tunnel)->local,
				  .remote = gw_tunnel(gw, tunnel)->remote};

	gw_sa(gw, tunnel, &spec, material_third);
	gw_route(gw, "10.8.0.0/16", (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = tunnel});
}

struct pair {
	struct gw *gw;
	struct eg_liveness *liveness[2]; /* of peer 0, the site's, and of the second */
};

/* Site 1. Both gateways have the same pods; only the second has 10.9/16. */
static struct pair open_pair(uint16_t priority, uint16_t second_priority)
{
	struct pair pair = {.gw = gw_open((struct gw_spec){.site = 1})};
	struct gw *gw = pair.gw;
	unsigned second = add_second(gw);
	struct eg_group_member members[2] = {
		{.tunnel = 0, .priority = priority, .weight = 1, .id = eg_group_id("first")},
		{.tunnel = second,
		 .priority = second_priority,
		 .weight = 1,
		 .id = eg_group_id("b")},
	};
	struct eg_hop hop = {.kind = EG_HOP_GROUP};

	add_third(gw);
	pair.liveness[0] = gw_liveness(gw, 0, "10.1.0.1", "10.2.0.1");
	pair.liveness[1] = gw_liveness(gw, second, "fd00:1::1", "fd00:2::8");
	hop.group = gw_group(gw, members, 2);
	gw_local(gw, CLEAR, "10.1.0.1/16");
	gw_local(gw, CLEAR, "fd00:1::1/64");
	gw_route(
		gw, "10.1.0.0/16",
		(struct eg_hop){.kind = EG_HOP_PORT, .port = CLEAR, .mac = {2, 0, 0, 0, 1, CLEAR}});
	gw_route(gw, "10.2.0.0/16", hop);
	gw_route(gw, "fd00:2::/64", hop);
	gw_route(gw, "10.9.0.0/16", (struct eg_hop){.kind = EG_HOP_TUNNEL, .tunnel = second});
	gw_ready(gw);
	return pair;
}

/* The gateway that an ESP frame goes to: 0 or 1. */
static unsigned gateway_of(const struct frame *frame)
{
	assert_int_equal(frame->bytes[14] >> 4, 4);
	assert_int_equal(frame->bytes[14 + 9], 50);
	return frame->bytes[14 + 19] == 8;
}

/* Send one packet of each flow, half of them IPv6, and record the gateway of each. */
static void send_flows(struct gw *gw, unsigned gateway[FLOWS])
{
	static struct frame frames[FLOWS];

	for (unsigned i = 0; i < FLOWS; i++) {
		struct flow flow = {.proto = 17, .payload = 20, .seed = i};

		flow.src = i % 2 ? "10.1.0.5" : "fd00:1::5";
		flow.dst = i % 2 ? "10.2.0.9" : "fd00:2::9";
		frames[i] = plain_frame(CLEAR, &flow);
	}
	gw_send(gw, CLEAR, frames, FLOWS);
	assert_int_equal(gw_sent(gw, ENCRYPTED, frames, FLOWS), FLOWS);
	/* esp_out keeps the order of arrival. */
	for (unsigned i = 0; i < FLOWS; i++)
		gateway[i] = gateway_of(&frames[i]);
}

static unsigned count(const unsigned gateway[FLOWS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < FLOWS; i++)
		n += gateway[i];
	return n;
}

/* A packet out of one member's tunnel that is forwarded into the group goes by its flow, like any
 * other: only an answer of the gateway itself goes back by the tunnel of the request. */
static void test_forwarded(void **state)
{
	struct pair pair = open_pair(0, 0);
	struct tunnel second = second_tunnel(SECOND, "192.0.2.1", 0x8002);
	static struct frame frames[FLOWS];
	unsigned gateway[FLOWS], n;

	(void)state;
	for (unsigned i = 0; i < FLOWS; i++) {
		char to[32];
		struct flow flow = {
			.src = "10.9.0.9", .dst = to, .proto = 17, .payload = 20, .seed = i};

		snprintf(to, sizeof(to), "10.2.0.%u", i + 1);
		frames[i] = tunnel_frame(&second, i + 1, &flow);
	}
	gw_send(pair.gw, ENCRYPTED, frames, FLOWS);
	assert_int_equal(gw_sent(pair.gw, ENCRYPTED, frames, FLOWS), FLOWS);
	for (unsigned i = 0; i < FLOWS; i++)
		gateway[i] = gateway_of(&frames[i]);
	n = count(gateway);
	assert_in_range(n, FLOWS / 8, FLOWS - FLOWS / 8);
	gw_close(pair.gw);
}

static void kill_peer(struct pair *pair, unsigned tunnel, bool dead)
{
	atomic_store(&pair->liveness[tunnel]->down, dead);
	eg_tunnel_note_liveness(&pair->gw->tunnels, gw_tunnel(pair->gw, tunnel));
}

static uint64_t failovers(const struct pair *pair)
{
	return eg_counted(&pair->gw->stats[0]->failover);
}

/* All through the first; through the second while the first is down; through the first again; and
 * if both are down through the first, as without detection. */
static void test_priority(void **state)
{
	struct pair pair = open_pair(10, 20);
	unsigned gateway[FLOWS];

	(void)state;
	send_flows(pair.gw, gateway);
	assert_int_equal(count(gateway), 0);
	kill_peer(&pair, 0, true);
	send_flows(pair.gw, gateway);
	assert_int_equal(count(gateway), FLOWS);
	assert_int_equal(failovers(&pair), FLOWS);
	assert_int_equal(eg_liveness_rerouted(pair.liveness[0]), FLOWS);
	kill_peer(&pair, 1, true);
	send_flows(pair.gw, gateway);
	assert_int_equal(count(gateway), 0);
	kill_peer(&pair, 0, false);
	send_flows(pair.gw, gateway);
	assert_int_equal(count(gateway), 0);
	assert_int_equal(failovers(&pair), FLOWS);
	assert_int_equal(eg_liveness_rerouted(pair.liveness[1]), 0);
	assert_int_equal(gw_drops_all(pair.gw), 0);
	gw_close(pair.gw);
}

/* Every flow stays where it is, except those of the peer that is down. */
static void test_weight(void **state)
{
	struct pair pair = open_pair(10, 10);
	unsigned before[FLOWS], during[FLOWS], after[FLOWS];

	(void)state;
	send_flows(pair.gw, before);
	assert_true(count(before) > FLOWS / 5 && count(before) < FLOWS * 4 / 5);
	kill_peer(&pair, 1, true);
	send_flows(pair.gw, during);
	assert_int_equal(count(during), 0);
	assert_int_equal(failovers(&pair), count(before));
	assert_int_equal(eg_liveness_rerouted(pair.liveness[1]), count(before));
	kill_peer(&pair, 1, false);
	send_flows(pair.gw, after);
	assert_memory_equal(before, after, sizeof(before));
	gw_close(pair.gw);
}

/* Fragments of a packet, of which only the first has ports, go through one gateway. */
static void test_fragments(void **state)
{
	struct pair pair = open_pair(10, 10);
	struct frame frames[2];

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		char src[32];
		struct flow flow = {.src = src, .dst = "10.2.0.9", .proto = 17, .payload = 64};

		snprintf(src, sizeof(src), "10.1.0.%u", i + 2);
		frames[0] = plain_frame(CLEAR, &flow);
		eg_put16(frames[0].bytes + 20, 0x2000);
		fix_checksum(frames[0].bytes + 14);
		flow.seed = 99; /* different bytes in place of ports */
		frames[1] = plain_frame(CLEAR, &flow);
		eg_put16(frames[1].bytes + 18, 0);
		eg_put16(frames[1].bytes + 20, 8);
		fix_checksum(frames[1].bytes + 14);
		gw_send(pair.gw, CLEAR, frames, 2);
		assert_int_equal(gw_sent(pair.gw, ENCRYPTED, frames, 2), 2);
		assert_int_equal(gateway_of(&frames[0]), gateway_of(&frames[1]));
	}
	gw_close(pair.gw);
}

/* The MTU depends on the chosen peer: the second one's tunnel uses UDP encapsulation, which takes 8
 * bytes more. */
static void test_room(void **state)
{
	struct pair pair = open_pair(10, 20);
	/* 52 bytes around, 2 of trailer, 20 of inner header. */
	struct frame frame =
		plain_frame(CLEAR, &(struct flow){V4, .df = true, .payload = 1500 - 74});

	(void)state;
	pair.gw->path[0]->port[ENCRYPTED].mtu = 1500;
	pair.gw->specs.v[1].encap = true;
	assert_int_equal(eg_tunnel_change(&pair.gw->tunnels, 1, &pair.gw->specs.v[1]), 0);
	gw_expect(pair.gw, CLEAR, &frame, EG_PASS, "1500 bytes by the first");
	kill_peer(&pair, 0, true);
	gw_send(pair.gw, CLEAR, &frame, 1);
	assert_int_equal(gw_drops(pair.gw, EG_DROP_TOO_BIG), 1);
	assert_int_equal(eg_counted(&pair.gw->stats[0]->local[EG_LOCAL_TOO_BIG]), 1);
	assert_int_equal(gw_sent(pair.gw, CLEAR, &frame, 1), 1);
	assert_int_equal(eg_get16(frame.bytes + 14 + 26), 1500 - 54 - 8); /* RFC 1191 s4 */
	gw_close(pair.gw);
}

/* RFC 4301 s5.2: either may send from the pods that both have, neither from the other's own; and
 * nobody in clear. */
static void test_sources(void **state)
{
	struct pair pair = open_pair(10, 20);
	struct tunnel first = tunnel_to(pair.gw),
		      second = second_tunnel(SECOND, "192.0.2.1", 0x8002), third = second;
	const struct {
		const struct tunnel *by;
		const char *src;
		enum eg_verdict want;
	} cases[] = {
		{&first, "10.2.0.9", EG_PASS},
		{&second, "10.2.0.9", EG_PASS},
		{&second, "10.9.0.9", EG_PASS},
		{&first, "10.9.0.9", EG_DROP_INNER_SOURCE},
		{&first, "10.1.0.9", EG_DROP_INNER_SOURCE},
		{&second, "172.16.0.1", EG_DROP_INNER_SOURCE},
		{&third, "10.8.0.9", EG_PASS},
		{&third, "10.2.0.9", EG_DROP_INNER_SOURCE},
		{NULL, "10.2.0.9", EG_DROP_PLAIN_FROM_PEER},
		{NULL, "10.9.0.9", EG_DROP_PLAIN_FROM_PEER},
	};

	(void)state;
	third.src = "192.0.2.6";
	third.spi = 0x9002;
	third.material = material_third;
	for (unsigned dead = 0; dead < 3; dead++) { /* peer state does not affect source checks */
		kill_peer(&pair, 0, dead & 1);
		kill_peer(&pair, 1, dead & 2);
		for (unsigned i = 0; i < COUNT(cases); i++) {
			struct flow flow = {.src = cases[i].src, .dst = "10.1.0.6", .payload = 40};
			struct frame frame =
				cases[i].by ? tunnel_frame(cases[i].by, 1 + i + 10 * dead, &flow)
					    : plain_frame(CLEAR, &flow);

			gw_expect(pair.gw, cases[i].by ? ENCRYPTED : CLEAR, &frame, cases[i].want,
				  cases[i].src);
		}
	}
	gw_close(pair.gw);
}

/* Check a probe byte by byte. */
static void assert_question(const struct frame *packet, const struct eg_tunnel *tunnel,
			    unsigned number)
{
	const uint8_t *p = packet->bytes;
	bool v4 = tunnel->target.family == 4;
	const uint8_t *icmp = p + (v4 ? 20 : 40);
	uint8_t sum[64] = {0};

	assert_int_equal(p[0] >> 4, tunnel->target.family);
	assert_int_equal(packet->n, (v4 ? 20 : 40) + 8);
	assert_memory_equal(p + (v4 ? 12 : 8), tunnel->source.bytes, v4 ? 4 : 16);
	assert_memory_equal(p + (v4 ? 16 : 24), tunnel->target.bytes, v4 ? 4 : 16);
	assert_int_equal(p[v4 ? 9 : 6], v4 ? 1 : 58);
	assert_int_equal(p[v4 ? 8 : 7], 64);
	assert_int_equal(icmp[0], v4 ? 8 : 128);
	assert_int_equal(icmp[1], 0);
	assert_int_equal(eg_get16(icmp + 4), tunnel->liveness->id);
	assert_int_equal(eg_get16(icmp + 6), number);
	if (v4) {
		assert_int_equal(naive_checksum(p, 20), 0);
		assert_int_equal(naive_checksum(icmp, 8), 0);
		return;
	}
	memcpy(sum, p + 8, 32);
	sum[35] = 8;
	sum[39] = 58;
	memcpy(sum + 40, icmp, 8);
	assert_int_equal(naive_checksum(sum, 48), 0);
}

/* Each is probed through its own tunnel, wherever the target is routed, whether up or down. */
static void test_questions(void **state)
{
	struct pair pair = open_pair(10, 10);
	struct gw *gw = pair.gw;
	struct tunnel first = tunnel_from(gw), second = second_tunnel("192.0.2.1", SECOND, 0x8001);
	unsigned asked[2] = {0};

	(void)state;
	kill_peer(&pair, 1, true);
	assert_int_equal(eg_path_send_probes(gw->path[0], gw->snap, BEGIN), 2);
	for (uint64_t ms = 0; ms < 500; ms++) {
		struct frame frames[2], inner;
		unsigned n = gw_sent(gw, ENCRYPTED, frames, 2);

		for (unsigned i = 0; i < n; i++) {
			unsigned tunnel = gateway_of(&frames[i]);

			inner = open_frame(tunnel ? &second : &first, &frames[i], ++asked[tunnel]);
			assert_question(&inner, gw_tunnel(gw, tunnel), asked[tunnel]);
		}
		eg_path_send_probes(gw->path[0], gw->snap, BEGIN + ms * MS);
	}
	/* Every 75 to 100 ms. */
	for (unsigned tunnel = 0; tunnel < 2; tunnel++)
		assert_true(asked[tunnel] >= 5 && asked[tunnel] <= 7);
	assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_ECHO_REQUEST]),
			 asked[0] + asked[1] + gw_discard(gw, ENCRYPTED));
	assert_int_equal(failovers(&pair), 0);
	gw_close(gw);
}

/* Peers of another worker are not probed by this one. */
static void test_whose_question(void **state)
{
	struct pair pair = open_pair(10, 10);

	(void)state;
	pair.liveness[0]->worker = 1;
	assert_int_equal(eg_path_send_probes(pair.gw->path[0], pair.gw->snap, BEGIN), 1);
	assert_int_equal(atomic_load(&pair.liveness[0]->requests), 0);
	assert_int_equal(atomic_load(&pair.liveness[1]->requests), 1);
	gw_close(pair.gw);
}

static struct frame reply_packet(const char *src, const char *dst, unsigned type, unsigned id,
				 unsigned number)
{
	bool v6 = strchr(src, ':');
	struct flow flow = {.src = src, .dst = dst, .proto = v6 ? 58 : 1, .payload = 8};
	struct frame packet = {0};
	uint8_t *icmp;

	add_packet(&packet, &flow);
	icmp = packet.bytes + (v6 ? 40 : 20);
	icmp[0] = (uint8_t)type;
	icmp[1] = 0;
	eg_put16(icmp + 4, (uint16_t)id);
	eg_put16(icmp + 6, (uint16_t)number);
	return packet;
}

/* A reply counts only if everything about it is correct, above all the tunnel. Others are handled
 * like any packet. */
static void test_answers(void **state)
{
	struct pair pair = open_pair(10, 10);
	struct gw *gw = pair.gw;
	struct tunnel first = tunnel_to(gw), second = second_tunnel(SECOND, "192.0.2.1", 0x8002);
	const struct {
		const struct tunnel *by;
		const char *src, *dst;
		unsigned whose, type, id_off;
		int number;
		bool counts; /* otherwise it is a packet to the gateway, or to a pod */
	} cases[] = {
		{&first, "10.2.0.1", "10.1.0.1", 0, 0, 0, 2, true},
		{&second, "fd00:2::8", "fd00:1::1", 1, 129, 0, 2, true},
		{&second, "10.2.0.1", "10.1.0.1", 0, 0, 0, 3,
		 false}, /* of the first peer, through the second */
		{&first, "fd00:2::8", "fd00:1::1", 1, 129, 0, 3, false},
		{&first, "10.2.0.2", "10.1.0.1", 0, 0, 0, 3, false}, /* another host */
		{&first, "10.2.0.1", "10.1.0.7", 0, 0, 0, 3, false},
		{&first, "10.2.0.1", "10.1.0.1", 0, 0, 1, 3, false},  /* another sender's echo */
		{&first, "10.2.0.1", "10.1.0.1", 0, 13, 0, 3, false}, /* not an echo reply */
		{&first, "10.2.0.1", "10.1.0.1", 0, 0, 0, 2, true},   /* again: ours, but no news */
		{&first, "10.2.0.1", "10.1.0.1", 0, 0, 0, 3, true},
	};

	(void)state;
	for (unsigned p = 0; p < 2; p++)
		atomic_store(&pair.liveness[p]->requests, 3);
	for (unsigned i = 0; i < COUNT(cases); i++) {
		uint64_t taken = eg_counted(&gw->stats[0]->consumed), drops = gw_drops_all(gw);
		unsigned passed;
		struct frame packet =
			reply_packet(cases[i].src, cases[i].dst, cases[i].type,
				     pair.liveness[cases[i].whose]->id + cases[i].id_off,
				     (unsigned)cases[i].number);
		struct frame frame = tunnel_packet(cases[i].by, i + 1, packet.bytes, packet.n);

		gw_send(gw, ENCRYPTED, &frame, 1);
		passed = gw_discard(gw, CLEAR);
		assert_int_equal(eg_counted(&gw->stats[0]->consumed) - taken, cases[i].counts);
		assert_int_equal(gw_drops_all(gw) - drops + passed, !cases[i].counts);
	}
	assert_int_equal(atomic_load(&pair.liveness[0]->answered), 3);
	assert_int_equal(atomic_load(&pair.liveness[0]->answers), 2);
	assert_int_equal(atomic_load(&pair.liveness[1]->answered), 2);
	assert_int_equal(atomic_load(&pair.liveness[1]->answers), 1);
	gw_close(gw);
}

/* Site 2 replies through the tunnel on which it was probed, although it prefers another gateway for
 * site 1's subnet. */
static void test_conversation(void **state)
{
	struct pair pair = open_pair(10, 10);
	struct gw *one = pair.gw, *two = gw_open((struct gw_spec){.site = 2});
	struct eg_group_member members[2] = {
		{.tunnel = 0, .priority = 9, .weight = 1, .id = 1},
		{.tunnel = add_second(two), .priority = 1, .weight = 1, .id = 2},
	};
	struct frame frames[EG_BATCH_MAX];
	uint64_t now = BEGIN, died;

	(void)state;
	gw_local(two, CLEAR, "10.2.0.1/16");
	gw_route(two, "10.1.0.0/16",
		 (struct eg_hop){.kind = EG_HOP_GROUP, .group = gw_group(two, members, 2)});
	gw_ready(two);
	pair.liveness[1]->worker = 1; /* nobody is there to reply */
	for (unsigned i = 1; i <= 20; i++, now += 100 * MS) {
		assert_int_equal(eg_path_send_probes(one->path[0], one->snap, now), 1);
		assert_int_equal(gw_forward(one, two, frames), 1);
		assert_int_equal(gw_forward(two, one, frames), 1);
		assert_int_equal(gateway_of(&frames[0]), 0);
		assert_int_equal(atomic_load(&pair.liveness[0]->answered), i);
		for (uint64_t ms = 1; ms < 75; ms++)
			assert_int_equal(
				eg_path_send_probes(one->path[0], one->snap, now + ms * MS), 0);
	}
	assert_true(eg_liveness_is_up(pair.liveness[0]));
	assert_int_equal(eg_counted(&one->stats[0]->consumed), 20);
	/* Its replies are lost from here on: the last one was received a millisecond after its
	 * probe. */
	died = now - 100 * MS + MS;
	while (eg_liveness_is_up(pair.liveness[0])) {
		now += MS;
		eg_path_send_probes(one->path[0], one->snap, now);
	}
	assert_int_equal(now - died, 300 * MS);
	gw_discard(one, ENCRYPTED);
	/* Other packets go through that other gateway. */
	frames[0] = plain_frame(CLEAR,
				&(struct flow){.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 8});
	gw_send(two, CLEAR, frames, 1);
	assert_int_equal(gw_sent(two, ENCRYPTED, frames, 1), 1);
	assert_int_equal(gateway_of(&frames[0]), 1);
	gw_close(one);
	gw_close(two);
}

static void send_echo(struct gw *gw, const struct tunnel *by, uint64_t seq, const char *src)
{
	struct frame packet = reply_packet(src, "10.1.0.1", 8, 7, 7), frame;

	eg_put16(packet.bytes + 22, 0);
	eg_put16(packet.bytes + 22, naive_checksum(packet.bytes + 20, 8));
	frame = tunnel_packet(by, seq, packet.bytes, packet.n);
	gw_send(gw, ENCRYPTED, &frame, 1);
}

/* A pod that floods us with echo requests does not keep the far gateway, which we probe, from
 * probing us. And no pod can pretend to be a gateway. */
static void test_flood(void **state)
{
	struct pair pair = open_pair(10, 10);
	struct gw *gw = pair.gw;
	struct tunnel first = tunnel_to(gw), from = tunnel_from(gw);
	struct frame frame;
	unsigned seq = 0, left = 0;

	(void)state;
	gw->path[0]->cycles_per_s *= 1000; /* no second passes, even under a sanitizer */
	for (unsigned i = 0; i < 2 * EG_ECHO_BURST; i++) {
		send_echo(gw, &first, ++seq, "10.2.0.9");
		left += gw_discard(gw, ENCRYPTED);
	}
	assert_int_equal(gw_drops(gw, EG_DROP_ECHO_RATE), EG_ECHO_BURST);
	assert_int_equal(left, EG_ECHO_BURST);
	send_echo(gw, &first, ++seq, "10.2.0.1");
	assert_int_equal(gw_drops(gw, EG_DROP_ECHO_RATE), EG_ECHO_BURST);
	assert_int_equal(gw_sent(gw, ENCRYPTED, &frame, 1), 1);
	frame = open_frame(&from, &frame, left + 1);
	assert_int_equal(frame.n, 28);
	assert_int_equal(frame.bytes[20], 0); /* echo reply */
	gw->path[0]->cycles_per_s /= 1000;
	frame = plain_frame(CLEAR,
			    &(struct flow){.src = "10.1.0.1", .dst = "10.2.0.1", .payload = 8});
	gw_expect(gw, CLEAR, &frame, EG_DROP_OWN_SOURCE, "a pod that says it is the gateway");
	gw_close(gw);
}

/* A world may lead into a tunnel that is gone: directly, or by a group of which another member is
 * chosen then. */
static void test_removed(void **state)
{
	struct pair pair = open_pair(10, 20);
	struct gw *gw = pair.gw;
	struct frame direct = plain_frame(
		CLEAR, &(struct flow){.src = "10.1.0.5", .dst = "10.9.0.1", .payload = 8});
	struct frame grouped = plain_frame(
		CLEAR, &(struct flow){.src = "10.1.0.5", .dst = "10.2.0.7", .payload = 8});
	struct frame out;

	(void)state;
	gw_expect(gw, CLEAR, &direct, EG_PASS, "before");
	eg_tunnel_remove(&gw->tunnels, 1);
	gw_expect(gw, CLEAR, &direct, EG_DROP_NO_OUT_SA, "the second tunnel is gone");
	gw_expect(gw, CLEAR, &grouped, EG_PASS, "the first one of the group is there");
	eg_tunnel_remove(&gw->tunnels, 0);
	gw_expect(gw, CLEAR, &grouped, EG_DROP_NO_OUT_SA, "all of the group are gone");
	assert_int_equal(gw_sent(gw, ENCRYPTED, &out, 1), 0);
	gw_close(gw);
}

/* Without a link no probe is sent: the peer is down at once, and its flows move as soon as they
 * can. Here there is no other peer with a link, so both are down. */
static void test_no_link(void **state)
{
	struct pair pair = open_pair(10, 20);
	struct eg_path *path = pair.gw->path[0];
	_Atomic uint32_t down = 1u << CLEAR;
	uint64_t drops;

	(void)state;
	path->links_down = &down;
	eg_path_send_probes(path, pair.gw->snap, BEGIN);
	eg_path_send_probes(path, pair.gw->snap, BEGIN + MS);
	assert_true(eg_liveness_is_up(pair.liveness[0]) && eg_liveness_is_up(pair.liveness[1]));
	atomic_store(&down, 1u << ENCRYPTED);
	eg_path_send_probes(path, pair.gw->snap, BEGIN + 2 * MS);
	assert_false(eg_liveness_is_up(pair.liveness[0]) || eg_liveness_is_up(pair.liveness[1]));
	assert_false(eg_tunnel_is_up(&pair.gw->tunnels, 0) ||
		     eg_tunnel_is_up(&pair.gw->tunnels, 1));
	assert_int_equal(atomic_load(&pair.liveness[0]->since_ns), BEGIN + 2 * MS);
	for (unsigned ms = 3; ms < 1000; ms++)
		eg_path_send_probes(path, pair.gw->snap, BEGIN + ms * MS);
	assert_int_equal(atomic_load(&pair.liveness[0]->changes), 1);
	drops = gw_drops(pair.gw, EG_DROP_LINK_DOWN); /* probes sent before */
	assert_int_equal(gw_drops_all(pair.gw), drops);
	atomic_store(&down, 0);
	gw_close(pair.gw);
}

int run_failover_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_priority),       cmocka_unit_test(test_weight),
		cmocka_unit_test(test_fragments),      cmocka_unit_test(test_room),
		cmocka_unit_test(test_sources),        cmocka_unit_test(test_questions),
		cmocka_unit_test(test_whose_question), cmocka_unit_test(test_answers),
		cmocka_unit_test(test_conversation),   cmocka_unit_test(test_flood),
		cmocka_unit_test(test_removed),        cmocka_unit_test(test_no_link),
		cmocka_unit_test(test_forwarded),
	};

	return cmocka_run_group_tests_name("path failover", tests, NULL, NULL);
}
