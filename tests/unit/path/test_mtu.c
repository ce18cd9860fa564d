/* The effective MTU, for every suite, mode, encapsulation and family: what `explain --mtu` prints,
 * where the path draws the line, what "too big" reports, what MSS clamping leaves, and the bytes on
 * the wire are one figure. */
#include "path/path_tests.h"

#include "../../app/espgate/explain_mtu.h"

#include "base/buf.h"
#include "net/bytes.h"
#include "path/overhead.h"

#define ETH 14

struct way {
	const struct eg_suite *suite;
	bool transport, encap;
	unsigned outer, inner; /* families; transport mode: the same */
	unsigned mtu;          /* of the encrypted port */
};

/* RFC 4303 s2, RFC 3948 s2.1: in words of the test's own. */
static unsigned on_wire(const struct way *way, unsigned len)
{
	unsigned ip = way->outer == 4 ? 20 : 40, align = way->suite->align_bytes;
	unsigned text = way->transport ? len - ip : len;

	while ((text + 2) % align)
		text++;
	return ip + (way->encap ? 8 : 0) + 8 + way->suite->iv_bytes + text + 2 +
	       way->suite->icv_bytes;
}

static const char *source_of(const struct way *way)
{
	if (way->transport)
		return way->inner == 4 ? "192.0.2.1" : "2001:db8::1";
	return way->inner == 4 ? "10.1.0.5" : "fd00:1::5";
}

static const char *destination_of(const struct way *way)
{
	if (way->transport)
		return way->inner == 4 ? "192.0.2.2" : "2001:db8::2";
	return way->inner == 4 ? "10.2.0.9" : "fd00:2::9";
}

/* A packet of `len` bytes with DF, from behind the clear port. */
static struct frame packet_of(const struct way *way, unsigned len)
{
	struct flow flow = {.src = source_of(way),
			    .dst = destination_of(way),
			    .df = true,
			    .payload = (uint16_t)(len - (way->inner == 4 ? 20 : 40))};

	return plain_frame(CLEAR, &flow);
}

static struct gw *open_way(const struct way *way)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1,
						 .outer = way->outer,
						 .suite = way->suite,
						 .encap = way->encap,
						 .transport = way->transport});
	const struct eg_hop pods = {
		.kind = EG_HOP_PORT, .port = CLEAR, .mac = {2, 0, 0, 0, 1, CLEAR}};

	/* Addresses to send ICMP from. */
	gw_local(gw, CLEAR, "10.1.0.1/16");
	gw_local(gw, CLEAR, "fd00:1::1/64");
	gw_route(gw, "10.1.0.0/16", pods);
	gw_route(gw, "fd00:1::/64", pods);
	gw_ready(gw);
	gw->path[0]->port[ENCRYPTED].mtu = (uint16_t)way->mtu;
	gw_tunnel(gw, 0)->mss_clamp = true;
	return gw;
}

/* The figure in the line "=  1446  longest packet". */
static unsigned explained(const struct way *way, const struct eg_tunnel *tunnel)
{
	const struct eg_conf_sa sa = {.spi = 0x1001, .suite = way->suite};
	const struct eg_conf_port port = {.name = (char[]){"uplink"}, .mtu = (uint16_t)way->mtu};
	struct eg_buf out = {0};
	unsigned figure, left = 0, n;
	const char *line;

	eg_explain_mtu_sa(&sa, tunnel, &port, &out);
	assert_non_null(out.v);
	/* The lines add up. */
	for (line = out.v; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (sscanf(line, " - %u", &n) == 1)
			left -= n;
		else if (sscanf(line, " + %u", &n) == 1)
			left += n;
		else if (strstr(line, "mtu of port") && sscanf(line, " %u", &n) == 1 && !left)
			left = n;
	}
	line = strstr(out.v, "\n  = ");
	assert_non_null(line);
	assert_int_equal(sscanf(line, "\n  = %u", &figure), 1);
	assert_int_equal(figure, left);
	eg_buf_free(&out);
	return figure;
}

/* What "too big" reports to the sender of a packet a byte too long. */
static unsigned reported(struct gw *gw, const struct way *way, unsigned len)
{
	struct frame frame = packet_of(way, len), icmp;
	uint64_t before = gw_drops(gw, EG_DROP_TOO_BIG);
	unsigned head = way->inner == 4 ? 20 : 40;

	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_drops(gw, EG_DROP_TOO_BIG), before + 1);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 0);
	assert_int_equal(gw_frames(gw, CLEAR, &icmp, 1), 1);
	assert_int_equal(icmp.bytes[ETH + head], way->inner == 4 ? 3 : 2);
	return eg_get16(icmp.bytes + ETH + head + 6);
}

/* What a SYN asks for behind mss.c. */
static unsigned clamped(struct gw *gw, const struct way *way)
{
	struct flow flow = {
		.src = source_of(way), .dst = destination_of(way), .proto = 6, .payload = 24};
	struct frame frame = plain_frame(CLEAR, &flow);
	uint8_t *tcp = frame.bytes + frame.n - 24;
	struct eg_path *path = gw->path[0];
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());
	unsigned mss;

	tcp[12] = 0x60;
	tcp[13] = 2;
	eg_put32(tcp + 20, 0x0204ffff);
	memcpy(rte_pktmbuf_append(m, frame.n), frame.bytes, frame.n);
	eg_path_use(path, gw->snap);
	path->batch.n = 1;
	path->batch.n_removed = 0;
	path->batch.m[0] = m;
	path->batch.meta[0] = (struct eg_meta){.port = CLEAR};
	eg_parse_frames(path);
	eg_route(path);
	assert_int_equal(path->batch.n, 1);
	eg_mss(path);
	mss = eg_get16(rte_pktmbuf_mtod_offset(m, uint8_t *, frame.n - ETH - 2));
	path->batch.n = 0;
	rte_pktmbuf_free(m);
	return mss;
}

static void agree(const struct way *way)
{
	struct gw *gw = open_way(way);
	const struct eg_tunnel *tunnel = gw_tunnel(gw, 0);
	unsigned head = way->inner == 4 ? 20 : 40;
	struct eg_overhead overhead =
		eg_tunnel_overhead(tunnel, eg_suite_sizes(way->suite), tunnel->ip_len);
	unsigned want = way->mtu;
	struct frame frame;

	while (on_wire(way, want) > way->mtu)
		want--;
	if (eg_effective_mtu(&overhead, way->mtu) != want || explained(way, tunnel) != want)
		fail_msg("%s: %u, explained as %u, not %u", way->suite->name,
			 eg_effective_mtu(&overhead, way->mtu), explained(way, tunnel), want);
	for (unsigned len = want - 20; len <= want; len++) {
		frame = packet_of(way, len);
		gw_send(gw, CLEAR, &frame, 1);
		assert_int_equal(gw_sent(gw, ENCRYPTED, &frame, 1), 1);
		assert_int_equal(frame.n - ETH, on_wire(way, len));
		assert_int_equal(frame.n - ETH, eg_sealed_len(&overhead, len));
		assert_true(frame.n - ETH <= (int)way->mtu);
	}
	assert_true(eg_sealed_len(&overhead, want + 1) > way->mtu);
	assert_int_equal(reported(gw, way, want + 1), want);
	assert_int_equal(clamped(gw, way), want - head - 20);
	gw_close(gw);
}

static void test_agree(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
		for (unsigned n = 0; n < 12; n++) {
			struct way way = {
				.suite = &eg_suites[i],
				.transport = n >= 8,
				.encap = n & 1,
				.outer = n & 2 ? 6 : 4,
				.mtu = 1500 + (7 * i + 5 * n) % 33,
			};

			way.inner = way.transport ? way.outer : n & 4 ? 6 : 4;
			agree(&way);
		}
	}
}

/* A path's limit that was learned takes the place of the port's. */
static void test_learned(void **state)
{
	struct way way = {
		.suite = eg_suite_find("aes256gcm16"), .outer = 4, .inner = 4, .mtu = 1500};
	struct gw *gw = open_way(&way);
	const struct eg_overhead overhead =
		eg_tunnel_overhead(gw_tunnel(gw, 0), eg_suite_sizes(way.suite), 0);

	(void)state;
	eg_pmtu_learn(gw_tunnel(gw, 0)->pmtu, 1400, 1);
	assert_int_equal(reported(gw, &way, 1400), eg_effective_mtu(&overhead, 1400));
	assert_int_equal(clamped(gw, &way), eg_effective_mtu(&overhead, 1400) - 40);
	gw_close(gw);
}

/* From nothing upwards: it never exceeds what fits, and the next byte never fits. */
static void test_edges(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
		for (unsigned way = 0; way < 4; way++) {
			struct eg_tunnel tunnel = {.transport = way & 1, .encap = way & 2};
			struct eg_overhead overhead;

			tunnel.remote.family = 6;
			tunnel.ip_len = EG_IP6_LEN;
			tunnel.outer_len = EG_IP6_LEN + (tunnel.encap ? EG_UDP_LEN : 0);
			overhead = eg_tunnel_overhead(&tunnel, eg_suite_sizes(&eg_suites[i]), 40);
			for (unsigned mtu = 0; mtu < 300; mtu++) {
				unsigned most = eg_effective_mtu(&overhead, mtu);

				if (most)
					assert_true(eg_sealed_len(&overhead, most) <= mtu);
				assert_true(eg_sealed_len(&overhead,
							  most ? most + 1 : overhead.kept + 1) >
					    mtu);
			}
		}
	}
}

int run_mtu_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agree),
		cmocka_unit_test(test_learned),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests_name("path MTU", tests, NULL, NULL);
}
