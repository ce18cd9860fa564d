/* Peers behind a NAT that changes its mappings (RFC 7296 s2.23): their endpoint follows the newest
 * authentic packet and nothing else; the peer's own UDP port; ESP in UDP and plain. */
#include "path/ends.h"

#include <rte_cycles.h>

#include "net/bytes.h"

#define ETH 14

static const char *const remotes[] = {"192.0.2.2", "2001:db8::2"};
static const char *const aways[] = {"198.51.100.7", "2001:db8:7::7"};

/* Site 1 with one floating peer; allowed endpoints: 198.51.100.0/24, 2001:db8:7::/48. */
static struct gw *open_floating(unsigned outer, bool esn)
{
	struct gw *gw =
		gw_open((struct gw_spec){.site = 1, .outer = outer, .encap = true, .esn = esn});
	struct eg_tunnel *tunnel = gw_tunnel(gw, 0);

	tunnel->floats = true;
	tunnel->endpoint = eg_endpoint_new(&tunnel->remote, tunnel->peer_port);
	assert_non_null(tunnel->endpoint);
	gw_route(gw, "198.51.100.0/24", tunnel->hop);
	gw_route(gw, "2001:db8:7::/48", tunnel->hop);
	gw_route(gw, "fe80::/10", tunnel->hop);
	gw_route(gw, "203.0.113.0/24", (struct eg_hop){.kind = EG_HOP_PORT, .port = CLEAR});
	gw_ready(gw);
	return gw;
}

static unsigned header_of(unsigned outer)
{
	return outer == 4 ? 20 : 40;
}

/* A frame that left: between our address and this one, from port 4500 to that port, with correct
 * checksums. */
static void check_aim(const struct frame *frame, unsigned outer, const char *address, uint16_t port)
{
	const uint8_t *ip = frame->bytes + ETH, *udp = ip + header_of(outer);
	struct eg_ip want;

	assert_int_equal(eg_ip_parse(address, &want), 0);
	assert_memory_equal(ip + (outer == 4 ? 16 : 24), want.bytes, outer == 4 ? 4 : 16);
	if (outer == 4)
		assert_int_equal(naive_checksum(ip, 20), 0);
	assert_int_equal(eg_get16(udp), 4500);
	assert_int_equal(eg_get16(udp + 2), port);
	if (outer == 4) {
		assert_int_equal(eg_get16(udp + 6), 0);
	} else {
		uint16_t n = eg_get16(udp + 4);
		uint8_t pseudo[40 + 2048] = {0};

		assert_true(n <= 2048);
		memcpy(pseudo, ip + 8, 32);
		eg_put32(pseudo + 32, n);
		pseudo[39] = 17;
		memcpy(pseudo + 40, udp, n);
		assert_int_equal(naive_checksum(pseudo, 40u + n), 0);
	}
}

/* Where does the next sealed packet go? */
static void expect_aim(struct gw *gw, unsigned outer, const char *address, uint16_t port)
{
	struct flow flow = {.src = "10.1.0.5", .dst = "10.2.0.9", .payload = 40};
	struct frame frame = plain_frame(CLEAR, &flow), out;

	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_sent(gw, ENCRYPTED, &out, 1), 1);
	check_aim(&out, outer, address, port);
}

static struct frame from(struct gw *gw, const char *address, uint16_t port, uint64_t seq)
{
	struct flow flow = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 40};
	struct tunnel tunnel = tunnel_to(gw);

	tunnel.src = address;
	tunnel.sport = port;
	return tunnel_frame(&tunnel, seq, &flow);
}

static void test_follow(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		unsigned outer = way & 1 ? 6 : 4;
		const char *remote = remotes[way & 1], *away = aways[way & 1];
		struct gw *gw = open_floating(outer, way & 2);
		struct frame frame, first, forged;
		uint32_t generation = eg_tunnel_generation(&gw->tunnels, 0);

		expect_aim(gw, outer, remote, 4500);
		assert_int_equal(eg_tunnel_generation(&gw->tunnels, 0), generation);
		first = from(gw, remote, 61000, 1);
		gw_expect(gw, ENCRYPTED, &first, EG_PASS, "another port");
		expect_aim(gw, outer, remote, 61000);
		assert_int_equal(eg_tunnel_generation(&gw->tunnels, 0), generation + 1);

		/* Forged, replayed or old packets do not move it. */
		frame = from(gw, away, 61001, 10);
		forged = frame;
		forged.bytes[forged.n - 1] ^= 1;
		gw_expect(gw, ENCRYPTED, &forged, EG_DROP_ESP_AUTH, "a forgery");
		expect_aim(gw, outer, remote, 61000);
		gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "another address");
		expect_aim(gw, outer, away, 61001);
		gw_expect(gw, ENCRYPTED, &first, EG_DROP_ESP_REPLAY_SEEN, "a recording");
		first = from(gw, remote, 61002, 10);
		gw_expect(gw, ENCRYPTED, &first, EG_DROP_ESP_REPLAY_SEEN, "a twin");
		frame = from(gw, remote, 61003, 9);
		gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "a late one");
		expect_aim(gw, outer, away, 61001);
		frame = from(gw, away, 61001, 80);
		gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "the window moves on");
		frame = from(gw, remote, 61003, 12);
		gw_expect(gw, ENCRYPTED, &frame,
			  way & 2 ? EG_DROP_ESP_AUTH : EG_DROP_ESP_REPLAY_OLD, "one too late");
		expect_aim(gw, outer, away, 61001);

		frame = from(gw, remote, 4500, 81);
		gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "back at home");
		expect_aim(gw, outer, remote, 4500);
		assert_int_equal(eg_counted(&gw->stats[0]->endpoints), 3);
		assert_int_equal(eg_tunnel_generation(&gw->tunnels, 0), generation + 3);
		gw_close(gw);
	}
}

/* With the window off, old packets are accepted but do not move the endpoint. */
static void test_no_window(void **state)
{
	struct gw *gw = open_floating(4, false);
	struct frame frame;

	(void)state;
	gw_sa_in(gw)->replay.size = 0;
	frame = from(gw, "192.0.2.2", 61000, 5);
	gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "the newest");
	frame = from(gw, "192.0.2.2", 61001, 5);
	gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "its twin");
	frame = from(gw, "192.0.2.2", 61002, 4);
	gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "an older one");
	expect_aim(gw, 4, "192.0.2.2", 61000);
	gw_close(gw);
}

/* An authentic packet from a source that cannot be an endpoint. */
static void test_bad_sources(void **state)
{
	static const struct {
		unsigned outer;
		const char *address;
		uint16_t port;
		enum eg_verdict want; /* some are refused by the parser */
	} cases[] = {
		{4, "198.51.100.7", 0, EG_PASS}, /* port 0 is invalid */
		{6, "2001:db8:7::7", 0, EG_PASS},
		{4, "0.1.2.3", 4500, EG_DROP_MARTIAN},
		{4, "127.0.0.1", 4500, EG_DROP_MARTIAN},
		{4, "203.0.113.9", 4500, EG_PASS}, /* behind the clear port */
		{4, "10.2.0.1", 4500, EG_PASS},    /* inside a tunnel */
		{4, "192.0.2.1", 4500, EG_PASS},   /* ourselves */
		{4, "100.64.0.1", 4500, EG_PASS},  /* no route */
		{6, "2001:db8:8::1", 4500, EG_PASS},
		{6, "fe80::1", 4500, EG_DROP_LINK_LOCAL},
		{4, "224.0.0.5", 4500, EG_DROP_MARTIAN},
		{4, "255.255.255.255", 4500, EG_DROP_MARTIAN},
		{6, "ff02::5", 4500, EG_DROP_MARTIAN},
		{6, "::1", 4500, EG_DROP_MARTIAN},
		{6, "fd00:2::1", 4500, EG_PASS},
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(cases); i++) {
		unsigned outer = cases[i].outer;
		struct gw *gw = open_floating(outer, false);
		struct frame frame = from(gw, cases[i].address, 61000, 1);

		eg_put16(frame.bytes + ETH + header_of(outer), cases[i].port);
		gw_expect(gw, ENCRYPTED, &frame, cases[i].want, cases[i].address);
		expect_aim(gw, outer, remotes[outer == 6], 4500);
		assert_int_equal(eg_counted(&gw->stats[0]->endpoints), 0);
		gw_close(gw);
	}
}

/* A NAT in front of one peer does not help anyone else: other peers keep their addresses, and so
 * does this one's plain ESP. */
static void test_wrong_peer(void **state)
{
	(void)state;
	for (unsigned outer = 4; outer <= 6; outer += 2) {
		struct gw *gw = open_floating(outer, false);
		struct frame frame = from(gw, aways[outer == 6], 61000, 1);
		unsigned last = ETH + (outer == 4 ? 19 : 39); /* of the destination */

		frame.bytes[last] = 99;
		fix_checksum(frame.bytes + ETH);
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_WRONG_PEER, "to another address");
		frame = from(gw, aways[outer == 6], 0, 1);
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_WRONG_PEER, "plain, from elsewhere");
		frame = from(gw, remotes[outer == 6], 0, 1);
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_WRONG_ENCAP, "plain");
		gw_tunnel(gw, 0)->floats = false;
		frame = from(gw, aways[outer == 6], 61000, 1);
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_WRONG_PEER, "it does not float");
		gw_close(gw);
	}
}

/* A reload may remove the route to an endpoint; then the configured address is used. */
static void test_lost_route(void **state)
{
	struct gw *gw = open_floating(4, false);
	struct flow flow = {.src = "10.1.0.5", .dst = "10.2.0.9", .payload = 40};
	struct frame frame = from(gw, aways[0], 61000, 1), out;

	(void)state;
	gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "another address");
	for (uint32_t i = 0; i < gw->snap->world->n_hops; i++) {
		if (eg_hop_is_port(&gw->snap->world->hops[i]) &&
		    gw->snap->world->hops[i].port == ENCRYPTED)
			gw->snap->world->hops[i].port = CLEAR;
	}
	frame = plain_frame(CLEAR, &flow);
	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_sent(gw, CLEAR, &out, 1), 0);
	assert_int_equal(gw_sent(gw, ENCRYPTED, &out, 1), 1);
	check_aim(&out, 4, aways[0], 61000);
	gw_close(gw);
}

/* Keepalives refresh the mapping in use. */
static void test_keepalive(void **state)
{
	(void)state;
	for (unsigned outer = 4; outer <= 6; outer += 2) {
		struct gw *gw = open_floating(outer, false);
		struct frame frame = from(gw, aways[outer == 6], 61000, 1), out;

		gw->path[0]->cycles_per_s = rte_get_tsc_hz();
		gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "another address");
		assert_int_equal(eg_path_send_keepalives(gw->path[0], gw->snap), 1);
		assert_int_equal(gw_sent(gw, ENCRYPTED, &out, 1), 1);
		assert_int_equal(out.n, ETH + header_of(outer) + 8 + 1);
		check_aim(&out, outer, aways[outer == 6], 61000);
		gw_close(gw);
	}
}

/* A fixed peer port without NAT: everything goes there, whatever the source of received packets. */
static void test_peer_port(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		unsigned outer = way & 1 ? 6 : 4;
		struct gw *gw = gw_open((struct gw_spec){
			.site = 1, .outer = outer, .encap = true, .transport = way & 2});
		struct flow flow = {.src = "10.1.0.5", .dst = "10.2.0.9", .payload = 40};
		struct frame frame, out;

		gw_tunnel(gw, 0)->peer_port = 14500;
		gw_ready(gw);
		gw->path[0]->cycles_per_s = rte_get_tsc_hz();
		if (way & 2)
			flow = (struct flow){.src = outer == 4 ? "192.0.2.1" : "2001:db8::1",
					     .dst = remotes[way & 1],
					     .payload = 40};
		frame = plain_frame(CLEAR, &flow);
		gw_send(gw, CLEAR, &frame, 1);
		assert_int_equal(gw_sent(gw, ENCRYPTED, &out, 1), 1);
		check_aim(&out, outer, remotes[way & 1], 14500);
		if (!(way & 2)) {
			frame = from(gw, remotes[way & 1], 61000, 1);
			gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "from another port");
			expect_aim(gw, outer, remotes[way & 1], 14500);
		}
		assert_true(eg_path_send_keepalives(gw->path[0], gw->snap) <= 1);
		if (gw_sent(gw, ENCRYPTED, &out, 1))
			check_aim(&out, outer, remotes[way & 1], 14500);
		gw_close(gw);
	}
}

/* udp_encap: auto. One SA, one window: both encapsulations in, one out. */
static void test_auto(void **state)
{
	(void)state;
	for (unsigned outer = 4; outer <= 6; outer += 2) {
		struct gw *gw = gw_open((struct gw_spec){.site = 1, .outer = outer, .encap = true});
		const char *remote = remotes[outer == 6];
		struct frame frame;

		gw_tunnel(gw, 0)->accept_plain = true;
		gw_ready(gw);
		for (unsigned seq = 1; seq <= 6; seq++) {
			frame = from(gw, remote, seq & 1 ? 4500 : 0, seq);
			gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "either");
			expect_aim(gw, outer, remote, 4500);
		}
		frame = from(gw, remote, 4500, 2);
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_REPLAY_SEEN, "the same, now in UDP");
		frame = from(gw, aways[outer == 6], 0, 7);
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_WRONG_PEER, "plain, from elsewhere");
		gw_close(gw);

		/* Without udp_encap there is nothing to choose. */
		gw = gw_open((struct gw_spec){.site = 1, .outer = outer});
		gw_ready(gw);
		frame = from(gw, remote, 4500, 1);
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_WRONG_ENCAP, "in UDP, not wanted");
		gw_close(gw);
	}
}

/* auto with float: plain ESP is accepted and does not move the endpoint. */
static void test_auto_floats(void **state)
{
	struct gw *gw = open_floating(4, false);
	struct frame frame;

	(void)state;
	gw_tunnel(gw, 0)->accept_plain = true;
	frame = from(gw, remotes[0], 61000, 1);
	gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "in UDP");
	frame = from(gw, remotes[0], 0, 2);
	gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "plain");
	expect_aim(gw, 4, remotes[0], 61000);
	gw_close(gw);
}

int run_float_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follow),      cmocka_unit_test(test_no_window),
		cmocka_unit_test(test_bad_sources), cmocka_unit_test(test_wrong_peer),
		cmocka_unit_test(test_lost_route),  cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_peer_port),   cmocka_unit_test(test_auto),
		cmocka_unit_test(test_auto_floats),
	};

	return cmocka_run_group_tests_name("path floating peers", tests, NULL, NULL);
}
