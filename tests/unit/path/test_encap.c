/* ESP in UDP (RFC 3948): both directions over IPv4 and IPv6, other packets to port 4500, source
 * ports, NAT keepalives. */
#include "path/ends.h"

#include <rte_cycles.h>

#include "net/bytes.h"
#include "path/outer.h"

#define ETH 14
#define UDP 8

static struct flow flow_of(unsigned inner, unsigned seed)
{
	return inner == 4 ? (struct flow){.src = "10.1.0.5",
					  .dst = "10.2.0.9",
					  .df = true,
					  .tos = (uint8_t)(seed * 8),
					  .seed = seed}
			  : (struct flow){.src = "fd00:1::5",
					  .dst = "fd00:2::9",
					  .tos = (uint8_t)(seed * 8),
					  .seed = seed};
}

/* OpenSSL and the far gateway open what one seals; with ESN across 2^32. */
static void both_ends(const struct eg_suite *suite, unsigned inner, unsigned outer, bool esn)
{
	static struct frame in[EG_BATCH_MAX], wire[EG_BATCH_MAX];
	struct ends ends = ends_open(
		(struct gw_spec){.outer = outer, .esn = esn, .suite = suite, .encap = true});

	for (unsigned i = 0; i < EG_BATCH_MAX; i++) {
		struct flow flow = flow_of(inner, i);

		flow.payload = (uint16_t)(i < 48 ? i : i * 137);
		in[i] = plain_frame(CLEAR, &flow);
	}
	ends_cross(&ends, in, wire);
	for (unsigned i = 0; i < EG_BATCH_MAX; i++)
		assert_int_equal(get_tos(wire[i].bytes + ETH), get_tos(in[i].bytes + ETH));
	ends_close(&ends);
}

static void test_both_ends(void **state)
{
	static const char *const suites[] = {"aes256gcm16", "aes128-sha256", "chacha20poly1305",
					     "aes128gmac", "null-sha512"};

	(void)state;
	for (unsigned i = 0; i < COUNT(suites); i++) {
		for (unsigned way = 0; way < 8; way++)
			both_ends(eg_suite_find(suites[i]), way & 1 ? 6 : 4, way & 2 ? 6 : 4,
				  way & 4);
	}
}

/* The largest packet that fits leaves; UDP's 8 bytes count. */
static void test_mtu(void **state)
{
	(void)state;
	for (unsigned outer = 4; outer <= 6; outer += 2) {
		struct gw *gw = gw_open((struct gw_spec){.site = 1, .outer = outer, .encap = true});
		unsigned around = (outer == 4 ? 20 : 40) + UDP + 8 + 8 + 2 + 16;
		struct flow flow = flow_of(4, 0);
		struct frame frame;

		gw_ready(gw);
		gw->path[0]->port[ENCRYPTED].mtu = 1500;
		flow.payload = (uint16_t)((1500 - around + 2) / 4 * 4 - 2 - 20);
		frame = plain_frame(CLEAR, &flow);
		gw_expect(gw, CLEAR, &frame, EG_PASS, "fits");
		flow.payload++;
		frame = plain_frame(CLEAR, &flow);
		gw_expect(gw, CLEAR, &frame, EG_DROP_TOO_BIG, "a byte more");
		gw_close(gw);
	}
}

/* A UDP packet to us with n bytes behind UDP's header. */
static struct frame udp_frame(unsigned outer, uint16_t dport, const uint8_t *body, uint16_t n)
{
	struct flow flow = {.src = outer == 4 ? "192.0.2.2" : "2001:db8::2",
			    .dst = outer == 4 ? "192.0.2.1" : "2001:db8::1",
			    .proto = 17,
			    .payload = (uint16_t)(UDP + n)};
	struct frame frame = plain_frame(ENCRYPTED, &flow);
	uint8_t *udp = frame.bytes + frame.n - n - UDP;

	eg_put16(udp, 4500);
	eg_put16(udp + 2, dport);
	eg_put16(udp + 4, (uint16_t)(UDP + n));
	eg_put16(udp + 6, 0);
	memcpy(udp + UDP, body, n);
	return frame;
}

/* Everything else that may arrive on the port, with its drop reason. */
static void test_other_bodies(void **state)
{
	static const struct {
		const char *what;
		uint16_t port, n;
		uint8_t body[12];
		enum eg_verdict want;
	} cases[] = {
		{"keepalive", 4500, 1, {0xff}, EG_DROP_UDP_KEEPALIVE},
		{"one other byte", 4500, 1, {0xfe}, EG_DROP_ESP_SHORT},
		{"two bytes of 0xff", 4500, 2, {0xff, 0xff}, EG_DROP_ESP_SHORT},
		{"nothing", 4500, 0, {0}, EG_DROP_ESP_SHORT},
		{"non-ESP marker alone", 4500, 4, {0}, EG_DROP_UDP_NON_ESP},
		{"IKE", 4500, 12, {0, 0, 0, 0, 1, 2, 3}, EG_DROP_UDP_NON_ESP},
		{"3 bytes of 0", 4500, 3, {0}, EG_DROP_ESP_SHORT},
		{"7 bytes", 4500, 7, {0, 0, 0x20, 2, 0, 0, 0}, EG_DROP_ESP_SHORT},
		{"unknown SPI", 4500, 12, {1, 2, 3, 4}, EG_DROP_ESP_UNKNOWN_SPI},
		{"another port", 4501, 12, {1, 2, 3, 4}, EG_DROP_PLAIN_ON_ENCRYPTED},
		{"IKE's other port", 500, 12, {0}, EG_DROP_PLAIN_ON_ENCRYPTED},
	};

	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		unsigned outer = way & 1 ? 6 : 4;
		struct gw *gw = gw_open((struct gw_spec){
			.site = 1, .outer = outer, .encap = true, .transport = way & 2});

		gw_ready(gw);
		for (unsigned i = 0; i < COUNT(cases); i++) {
			struct frame frame =
				udp_frame(outer, cases[i].port, cases[i].body, cases[i].n);
			unsigned last = ETH + (outer == 4 ? 19 : 39); /* of the destination */

			gw_expect(gw, ENCRYPTED, &frame, cases[i].want, cases[i].what);
			frame.bytes[last] = 99;
			fix_checksum(frame.bytes + ETH);
			gw_expect(gw, ENCRYPTED, &frame,
				  cases[i].want == EG_DROP_ESP_SHORT && cases[i].n < 8 &&
						  cases[i].n != 4
					  ? EG_DROP_ESP_SHORT
					  : EG_DROP_PLAIN_ON_ENCRYPTED,
				  "for another address");
		}
		gw_close(gw);
	}
}

/* A valid packet with a corrupted UDP header, over IPv6 and IPv4. */
static void test_udp_header(void **state)
{
	(void)state;
	for (unsigned outer = 4; outer <= 6; outer += 2) {
		struct gw *gw = gw_open((struct gw_spec){.site = 1, .outer = outer, .encap = true});
		struct tunnel tunnel = tunnel_to(gw);
		struct flow flow = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 40};
		unsigned udp = ETH + (outer == 4 ? 20 : 40);
		struct frame good, frame;
		uint16_t len;

		gw_ready(gw);
		good = frame = tunnel_frame(&tunnel, 1, &flow);
		len = eg_get16(good.bytes + udp + 4);
		eg_put16(frame.bytes + udp + 4, 7);
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_SHORT_L4, "UDP length of 7");
		eg_put16(frame.bytes + udp + 4, (uint16_t)(len + 1));
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_SHORT_L4, "UDP longer than IP");
		eg_put16(frame.bytes + udp + 4, (uint16_t)(len - 1));
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_SHORT, "UDP a byte shorter");
		eg_put16(frame.bytes + udp + 4, (uint16_t)(len - 4));
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_AUTH, "UDP 4 bytes shorter");
		gw_expect(gw, ENCRYPTED, &good, EG_PASS, "right, checksum 0");

		/* Not relied on (RFC 3948 s2.1): a NAT chose the source port. */
		frame = tunnel_frame(&tunnel, 2, &flow);
		eg_put16(frame.bytes + udp + 6, 0xbad1);
		eg_put16(frame.bytes + udp, 61234);
		gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "wrong checksum, other source port");

		tunnel.sport = 0;
		frame = tunnel_frame(&tunnel, 3, &flow);
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_WRONG_ENCAP, "bare ESP");
		gw_close(gw);

		gw = gw_open((struct gw_spec){.site = 1, .outer = outer});
		gw_ready(gw);
		tunnel = tunnel_to(gw);
		tunnel.sport = 4500;
		frame = tunnel_frame(&tunnel, 1, &flow);
		gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_WRONG_ENCAP, "in UDP, not wanted");
		gw_close(gw);
	}
}

static void test_fragments(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .encap = true});
	struct tunnel tunnel = tunnel_to(gw);
	struct flow flow = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 40};
	struct frame frame = tunnel_frame(&tunnel, 1, &flow);

	(void)state;
	gw_ready(gw);
	frame.bytes[ETH + 15] = 9; /* from an unknown address */
	frame.bytes[ETH + 6] = 0x20;
	fix_checksum(frame.bytes + ETH);
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_PLAIN_ON_ENCRYPTED, "first fragment");
	frame.bytes[ETH + 6] = 0;
	frame.bytes[ETH + 7] = 10;
	fix_checksum(frame.bytes + ETH);
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_PLAIN_ON_ENCRYPTED, "later fragment");
	gw_close(gw);
}

static uint16_t sport_of(struct gw *gw, const struct frame *frame)
{
	struct frame out;

	gw_send(gw, CLEAR, frame, 1);
	assert_int_equal(gw_sent(gw, ENCRYPTED, &out, 1), 1);
	return eg_get16(out.bytes + ETH + 20);
}

/* Many flows use all source ports evenly; a flow, and all fragments of a packet, use one. */
static void test_source_ports(void **state)
{
	enum {
		PORTS = 16,
		FLOWS = 1600
	};
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .encap = true});
	struct flow flow = {.src = "10.1.0.5", .dst = "10.2.0.9", .proto = 17, .payload = 40};
	struct frame frame = plain_frame(CLEAR, &flow);
	unsigned used[PORTS] = {0};
	uint16_t first;

	(void)state;
	gw_ready(gw);
	assert_int_equal(sport_of(gw, &frame), 4500);
	gw_tunnel(gw, 0)->n_sports = PORTS;
	for (unsigned i = 0; i < FLOWS; i++) {
		uint16_t sport;

		eg_put16(frame.bytes + ETH + 20, (uint16_t)(1000 + i));
		sport = sport_of(gw, &frame);
		assert_in_range(sport, 49152, 49152 + PORTS - 1);
		used[sport - 49152]++;
		frame.bytes[frame.n - 1]++; /* the payload does not matter */
		assert_int_equal(sport_of(gw, &frame), sport);
	}
	for (unsigned i = 0; i < PORTS; i++)
		assert_in_range(used[i], FLOWS / PORTS / 2, FLOWS / PORTS * 2);
	frame.bytes[ETH + 6] = 0x20;
	fix_checksum(frame.bytes + ETH);
	first = sport_of(gw, &frame);
	frame.bytes[ETH + 6] = 0;
	frame.bytes[ETH + 7] = 5;
	fix_checksum(frame.bytes + ETH);
	assert_int_equal(sport_of(gw, &frame), first);
	gw_close(gw);
}

/* As if so many seconds had passed. */
static unsigned later(struct gw *gw, unsigned s)
{
	gw->path[0]->cycles_per_s = rte_get_tsc_hz();
	gw->path[0]->keepalive.next_cycles = 0;
	for (uint32_t id = 0; id < gw->specs.n; id++) {
		struct eg_keepalive_clock *clock = &gw_tunnel(gw, id)->state->keepalive;

		if (clock->cycles)
			clock->cycles -= s * rte_get_tsc_hz();
	}
	return eg_path_send_keepalives(gw->path[0], gw->snap);
}

static void check_keepalive(struct gw *gw, unsigned outer)
{
	unsigned header = outer == 4 ? 20 : 40;
	struct tunnel tunnel = tunnel_from(gw);
	struct flow flow = {
		.src = tunnel.src, .dst = tunnel.dst, .proto = 17, .df = true, .payload = UDP + 1};
	struct frame want = plain_frame(ENCRYPTED, &flow), got;

	assert_int_equal(gw_sent(gw, ENCRYPTED, &got, 1), 1);
	assert_int_equal(got.n, ETH + header + UDP + 1);
	assert_memory_equal(got.bytes + ETH, want.bytes + ETH, header);
	assert_int_equal(eg_get16(got.bytes + ETH + header), 4500);
	assert_int_equal(eg_get16(got.bytes + ETH + header + 2), 4500);
	assert_int_equal(eg_get16(got.bytes + ETH + header + 4), UDP + 1);
	assert_int_equal(got.bytes[ETH + header + UDP], 0xff);
	if (outer == 4)
		assert_int_equal(eg_get16(got.bytes + ETH + header + 6), 0);
}

static void test_keepalives(void **state)
{
	(void)state;
	for (unsigned outer = 4; outer <= 6; outer += 2) {
		struct gw *gw = gw_open((struct gw_spec){.site = 1, .outer = outer, .encap = true});
		struct flow flow = flow_of(4, 0);
		struct frame frame = plain_frame(CLEAR, &flow);

		gw_ready(gw);
		assert_int_equal(later(gw, 0), 1); /* a new tunnel */
		check_keepalive(gw, outer);
		assert_int_equal(later(gw, 1), 0);
		assert_int_equal(later(gw, 18), 0);
		assert_int_equal(later(gw, 1), 1);
		check_keepalive(gw, outer);
		assert_int_equal(later(gw, 19), 0);
		gw_send(gw, CLEAR, &frame, 1); /* a data packet replaces a keepalive */
		assert_int_equal(later(gw, 19), 0);
		assert_int_equal(later(gw, 19), 0);
		assert_int_equal(later(gw, 1), 1);
		/* Checked at most once per second. */
		gw_tunnel(gw, 0)->state->keepalive.cycles = 0;
		assert_int_equal(eg_path_send_keepalives(gw->path[0], gw->snap), 0);
		/* No next hop. */
		gw_tunnel(gw, 0)->hop.kind = EG_HOP_NO_NEIGHBOR;
		assert_int_equal(later(gw, 100), 0);
		assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_KEEPALIVE]), 3);
		gw_close(gw);
	}
}

/* Two workers share the peers, and each iteration is bounded. */
static void test_keepalives_shared(void **state)
{
	enum {
		PEERS = 41
	};
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .workers = 2, .bare = true});
	unsigned sent[2] = {0}, most = 0;
	char remote[32];

	(void)state;
	gw->spec.encap = true;
	for (unsigned i = 0; i < PEERS; i++) {
		snprintf(remote, sizeof(remote), "192.0.2.%u", 100 + i);
		gw_peer(gw, "192.0.2.1", remote);
	}
	gw_ready(gw);
	for (unsigned w = 0; w < 2; w++) {
		gw->path[w]->cycles_per_s = rte_get_tsc_hz();
		for (unsigned turn = 0; turn < 10; turn++) {
			unsigned n = eg_path_send_keepalives(gw->path[w], gw->snap);

			sent[w] += n;
			most = n > most ? n : most;
		}
	}
	assert_int_equal(sent[0], 21);
	assert_int_equal(sent[1], 20);
	assert_true(most <= 16);
	assert_int_equal(gw_discard(gw, ENCRYPTED), PEERS);
	gw_close(gw);
}

static void test_no_keepalives(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});

	(void)state;
	gw_ready(gw);
	assert_int_equal(later(gw, 0) + later(gw, 100), 0);
	gw_close(gw);
}

/* A checksum of 0 is sent as 0xffff: 0 would mean that there is none (RFC 768), which IPv6 does not
 * allow (RFC 8200 s8.1). */
static void test_checksum_zero(void **state)
{
	static uint8_t pseudo[40 + 64];
	uint8_t packet[40 + 64] = {0x60};
	uint8_t *udp = packet + 40;

	(void)state;
	memset(packet + 8, 0x5a, 32);
	eg_outer_write_udp(udp, EG_UDP_PORT_ESP, 4500, 64);
	for (unsigned i = UDP; i < 64; i++)
		udp[i] = (uint8_t)(i * 37);
	memcpy(pseudo, packet + 8, 32);
	eg_put32(pseudo + 32, 64);
	eg_put32(pseudo + 36, 17);
	memcpy(pseudo + 40, udp, 64);
	/* The last word makes the sum 0xffff. */
	eg_put16(pseudo + 40 + 62, 0);
	eg_put16(udp + 62, naive_checksum(pseudo, sizeof(pseudo)));
	eg_outer_sum_udp6(packet, 40, sizeof(packet));
	assert_int_equal(eg_get16(udp + 6), 0xffff);
	udp[62] ^= 1; /* any other sum is sent as is */
	eg_outer_sum_udp6(packet, 40, sizeof(packet));
	memcpy(pseudo + 40, udp, 64);
	assert_int_equal(naive_checksum(pseudo, sizeof(pseudo)), 0);
	assert_int_not_equal(eg_get16(udp + 6), 0xffff);
}

int run_encap_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ends),     cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_other_bodies),  cmocka_unit_test(test_udp_header),
		cmocka_unit_test(test_fragments),     cmocka_unit_test(test_source_ports),
		cmocka_unit_test(test_keepalives),    cmocka_unit_test(test_keepalives_shared),
		cmocka_unit_test(test_no_keepalives), cmocka_unit_test(test_checksum_zero),
	};

	return cmocka_run_group_tests_name("path encapsulation", tests, NULL, NULL);
}
