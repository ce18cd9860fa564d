/* Neighbour resolution in the real path: packets wait, requests are sent, packets leave; messages
 * to the gateway are answered, believed or not; every limit drops with its own reason. */
#include "path/path_tests.h"

static const struct flow to_pod = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 40};
static const struct flow to_pod6 = {.src = "fd00:2::9", .dst = "fd00:1::5", .payload = 40};
static const struct flow to_peer = {V4, .payload = 40};

/* Site 1 with addresses on both ports, where the peer is on the wire itself. */
static struct gw *open_live(unsigned outer)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .outer = outer});

	gw_local(gw, CLEAR, "10.1.0.1/16");
	gw_local(gw, CLEAR, "fd00:1::1/64");
	gw_local(gw, ENCRYPTED, "192.0.2.1/24");
	gw_local(gw, ENCRYPTED, "2001:db8::1/64");
	gw_tunnel(gw, 0)->hop = (struct eg_hop){.kind = EG_HOP_LINK, .port = ENCRYPTED};
	gw_ready(gw);
	return gw;
}

static struct eg_neigh_self station(const char *ip, unsigned last)
{
	struct eg_neigh_self self = {.mac = {2, 0, 0, 0, (uint8_t)(last < 0x10), (uint8_t)last}};

	assert_int_equal(eg_ip_parse(ip, &self.ip), 0);
	return self;
}

/* A station's reply to the gateway's port. */
static struct frame answer_of(const struct eg_neigh_self *self, unsigned port, const char *asker)
{
	struct eg_neigh_message question = {.has_mac = true, .mac = {2, 0, 0, 0, 0, (uint8_t)port}};
	struct frame frame;

	assert_int_equal(eg_ip_parse(asker, &question.reply_to), 0);
	frame.n = (uint16_t)eg_neigh_answer(frame.bytes, self, &question);
	return frame;
}

static struct frame claim_of(const struct eg_neigh_self *self)
{
	struct frame frame;

	frame.n = (uint16_t)eg_neigh_announce(frame.bytes, self);
	return frame;
}

static struct frame question_of(const struct eg_neigh_self *self, const char *target)
{
	struct frame frame;
	struct eg_ip ip;

	assert_int_equal(eg_ip_parse(target, &ip), 0);
	frame.n = (uint16_t)eg_neigh_request(frame.bytes, self, &ip, NULL);
	return frame;
}

static void say(struct gw *gw, unsigned port, struct frame frame, uint64_t now_ms)
{
	gw_send(gw, port, &frame, 1);
	gw_resolve(gw, now_ms);
}

/* One request left through the port, for this address, from our correct one. */
static void expect_question(struct gw *gw, unsigned port, const char *target, const char *self)
{
	struct eg_neigh_message message;
	struct frame frame[2];
	char text[EG_IP_TEXT];

	assert_int_equal(gw_frames(gw, port, frame, 2), 1);
	assert_true(eg_neigh_parse(frame[0].bytes, frame[0].n, &message));
	assert_true(message.request);
	assert_string_equal(eg_ip_print(&message.target, text), target);
	assert_string_equal(eg_ip_print(&message.owner, text), self);
}

static void send_inside(struct gw *gw, uint64_t seq, const struct flow *flow)
{
	struct tunnel tunnel = tunnel_to(gw);
	struct frame frame = tunnel_frame(&tunnel, seq, flow);

	gw_send(gw, ENCRYPTED, &frame, 1);
}

static void test_resolve(void **state)
{
	static const struct {
		const struct flow *flow;
		const char *pod, *local;
	} rows[] = {
		{&to_pod, "10.1.0.5", "10.1.0.1"},
		{&to_pod6, "fd00:1::5", "fd00:1::1"},
	};
	struct gw *gw = open_live(4);
	struct frame out[4];
	uint64_t seq = 1, now = 1000;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++, now += 2000) {
		struct eg_neigh_self pod = station(rows[i].pod, CLEAR);

		send_inside(gw, seq++, rows[i].flow);
		send_inside(gw, seq++, rows[i].flow);
		assert_int_equal(gw_discard(gw, CLEAR), 0);
		gw_resolve(gw, now);
		expect_question(gw, CLEAR, rows[i].pod, rows[i].local);
		gw_resolve(gw, now + 500);
		assert_int_equal(gw_discard(gw, CLEAR), 0);
		gw_resolve(gw, now + 1000); /* retransmitted */
		expect_question(gw, CLEAR, rows[i].pod, rows[i].local);
		say(gw, CLEAR, answer_of(&pod, CLEAR, rows[i].local), now + 1001);
		assert_int_equal(gw_sent(gw, CLEAR, out, 4), 2);
		send_inside(gw, seq++, rows[i].flow); /* the next one does not need the resolver */
		assert_int_equal(gw_sent(gw, CLEAR, out, 4), 1);
	}
	assert_int_equal(gw_drops_all(gw), 0);
	gw_close(gw);
}

/* Sealed packets wait for the far gateway, and only the request leaves in clear. */
static void test_resolve_sealed(void **state)
{
	(void)state;
	for (unsigned outer = 4; outer <= 6; outer += 2) {
		struct gw *gw = open_live(outer);
		struct tunnel tunnel = tunnel_from(gw);
		const char *local = outer == 4 ? "192.0.2.1" : "2001:db8::1";
		const char *far = outer == 4 ? "192.0.2.2" : "2001:db8::2";
		struct eg_neigh_self peer = station(far, ENCRYPTED);
		struct frame plain = plain_frame(CLEAR, &to_peer), out[2];

		gw_send(gw, CLEAR, &plain, 1);
		assert_int_equal(gw_discard(gw, ENCRYPTED), 0);
		gw_resolve(gw, 1000);
		expect_question(gw, ENCRYPTED, far, local);
		say(gw, ENCRYPTED, answer_of(&peer, ENCRYPTED, local), 1001);
		assert_int_equal(gw_sent(gw, ENCRYPTED, out, 2), 1);
		assert_int_equal(open_frame(&tunnel, &out[0], 1).n, 60);
		gw_close(gw);
	}
}

/* The router's address is resolved, not the destination's. */
static void test_via(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct eg_neigh_self router = station("10.1.0.254", CLEAR);
	struct frame frame =
		plain_frame(CLEAR, &(struct flow){.src = "10.1.0.5", .dst = "10.9.0.1"});

	(void)state;
	gw_local(gw, CLEAR, "10.1.0.1/24");
	gw_route(gw, "10.9.0.0/16",
		 (struct eg_hop){
			 .kind = EG_HOP_VIA, .port = CLEAR, .via = gw_via(gw, "10.1.0.254")});
	gw_ready(gw);
	gw_send(gw, CLEAR, &frame, 1);
	gw_resolve(gw, 1000);
	expect_question(gw, CLEAR, "10.1.0.254", "10.1.0.1");
	say(gw, CLEAR, answer_of(&router, CLEAR, "10.1.0.1"), 1001);
	assert_int_equal(gw_sent(gw, CLEAR, &frame, 1), 1);
	gw_close(gw);
}

/* A tunnel's router is resolved by the tunnel's own copy of its address: the world may be another
 * one than the tunnel's hop was made for. */
static void test_tunnel_via(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct frame frame =
		plain_frame(CLEAR, &(struct flow){.src = "10.1.0.5", .dst = "10.2.0.1"});
	struct eg_tunnel *tunnel = gw_tunnel(gw, 0);

	(void)state;
	gw_local(gw, ENCRYPTED, "192.0.2.1/24");
	gw_via(gw, "192.0.2.99");
	tunnel->hop = (struct eg_hop){.kind = EG_HOP_VIA, .port = ENCRYPTED};
	assert_int_equal(eg_ip_parse("192.0.2.254", &tunnel->via), 0);
	gw_ready(gw);
	gw_send(gw, CLEAR, &frame, 1);
	gw_resolve(gw, 1000);
	expect_question(gw, ENCRYPTED, "192.0.2.254", "192.0.2.1");
	gw_close(gw);
}

/* Requests for our addresses are answered on the port that has them; nothing is learned from them.
 */
static void test_answers(void **state)
{
	static const struct {
		unsigned port;
		const char *asker, *target;
		bool answered;
	} rows[] = {
		{CLEAR, "10.1.0.5", "10.1.0.1", true},
		{CLEAR, "10.1.0.5", "10.1.0.7", false},
		{CLEAR, "10.1.0.5", "192.0.2.1", false}, /* the other port's */
		{CLEAR, "fd00:1::5", "fd00:1::1", true},
		{CLEAR, "fe80::5", "fd00:1::1", true},
		{CLEAR, "fe80::5", "fe80::ff:fe00:0", true},
		{CLEAR, "fd00:1::5", "fd00:1::7", false},
		{ENCRYPTED, "192.0.2.2", "192.0.2.1", true},
		{ENCRYPTED, "2001:db8::2", "2001:db8::1", true},
		{ENCRYPTED, "192.0.2.2", "10.1.0.1", false},
	};
	struct gw *gw = open_live(4);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct eg_neigh_self asker = station(rows[i].asker, rows[i].port);
		struct eg_neigh_message message;
		struct frame out[2];
		char text[EG_IP_TEXT];

		say(gw, rows[i].port, question_of(&asker, rows[i].target), 1000);
		assert_int_equal(gw_sent(gw, rows[i].port, out, 2), rows[i].answered);
		if (!rows[i].answered)
			continue;
		assert_true(eg_neigh_parse(out[0].bytes, out[0].n, &message));
		assert_true(message.reply && message.has_mac);
		assert_string_equal(eg_ip_print(&message.owner, text), rows[i].target);
		assert_int_equal(message.mac[5], rows[i].port);
	}
	assert_int_equal(gw->resolver_shared.neighs->n_used, 0);
	assert_int_equal(gw_drops_all(gw), 0);
	gw_close(gw);
}

/* An unsolicited message creates no entry, and does not change a fresh one. */
static void test_spoofed(void **state)
{
	struct gw *gw = open_live(4);
	struct eg_neigh_self pod = station("10.1.0.5", CLEAR), evil = station("10.1.0.5", 0x66);
	struct frame out[2];

	(void)state;
	say(gw, CLEAR, claim_of(&evil), 1000);
	say(gw, CLEAR, answer_of(&evil, CLEAR, "10.1.0.1"), 1000);
	assert_int_equal(gw->resolver_shared.neighs->n_used, 0);

	send_inside(gw, 1, &to_pod);
	gw_resolve(gw, 1000);
	gw_discard(gw, CLEAR);
	say(gw, CLEAR, answer_of(&pod, CLEAR, "10.1.0.1"), 1001);
	gw_discard(gw, CLEAR);
	say(gw, CLEAR, claim_of(&evil), 1002);
	assert_int_equal(gw_drops(gw, EG_DROP_NEIGHBOR_CLAIM), 1);
	/* The known station is probed, and packets still go there. */
	assert_int_equal(gw_sent(gw, CLEAR, out, 2), 1);
	assert_int_equal(out[0].bytes[13], 6); /* ARP, to its MAC */
	send_inside(gw, 2, &to_pod);
	assert_int_equal(gw_sent(gw, CLEAR, out, 2), 1);
	say(gw, CLEAR, answer_of(&evil, CLEAR, "10.1.0.1"), 1003);
	assert_int_equal(gw_drops(gw, EG_DROP_NEIGHBOR_CLAIM), 2);
	say(gw, CLEAR, answer_of(&pod, CLEAR, "10.1.0.1"), 1004);
	send_inside(gw, 3, &to_pod);
	assert_int_equal(gw_sent(gw, CLEAR, out, 2), 1);
	assert_int_equal(gw_drops_all(gw), 2);
	gw_close(gw);
}

/* Another station claims our address: logged, dropped with a named reason, defended once in ten
 * seconds. */
static void test_duplicate(void **state)
{
	struct gw *gw = open_live(4);
	struct eg_neigh_self evil = station("10.1.0.1", 0x66), evil6 = station("fd00:1::1", 0x66);
	struct eg_neigh_self self = station("10.1.0.1", CLEAR);
	struct eg_drop_record record;

	(void)state;
	say(gw, CLEAR, claim_of(&evil), 100000);
	assert_int_equal(gw_discard(gw, CLEAR), 1);
	assert_true(eg_drop_ring_take(&gw->stats[0]->dropped, &record));
	assert_int_equal(record.reason, EG_DROP_DUPLICATE_ADDRESS);
	assert_true(eg_ip_equal(&record.neighbor, &evil.ip));
	assert_memory_equal(record.mac, evil.mac, 6);
	say(gw, CLEAR, claim_of(&evil), 100001);
	say(gw, CLEAR, claim_of(&evil6), 100001);
	assert_int_equal(gw_discard(gw, CLEAR), 0);
	assert_false(eg_drop_ring_take(&gw->stats[0]->dropped, &record));
	say(gw, CLEAR, claim_of(&evil), 110000);
	assert_int_equal(gw_discard(gw, CLEAR), 1);
	assert_int_equal(gw_drops(gw, EG_DROP_DUPLICATE_ADDRESS), 4);
	/* Our own announcements that loop back are no duplicates. */
	self.mac[4] = 0;
	say(gw, CLEAR, claim_of(&self), 110001);
	assert_int_equal(gw_drops_all(gw), 4);
	gw_close(gw);
}

/* A reply to another station, seen on a promiscuous port, is only a claim: the entry is used but
 * probed, and does not become reachable by it. */
static void test_answer_to_another(void **state)
{
	static const uint8_t another[6] = {2, 0, 0, 0, 0, 0x77};

	(void)state;
	for (unsigned row = 0; row < 4; row++) {
		bool v6 = row & 1, to_us = row & 2;
		struct gw *gw = open_live(4);
		struct eg_neigh_self pod = station(v6 ? "fd00:1::5" : "10.1.0.5", CLEAR);
		struct frame frame = answer_of(&pod, CLEAR, v6 ? "fd00:1::1" : "10.1.0.1");
		struct eg_neigh_key key = eg_neigh_key_make(CLEAR, v6 ? 6 : 4, pod.ip.bytes);
		struct eg_neigh *neigh;

		gw->path[0]->port[CLEAR].promiscuous = true;
		send_inside(gw, 1, v6 ? &to_pod6 : &to_pod);
		gw_resolve(gw, 1000);
		gw_discard(gw, CLEAR);
		if (!to_us) {
			memcpy(frame.bytes, another, 6);
			if (!v6)
				memcpy(frame.bytes + 32, another, 6);
		}
		say(gw, CLEAR, frame, 1001);
		neigh = eg_neigh_find(gw->resolver_shared.neighs, &key);
		assert_non_null(neigh);
		assert_int_equal(neigh->state, to_us ? EG_NEIGH_REACHABLE : EG_NEIGH_PROBE);
		gw_discard(gw, CLEAR);
		gw_close(gw);
	}
}

static void test_announced(void **state)
{
	struct gw *gw = open_live(4);
	struct frame out[4];

	(void)state;
	eg_snap_world_follow(gw->snap->world, NULL, 1);
	gw_resolve(gw, 1000);
	assert_int_equal(gw_frames(gw, CLEAR, out, 4), 2);
	assert_int_equal(out[0].bytes[0], 0xff);
	assert_int_equal(out[1].bytes[0], 0x33);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 2);
	gw_resolve(gw, 2999);
	assert_int_equal(gw_discard(gw, CLEAR), 0);
	gw_resolve(gw, 3000);
	assert_int_equal(gw_discard(gw, CLEAR), 2);
	gw_resolve(gw, 9000);
	assert_int_equal(gw_discard(gw, CLEAR), 0);
	gw_close(gw);
}

/* A new world announces nothing by itself; only changed addresses are announced, on their port. */
static void test_announced_again(void **state)
{
	struct gw *gw = open_live(4);
	struct eg_snap_world before;

	(void)state;
	before = *gw->snap->world;
	eg_snap_world_follow(gw->snap->world, NULL, 1);
	gw_resolve(gw, 1000);
	gw_resolve(gw, 3000);
	assert_int_equal(gw_discard(gw, CLEAR), 4);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 4);
	for (uint64_t n = 2; n < 5; n++) {
		eg_snap_world_follow(gw->snap->world, &before, n);
		gw_resolve(gw, n * 10000);
		assert_int_equal(gw_discard(gw, CLEAR) + gw_discard(gw, ENCRYPTED), 0);
	}
	gw->snap->world->addresses_since[CLEAR] = 5;
	gw->snap->world->generation = 5;
	gw_resolve(gw, 50000);
	assert_int_equal(gw_discard(gw, CLEAR), 2);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 0);
	gw_close(gw);
}

static void test_failed(void **state)
{
	struct gw *gw = open_live(4);

	(void)state;
	for (unsigned i = 0; i < EG_NEIGH_HELD_MAX + 2; i++)
		send_inside(gw, i + 1, &to_pod);
	for (uint64_t now = 1000; now < 4000; now += 500)
		gw_resolve(gw, now);
	assert_int_equal(gw_drops(gw, EG_DROP_NEIGHBOR_PENDING_FULL), 2);
	assert_int_equal(gw_drops(gw, EG_DROP_NEIGHBOR_FAILED), 0);
	gw_resolve(gw, 4000);
	assert_int_equal(gw_drops(gw, EG_DROP_NEIGHBOR_FAILED), EG_NEIGH_HELD_MAX);
	assert_int_equal(gw_discard(gw, CLEAR), EG_NEIGH_TRIES);
	/* The sender is told through the tunnel: these now wait for the far gateway. */
	assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_UNREACHABLE]), EG_NEIGH_HELD_MAX);
	assert_int_equal(gw->resolver_shared.neighs->n_used, 1);
	for (uint64_t now = 5000; now < 9000; now += 500)
		gw_resolve(gw, now);
	assert_int_equal(gw->resolver_shared.neighs->n_used, 0);
	assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_UNREACHABLE]), EG_NEIGH_HELD_MAX);
	gw_discard(gw, ENCRYPTED);
	gw_close(gw);
}

/* The sender behind the tunnel knows the gateway by its clear port's address: so it is the error's
 * source, although the packet came in by the encrypted port. */
static void test_failed_from_tunnel(void **state)
{
	struct eg_neigh_self far = station("192.0.2.2", ENCRYPTED);
	struct gw *gw = open_live(4);
	struct tunnel from = tunnel_from(gw);
	static const uint8_t clear_address[4] = {10, 1, 0, 1};
	struct frame out;

	(void)state;
	send_inside(gw, 1, &to_pod);
	for (uint64_t now = 1000; now <= 4000; now += 500)
		gw_resolve(gw, now);
	gw_discard(gw, ENCRYPTED); /* who is 192.0.2.2? */
	say(gw, ENCRYPTED, answer_of(&far, ENCRYPTED, "192.0.2.1"), 4100);
	assert_int_equal(gw_frames(gw, ENCRYPTED, &out, 1), 1);
	out = open_frame(&from, &out, 1);
	assert_int_equal(out.bytes[20], 3);
	assert_memory_equal(out.bytes + 12, clear_address, 4);
	gw_close(gw);
}

/* Host unreachable to a pod on the same side, once for its packets (RFC 1812 s4.3.3.1, RFC 4443
 * s3.1); never about an ICMP error. */
static void test_failed_is_told(void **state)
{
	static const struct {
		const char *from, *to, *local;
		uint8_t type, code;
	} rows[] = {
		{"10.1.0.5", "10.1.0.9", "10.1.0.1", 3, 1},
		{"fd00:1::5", "fd00:1::9", "fd00:1::1", 1, 3},
	};
	struct gw *gw = open_live(4);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct eg_neigh_self pod = station(rows[i].from, CLEAR);
		struct flow flow = {.src = rows[i].from, .dst = rows[i].to, .payload = 40};
		struct frame plain = plain_frame(CLEAR, &flow), out[8];
		uint64_t now = 10000 * (i + 1);
		unsigned at = i ? 40 : 20, n;

		gw_send(gw, CLEAR, &plain, 1);
		for (unsigned k = 0; k < 8; k++)
			gw_resolve(gw, now += 500);
		/* Requests for the first; then for the other, which is to be told. */
		assert_int_equal(gw_discard(gw, CLEAR), EG_NEIGH_TRIES + 1);
		say(gw, CLEAR, answer_of(&pod, CLEAR, rows[i].local), now);
		n = gw_frames(gw, CLEAR, out, 8);
		assert_int_equal(n, 1);
		assert_memory_equal(out[n - 1].bytes, pod.mac, 6);
		assert_int_equal(out[n - 1].bytes[14 + at], rows[i].type);
		assert_int_equal(out[n - 1].bytes[14 + at + 1], rows[i].code);
		assert_memory_equal(out[n - 1].bytes + 14 + at + 8 + (i ? 8 : 12),
				    plain.bytes + 14 + (i ? 8 : 12), i ? 32 : 8);
	}
	assert_int_equal(gw_drops(gw, EG_DROP_NEIGHBOR_FAILED), COUNT(rows));
	gw_close(gw);
}

/* A network scan is limited by the port's share of the table, the total of waiting packets and the
 * ring, rather than by memory; requests on the other port are not affected. */
static void test_scan(void **state)
{
	struct gw *gw = open_live(4);
	struct flow flow = {.src = "10.1.0.5"};
	struct frame frame = plain_frame(CLEAR, &to_peer);
	char dst[32];

	(void)state;
	for (unsigned i = 0; i < EG_NEIGH_INCOMPLETE_MAX + 10; i++) {
		struct frame probe;

		snprintf(dst, sizeof(dst), "10.1.%u.%u", 1 + i / 200, 1 + i % 200);
		flow.dst = dst;
		probe = plain_frame(CLEAR, &flow);
		gw_send(gw, CLEAR, &probe, 1);
		if (i % 32 == 31) {
			gw_resolve(gw, 1000);
			gw_discard(gw, CLEAR);
		}
	}
	gw_resolve(gw, 1000);
	assert_int_equal(gw->resolver_shared.neighs->n_used, EG_NEIGH_INCOMPLETE_MAX);
	assert_int_equal(gw_drops(gw, EG_DROP_NEIGHBOR_TABLE_FULL), 10);
	assert_int_equal(gw_drops(gw, EG_DROP_NEIGHBOR_PENDING_FULL),
			 EG_NEIGH_INCOMPLETE_MAX - EG_NEIGH_HELD_ALL);
	/* Requests are rate-limited, too. */
	assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_ARP_REQUEST]), EG_REQUESTS_BURST);
	gw_discard(gw, CLEAR);
	gw_send(gw, CLEAR, &frame, 1);
	gw_resolve(gw, 1100);
	assert_true(gw_discard(gw, ENCRYPTED) > 0);
	gw_close(gw);
}

/* The ring to the resolver is full. */
static void test_ring_full(void **state)
{
	static struct frame frames[EG_BATCH_MAX];
	struct gw *gw = open_live(4);

	(void)state;
	for (unsigned i = 0; i < EG_BATCH_MAX; i++)
		frames[i] = plain_frame(CLEAR, &to_peer);
	gw_send(gw, CLEAR, frames, EG_BATCH_MAX);
	assert_int_equal(gw_drops(gw, EG_DROP_NEIGHBOR_PENDING_FULL), 1); /* of 64, 63 are used */
	gw_resolve(gw, 1000);
	gw_close(gw);
}

/* Messages from strangers are rate-limited; known neighbours are processed beside them. */
static void test_flood(void **state)
{
	static struct frame frames[EG_BATCH_MAX];
	struct gw *gw = open_live(4);
	struct eg_neigh_self pod = station("10.1.0.5", CLEAR), evil = station("10.1.0.66", 0x66);

	(void)state;
	send_inside(gw, 1, &to_pod);
	gw_resolve(gw, 1000);
	gw_discard(gw, CLEAR);
	for (unsigned i = 0; i < 32; i++)
		frames[i] = claim_of(&evil);
	for (unsigned i = 0; i < 64; i++) {
		gw_send(gw, CLEAR, frames, 32);
		gw_resolve(gw, 1000);
	}
	assert_true(gw_drops(gw, EG_DROP_DISCOVERY_RATE) > 1000);
	say(gw, CLEAR, answer_of(&pod, CLEAR, "10.1.0.1"), 1001);
	assert_int_equal(gw_discard(gw, CLEAR), 1);
	assert_int_equal(gw->resolver_shared.neighs->n_used, 1);
	gw_close(gw);
}

/* A flood of claims about a known neighbour triggers a probe, and its reply is processed. */
static void test_claim_flood(void **state)
{
	static struct frame frames[32];
	struct gw *gw = open_live(4);
	struct eg_neigh_self pod = station("10.1.0.5", CLEAR), evil = station("10.1.0.5", 0x66);
	uint64_t now = 1000;

	(void)state;
	send_inside(gw, 1, &to_pod);
	gw_resolve(gw, now);
	gw_discard(gw, CLEAR);
	say(gw, CLEAR, answer_of(&pod, CLEAR, "10.1.0.1"), now);
	gw_discard(gw, CLEAR);
	for (unsigned i = 0; i < 32; i++)
		frames[i] = claim_of(&evil);
	for (unsigned second = 0; second < 10; second++, now += 1000) {
		for (unsigned i = 0; i < 20; i++) {
			gw_send(gw, CLEAR, frames, 32);
			gw_resolve(gw, now);
			gw_discard(gw, CLEAR);
		}
		say(gw, CLEAR, answer_of(&pod, CLEAR, "10.1.0.1"), now);
		gw_discard(gw, CLEAR);
	}
	assert_true(gw_drops(gw, EG_DROP_NEIGHBOR_CLAIM) > 0);
	send_inside(gw, 2, &to_pod);
	assert_int_equal(gw_sent(gw, CLEAR, frames, 2), 1); /* its MAC is checked */
	gw_close(gw);
}

static void test_malformed(void **state)
{
	struct gw *gw = open_live(4);
	struct eg_neigh_self pod = station("10.1.0.5", CLEAR), pod6 = station("fd00:1::5", CLEAR);
	struct frame frame = question_of(&pod, "10.1.0.1");

	(void)state;
	frame.bytes[18] = 7;
	gw_expect(gw, CLEAR, &frame, EG_DROP_BAD_DISCOVERY, "ARP with long addresses");
	frame = question_of(&pod6, "fd00:1::1");
	frame.bytes[60] ^= 1;
	gw_expect(gw, CLEAR, &frame, EG_DROP_BAD_DISCOVERY, "NS with a bad checksum");
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_BAD_DISCOVERY, "the same on the wire");
	frame = question_of(&pod6, "fd00:1::1");
	frame.bytes[21] = 254;
	gw_expect(gw, CLEAR, &frame, EG_DROP_MULTICAST, "NS that a router passed on");
	frame = question_of(&pod, "10.1.0.1");
	frame.bytes[0] = 2;
	gw_expect(gw, CLEAR, &frame, EG_DROP_NOT_OUR_MAC, "ARP for another station");
	gw_close(gw);
}

/* As the resolver's frames are sent: a batch for eg_tx_frames(). */
static void send_frame(struct gw *gw, unsigned port, struct rte_mbuf *m)
{
	struct eg_batch *batch = &gw->path[0]->batch;

	batch->n = batch->n_removed = 0;
	eg_batch_add(batch, m, (struct eg_meta){.port = (uint8_t)port, .local = true});
	eg_tx_frames(gw->path[0]);
}

/* Nothing leaves the encrypted port in clear, and nothing is resolved for it either. */
static void test_plain_stays(void **state)
{
	struct gw *gw = open_live(4);
	struct frame frame =
		plain_frame(CLEAR, &(struct flow){.src = "10.1.0.5", .dst = "192.0.2.9"});
	struct eg_neigh_self far = station("2001:db8::9", ENCRYPTED);
	struct rte_mbuf *m;

	(void)state;
	gw_expect(gw, CLEAR, &frame, EG_DROP_PLAIN_TO_ENCRYPTED, "plain to the wire's network");
	gw_resolve(gw, 1000);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 0);
	/* An IP packet that is passed off as locally originated is not believed. */
	m = rte_pktmbuf_alloc(bench_pool());
	memcpy(rte_pktmbuf_append(m, frame.n), frame.bytes, frame.n);
	send_frame(gw, ENCRYPTED, m);
	assert_int_equal(gw_drops(gw, EG_DROP_PLAIN_TO_ENCRYPTED), 2);
	/* Nor is neighbour discovery that a router could have forwarded (RFC 4861 s7.1). */
	frame = question_of(&far, "2001:db8::1");
	for (unsigned hops = 254; hops <= 255; hops++) {
		frame.bytes[21] = (uint8_t)hops;
		m = rte_pktmbuf_alloc(bench_pool());
		memcpy(rte_pktmbuf_append(m, frame.n), frame.bytes, frame.n);
		send_frame(gw, ENCRYPTED, m);
		assert_int_equal(gw_discard(gw, ENCRYPTED), hops == 255);
	}
	assert_int_equal(gw_drops(gw, EG_DROP_PLAIN_TO_ENCRYPTED), 3);
	assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_ND_SOLICIT]), 1);
	gw_close(gw);
}

/* One poll fills the batch with replies, and then releases all packets waiting for a neighbour. */
static void test_full_batch(void **state)
{
	static struct frame frames[EG_BATCH_MAX], out[2 * EG_BATCH_MAX];
	struct gw *gw = open_live(4);
	struct eg_neigh_self pod = station("10.1.0.5", CLEAR), other = station("10.1.0.6", 0x20);

	(void)state;
	for (uint64_t seq = 1; seq <= EG_NEIGH_HELD_MAX; seq++)
		send_inside(gw, seq, &to_pod);
	gw_resolve(gw, 1000);
	gw_discard(gw, CLEAR);
	for (unsigned i = 0; i < 61; i++)
		frames[i] = i < 60 ? question_of(&other, "10.1.0.1")
				   : answer_of(&pod, CLEAR, "10.1.0.1");
	gw_send(gw, CLEAR, frames, 61);
	eg_path_resolve(gw->path[0], gw->snap, 1001, false);
	assert_int_equal(gw_frames(gw, CLEAR, out, 2 * EG_BATCH_MAX), 60 + EG_NEIGH_HELD_MAX);
	assert_int_equal(gw_drops_all(gw), 0);
	gw_close(gw);
}

/* Worker 1 receives; worker 0 resolves. */
static void test_other_worker(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .workers = 2});
	struct eg_neigh_self pod = station("10.1.0.5", CLEAR);
	struct tunnel tunnel = tunnel_to(gw);
	struct frame frame = tunnel_frame(&tunnel, 1, &to_pod);

	(void)state;
	gw_local(gw, CLEAR, "10.1.0.1/16");
	gw_ready(gw);
	gw_sa_in(gw)->owner = 1;
	gw_send(gw, ENCRYPTED, &frame, 1);
	assert_int_equal(eg_path_receive_handoff(gw->path[1], gw->snap), 1);
	assert_int_equal(eg_path_resolve(gw->path[1], gw->snap, 1000, false), 0);
	gw_resolve(gw, 1000);
	expect_question(gw, CLEAR, "10.1.0.5", "10.1.0.1");
	say(gw, CLEAR, answer_of(&pod, CLEAR, "10.1.0.1"), 1001);
	assert_int_equal(gw_sent(gw, CLEAR, &frame, 1), 1);
	gw_close(gw);
}

/* A reload that adds `encrypt` also applies to packets that are already waiting. */
static void test_encrypt_while_waiting(void **state)
{
	const struct flow *const flows[] = {&to_pod, &to_pod6};
	const char *const pods[] = {"10.1.0.5", "fd00:1::5"}, *const local[] = {"10.1.0.1",
										"fd00:1::1"};
	struct gw *gw = open_live(4);
	struct eg_lpm_entry entries[] = {{.value = 1}, {.value = 1}};

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		send_inside(gw, i + 1, flows[i]);
	gw_resolve(gw, 1000);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
			eg_prefix_parse(i ? "fd00:1::/64" : "10.1.0.0/16", &entries[i].prefix), 0);
	gw->snap->world->encrypt = eg_lpm_build(entries, 2, 0);
	assert_non_null(gw->snap->world->encrypt);
	gw_discard(gw, CLEAR);
	for (unsigned i = 0; i < 2; i++) {
		struct eg_neigh_self pod = station(pods[i], CLEAR);

		say(gw, CLEAR, answer_of(&pod, CLEAR, local[i]), 1001);
		assert_int_equal(gw_drops(gw, EG_DROP_MUST_ENCRYPT), i + 1);
	}
	assert_int_equal(gw_discard(gw, CLEAR), 0);
	gw_close(gw);
}

int run_neighbor_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_resolve_sealed),
		cmocka_unit_test(test_via),
		cmocka_unit_test(test_tunnel_via),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_spoofed),
		cmocka_unit_test(test_duplicate),
		cmocka_unit_test(test_answer_to_another),
		cmocka_unit_test(test_announced),
		cmocka_unit_test(test_announced_again),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_failed_is_told),
		cmocka_unit_test(test_failed_from_tunnel),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_ring_full),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_claim_flood),
		cmocka_unit_test(test_plain_stays),
		cmocka_unit_test(test_full_batch),
		cmocka_unit_test(test_other_worker),
		cmocka_unit_test(test_encrypt_while_waiting),
	};

	return cmocka_run_group_tests_name("path neighbours", tests, NULL, NULL);
}
