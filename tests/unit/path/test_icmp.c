/* Locally originated ICMP: echo replies and errors, with checksums computed independently; packets
 * about which no error is sent; rate limits; and the MTU in "too big" compared with the size of a
 * sealed packet. */
#include "path/path_tests.h"

#include "base/source_check.h"
#include "net/bytes.h"

#define PAYLOAD 40

/* Site 1 with addresses on both ports; all neighbours are known. */
static struct gw *open_speaking(struct gw_spec spec)
{
	static const char *const nets[2][2] = {{"10.1.0.0/16", "fd00:1::/64"},
					       {"192.0.2.0/24", "2001:db8::/64"}};
	struct gw *gw = gw_open(spec);

	gw_local(gw, CLEAR, "10.1.0.1/16");
	gw_local(gw, CLEAR, "fd00:1::1/64");
	gw_local(gw, ENCRYPTED, "192.0.2.1/24");
	gw_local(gw, ENCRYPTED, "2001:db8::1/64");
	for (unsigned port = 0; port < 2; port++) {
		for (unsigned v6 = 0; v6 < 2; v6++)
			gw_route(gw, nets[port][v6],
				 (struct eg_hop){.kind = EG_HOP_PORT,
						 .port = (uint8_t)port,
						 .mac = {2, 0, 0, 0, 1, (uint8_t)port}});
	}
	gw_ready(gw);
	return gw;
}

static unsigned header_of(const uint8_t *packet)
{
	return packet[0] >> 4 == 4 ? 20 : 40;
}

/* The ICMP checksum as in the RFCs, with ICMPv6's pseudo-header in front. */
static uint16_t icmp_sum(const uint8_t *packet, size_t n)
{
	static uint8_t all[FRAME_MAX + 40];
	size_t at = 0, head = header_of(packet);

	memset(all, 0, sizeof(all));
	if (head == 40) {
		memcpy(all, packet + 8, 32);
		eg_put32(all + 32, (uint32_t)(n - head));
		all[39] = 58;
		at = 40;
	}
	memcpy(all + at, packet + head, n - head);
	return naive_checksum(all, at + n - head);
}

static void set_icmp(uint8_t *packet, size_t n, unsigned type, unsigned code)
{
	uint8_t *icmp = packet + header_of(packet);

	icmp[0] = (uint8_t)type;
	icmp[1] = (uint8_t)code;
	eg_put16(icmp + 2, 0);
	eg_put16(icmp + 2, icmp_sum(packet, n));
}

static struct flow icmp_flow(const char *src, const char *dst)
{
	return (struct flow){
		.src = src, .dst = dst, .proto = strchr(src, ':') ? 58 : 1, .payload = PAYLOAD};
}

static struct frame icmp_packet(const char *src, const char *dst, unsigned type, unsigned code)
{
	struct flow flow = icmp_flow(src, dst);
	struct frame packet = {0};

	add_packet(&packet, &flow);
	set_icmp(packet.bytes, packet.n, type, code);
	return packet;
}

enum way {
	BY_CLEAR,
	BY_WIRE,
	BY_TUNNEL,
};

/* Send a packet in one way; return the one that leaves, opened if it went into a tunnel. */
static bool converse(struct gw *gw, enum way way, const struct frame *packet, struct frame *out)
{
	static uint64_t seq_in, seq_out;
	struct tunnel in = tunnel_to(gw), from = tunnel_from(gw);
	struct frame frame;

	if (atomic_load(&gw_sa_out(gw)->seq) == 0)
		seq_in = seq_out = 0;
	if (way == BY_TUNNEL) {
		frame = tunnel_packet(&in, ++seq_in, packet->bytes, packet->n);
	} else {
		frame.n = 0;
		start_frame(&frame, way == BY_CLEAR ? CLEAR : ENCRYPTED, packet->bytes[0] >> 4);
		memcpy(frame.bytes + frame.n, packet->bytes, packet->n);
		frame.n = (uint16_t)(frame.n + packet->n);
	}
	gw_send(gw, way == BY_CLEAR ? CLEAR : ENCRYPTED, &frame, 1);
	if (way != BY_TUNNEL) {
		if (!gw_sent(gw, way == BY_CLEAR ? CLEAR : ENCRYPTED, &frame, 1))
			return false;
		out->n = (uint16_t)(frame.n - 14);
		memcpy(out->bytes, frame.bytes + 14, out->n);
		return true;
	}
	if (!gw_sent(gw, ENCRYPTED, &frame, 1))
		return false;
	*out = open_frame(&from, &frame, ++seq_out);
	return true;
}

static void assert_ends(const struct frame *packet, const char *src, const char *dst)
{
	bool v4 = packet->bytes[0] >> 4 == 4;
	struct eg_ip from = eg_ip_from(v4 ? 4 : 6, packet->bytes + (v4 ? 12 : 8));
	struct eg_ip to = eg_ip_from(v4 ? 4 : 6, packet->bytes + (v4 ? 16 : 24));
	char text[EG_IP_TEXT];

	assert_string_equal(eg_ip_print(&from, text), src);
	assert_string_equal(eg_ip_print(&to, text), dst);
	assert_int_equal(packet->bytes[v4 ? 8 : 7], 64);
	if (v4)
		assert_int_equal(naive_checksum(packet->bytes, 20), 0);
	assert_int_equal(icmp_sum(packet->bytes, packet->n), 0);
}

static void test_echo(void **state)
{
	static const struct {
		enum way way;
		const char *src, *dst;
	} rows[] = {
		{BY_CLEAR, "10.1.0.5", "10.1.0.1"},      {BY_CLEAR, "fd00:1::5", "fd00:1::1"},
		{BY_CLEAR, "10.1.0.5", "192.0.2.1"},     {BY_WIRE, "192.0.2.2", "192.0.2.1"},
		{BY_WIRE, "2001:db8::2", "2001:db8::1"}, {BY_TUNNEL, "10.2.0.9", "10.1.0.1"},
		{BY_TUNNEL, "fd00:2::9", "fd00:1::1"},
	};
	struct gw *gw = open_speaking((struct gw_spec){.site = 1});

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool v6 = strchr(rows[i].src, ':');
		struct frame ask = icmp_packet(rows[i].src, rows[i].dst, v6 ? 128 : 8, 0), out;
		unsigned head = header_of(ask.bytes);

		if (!converse(gw, rows[i].way, &ask, &out))
			fail_msg("row %zu: no answer", i);
		assert_ends(&out, rows[i].dst, rows[i].src);
		assert_int_equal(out.n, ask.n);
		assert_int_equal(out.bytes[head], v6 ? 129 : 0);
		assert_memory_equal(out.bytes + head + 4, ask.bytes + head + 4, PAYLOAD - 4u);
	}
	assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_ECHO_REPLY]), COUNT(rows));
	assert_int_equal(gw_drops_all(gw), 0);
	gw_close(gw);
}

static void test_no_echo(void **state)
{
	static const struct {
		const char *what;
		enum way way;
		const char *src, *dst;
		unsigned type;
		enum eg_verdict want;
	} rows[] = {
		{"an answer", BY_CLEAR, "10.1.0.5", "10.1.0.1", 0, EG_DROP_TO_GATEWAY},
		{"a timestamp", BY_CLEAR, "10.1.0.5", "10.1.0.1", 13, EG_DROP_TO_GATEWAY},
		{"on the wire, for the pods' side", BY_WIRE, "192.0.2.2", "10.1.0.1", 8,
		 EG_DROP_PLAIN_ON_ENCRYPTED},
		{"on the wire, as from the peer's pods", BY_WIRE, "10.2.0.9", "192.0.2.1", 8,
		 EG_DROP_PLAIN_ON_ENCRYPTED},
		{"on the wire, as from our pods", BY_WIRE, "10.1.0.5", "192.0.2.1", 8,
		 EG_DROP_PLAIN_ON_ENCRYPTED},
		{"on the wire, from nowhere", BY_WIRE, "172.16.0.1", "192.0.2.1", 8,
		 EG_DROP_PLAIN_ON_ENCRYPTED},
		{"on the wire, an answer", BY_WIRE, "192.0.2.2", "192.0.2.1", 0,
		 EG_DROP_PLAIN_ON_ENCRYPTED},
	};
	struct gw *gw = open_speaking((struct gw_spec){.site = 1});
	struct frame ask, out;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t before = gw_drops(gw, rows[i].want);

		ask = icmp_packet(rows[i].src, rows[i].dst, rows[i].type, 0);
		if (converse(gw, rows[i].way, &ask, &out) ||
		    gw_drops(gw, rows[i].want) != before + 1)
			fail_msg("%s: not %s", rows[i].what, eg_drop_name(rows[i].want));
	}
	ask = icmp_packet("10.1.0.5", "10.1.0.1", 8, 0);
	ask.bytes[6] = 0x20; /* a first fragment */
	fix_checksum(ask.bytes);
	assert_false(converse(gw, BY_CLEAR, &ask, &out));
	assert_int_equal(gw_drops_all(gw), COUNT(rows) + 1);
	gw_close(gw);
}

/* Check an error about `about`: type, code and MTU, and as much of the packet as fits. */
static void assert_error(const struct frame *error, const struct frame *about, unsigned type_code,
			 uint32_t number)
{
	unsigned head = header_of(error->bytes);
	unsigned most = head == 20 ? 576 : 1180;
	unsigned quoted = about->n < most - head - 8 ? about->n : most - head - 8;

	assert_int_equal(eg_get16(error->bytes + head), type_code);
	assert_int_equal(eg_get32(error->bytes + head + 4), number);
	assert_int_equal(error->n, head + 8 + quoted);
	assert_int_equal(error->bytes[head == 20 ? 9 : 6], head == 20 ? 1 : 58);
	assert_memory_equal(error->bytes + head + 8, about->bytes, quoted);
}

static void test_errors(void **state)
{
	/* Inner MTU at 1500: less 20 + 8 + 8 + 16 of overhead, and 2 of trailer: 1446. */
	static const struct {
		const char *what;
		enum way way;
		struct flow flow;
		unsigned type_code;
		uint32_t number;
		const char *from; /* NULL: no error */
		enum eg_verdict drop;
	} rows[] = {
		{"no route",
		 BY_CLEAR,
		 {.src = "10.1.0.5", .dst = "172.16.0.1", .payload = 900},
		 0x0300,
		 0,
		 "10.1.0.1",
		 EG_DROP_NO_ROUTE},
		{"no route 6",
		 BY_CLEAR,
		 {.src = "fd00:1::5", .dst = "fd00:9::1", .payload = 1300},
		 0x0100,
		 0,
		 "fd00:1::1",
		 EG_DROP_NO_ROUTE},
		{"no route behind the tunnel",
		 BY_TUNNEL,
		 {.src = "10.2.0.9", .dst = "172.16.0.1", .payload = 40},
		 0x0300,
		 0,
		 "10.1.0.1",
		 EG_DROP_NO_ROUTE},
		{"TTL",
		 BY_CLEAR,
		 {V4, .ttl = 1, .payload = 20},
		 0x0b00,
		 0,
		 "10.1.0.1",
		 EG_DROP_TTL_EXPIRED},
		{"TTL behind the tunnel",
		 BY_TUNNEL,
		 {.src = "10.2.0.9", .dst = "10.1.0.5", .ttl = 1, .payload = 20},
		 0x0b00,
		 0,
		 "10.1.0.1",
		 EG_DROP_TTL_EXPIRED},
		{"hop limit",
		 BY_CLEAR,
		 {.src = "fd00:1::5", .dst = "fd00:2::9", .ttl = 1},
		 0x0300,
		 0,
		 "fd00:1::1",
		 EG_DROP_TTL_EXPIRED},
		{"hop limit behind the tunnel",
		 BY_TUNNEL,
		 {.src = "fd00:2::9", .dst = "fd00:1::5", .ttl = 1},
		 0x0300,
		 0,
		 "fd00:1::1",
		 EG_DROP_TTL_EXPIRED},
		{"too big to seal",
		 BY_CLEAR,
		 {V4, .df = true, .payload = 1427},
		 0x0304,
		 1446,
		 "10.1.0.1",
		 EG_DROP_TOO_BIG},
		{"too big to seal, 6",
		 BY_CLEAR,
		 {.src = "fd00:1::5", .dst = "fd00:2::9", .payload = 1407},
		 0x0200,
		 1446,
		 "fd00:1::1",
		 EG_DROP_TOO_BIG},
		{"too big, may be fragmented",
		 BY_CLEAR,
		 {V4, .payload = 1427},
		 0,
		 0,
		 NULL,
		 EG_DROP_TOO_BIG},
		{"an ICMP error",
		 BY_CLEAR,
		 {.src = "10.1.0.5", .dst = "172.16.0.1", .proto = 1, .seed = 3, .payload = 40},
		 0,
		 0,
		 NULL,
		 EG_DROP_NO_ROUTE},
		{"from an address that we have nobody for",
		 BY_CLEAR,
		 {.src = "172.16.0.1", .dst = "172.16.0.2"},
		 0,
		 0,
		 NULL,
		 EG_DROP_NO_ROUTE},
	};
	struct gw *gw = open_speaking((struct gw_spec){.site = 1});

	(void)state;
	gw->path[0]->port[ENCRYPTED].mtu = 1500;
	gw->snap->world->source_check[CLEAR] = EG_SOURCE_OFF; /* for the unknown address */
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct frame about = {0}, out;
		uint64_t before = gw_drops(gw, rows[i].drop);
		bool said;

		add_packet(&about, &rows[i].flow);
		if (rows[i].flow.proto == 1)
			set_icmp(about.bytes, about.n, 3, 1);
		said = converse(gw, rows[i].way, &about, &out);
		/* One more if the error itself has no route to its sender. */
		if (said != (rows[i].from != NULL) || gw_drops(gw, rows[i].drop) == before)
			fail_msg("%s: %s", rows[i].what, said ? "spoke" : "was silent");
		if (!said)
			continue;
		assert_ends(&out, rows[i].from, rows[i].flow.src);
		if (rows[i].drop == EG_DROP_TOO_BIG)
			age(about.bytes, 1); /* it was being forwarded */
		assert_error(&out, &about, rows[i].type_code, rows[i].number);
	}
	gw_close(gw);
}

/* A plain packet larger than its egress port's MTU; later fragments; ICMPv6 errors. */
static void test_more_errors(void **state)
{
	struct gw *gw = open_speaking((struct gw_spec){.site = 1});
	struct frame about = {0}, out;

	(void)state;
	gw->path[0]->port[CLEAR].mtu = 1400;
	add_packet(
		&about,
		&(struct flow){.src = "10.2.0.9", .dst = "10.1.0.5", .df = true, .payload = 1381});
	assert_true(converse(gw, BY_TUNNEL, &about, &out));
	assert_ends(&out, "10.1.0.1", "10.2.0.9");
	age(about.bytes, 1); /* it was being forwarded */
	assert_error(&out, &about, 0x0304, 1400);

	about = icmp_packet("fd00:1::5", "fd00:9::1", 1, 0);
	assert_false(converse(gw, BY_CLEAR, &about, &out));
	about = icmp_packet("fd00:1::5", "fd00:9::1", 137, 0); /* redirect */
	assert_false(converse(gw, BY_CLEAR, &about, &out));
	about = icmp_packet("fd00:1::5", "fd00:9::1", 128, 0);
	assert_true(converse(gw, BY_CLEAR, &about, &out));
	about = icmp_packet("10.1.0.5", "172.16.0.1", 8, 0);
	assert_true(converse(gw, BY_CLEAR, &about, &out));
	about.bytes[7] = 8; /* a later fragment */
	fix_checksum(about.bytes);
	assert_false(converse(gw, BY_CLEAR, &about, &out));
	gw_close(gw);
}

/* Denied by policy: reported only if the configuration says so. */
static void test_rejected(void **state)
{
	struct gw *gw = open_speaking((struct gw_spec){.site = 1});
	struct eg_path *path = gw->path[0];
	struct eg_snap_policy policy = {0};
	struct frame about = {0}, out, other = plain_frame(CLEAR, &(struct flow){V4});

	(void)state;
	add_packet(&about, &(struct flow){V4, .proto = 17, .payload = 20});
	for (unsigned reject = 0; reject < 2; reject++) {
		struct eg_meta meta = {.port = CLEAR, .verdict = EG_DROP_POLICY_EGRESS};
		struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());

		memcpy(rte_pktmbuf_append(m, about.n), about.bytes, about.n);
		assert_int_equal(eg_parse_ip(about.bytes, about.n, &meta.pkt), EG_PASS);
		policy.reject = reject;
		gw->snap->policy = &policy;
		eg_path_use(path, gw->snap);
		eg_icmp_error(path, &meta, m);
		gw->snap->policy = NULL;
		rte_pktmbuf_free(m);
		gw_send(gw, CLEAR, &other, 1);
		assert_int_equal(gw_discard(gw, ENCRYPTED), 1);
		assert_int_equal(gw_sent(gw, CLEAR, &out, 1), reject);
	}
	out.n = (uint16_t)(out.n - 14);
	memmove(out.bytes, out.bytes + 14, out.n);
	assert_ends(&out, "10.1.0.1", "10.1.0.5");
	assert_error(&out, &about, 0x030d, 0);
	gw_close(gw);
}

/* Floods are answered at a limited rate; suppressed errors are counted. */
static void test_rates(void **state)
{
	static struct frame frames[EG_BATCH_MAX];
	struct gw *gw = open_speaking((struct gw_spec){.site = 1});
	struct frame ask = icmp_packet("10.1.0.5", "10.1.0.1", 8, 0);
	uint64_t made, echoed;

	(void)state;
	gw->path[0]->cycles_per_s *= 1000; /* no second passes, even under a sanitizer */
	for (unsigned burst = 0; burst < 2; burst++) {
		for (unsigned i = 0; i < EG_BATCH_MAX; i++) {
			frames[i] = plain_frame(
				CLEAR, &(struct flow){.src = "10.1.0.5", .dst = "172.16.0.1"});
			if (!burst)
				memcpy(frames[i].bytes + 14, ask.bytes, ask.n);
			if (!burst)
				frames[i].n = (uint16_t)(14 + ask.n);
		}
		for (unsigned turn = 0; turn < 4; turn++) {
			gw_send(gw, CLEAR, frames, EG_BATCH_MAX);
			gw_discard(gw, CLEAR);
		}
	}
	echoed = eg_counted(&gw->stats[0]->local[EG_LOCAL_ECHO_REPLY]);
	made = eg_counted(&gw->stats[0]->local[EG_LOCAL_UNREACHABLE]);
	assert_int_equal(echoed, EG_ECHO_BURST);
	assert_int_equal(gw_drops(gw, EG_DROP_ECHO_RATE), 4 * EG_BATCH_MAX - echoed);
	assert_int_equal(made, EG_ICMP_ADDRESS_BURST);
	assert_int_equal(eg_counted(&gw->stats[0]->limited), 4 * EG_BATCH_MAX - made);
	gw_close(gw);
}

/* The longest packet of the reported MTU leaves and fits; one byte more is too big. */
static void measure(const struct eg_suite *suite, unsigned outer, bool esn, unsigned mtu)
{
	struct gw *gw = open_speaking(
		(struct gw_spec){.site = 1, .suite = suite, .outer = outer, .esn = esn});
	unsigned overhead = outer == 6 ? 40 : 20, room = 0;
	struct frame frame, out;

	gw->path[0]->port[ENCRYPTED].mtu = (uint16_t)mtu;
	for (unsigned len = mtu - overhead - 70; len <= mtu; len++) {
		frame = plain_frame(
			CLEAR, &(struct flow){V4, .df = true, .payload = (uint16_t)(len - 20)});
		gw_send(gw, CLEAR, &frame, 1);
		if (gw_sent(gw, ENCRYPTED, &out, 1)) {
			assert_true(out.n - 14u <= mtu);
			assert_int_equal(room, 0);
			continue;
		}
		assert_int_equal(gw_sent(gw, CLEAR, &out, 1), 1);
		if (!room)
			room = len - 1;
		assert_int_equal(eg_get16(out.bytes + 34 + 6), room);
	}
	assert_true(room > 0);
	/* One byte more would really not have fitted: sealed by the same path. */
	gw->path[0]->port[ENCRYPTED].mtu = GW_MTU;
	frame = plain_frame(CLEAR, &(struct flow){V4, .payload = (uint16_t)(room + 1 - 20)});
	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_sent(gw, ENCRYPTED, &out, 1), 1);
	assert_true(out.n - 14u > mtu);
	gw_close(gw);
}

static void test_exact(void **state)
{
	(void)state;
	for (unsigned suite = 0; suite < EG_SUITE_COUNT; suite++) {
		for (unsigned outer = 4; outer <= 6; outer += 2) {
			measure(&eg_suites[suite], outer, false, 1280 + suite);
			measure(&eg_suites[suite], outer, true, 1500);
		}
	}
}

/* Over IPv6, no MTU below 1280 is reported, because hosts would ignore it (RFC 8200 s5). */
static void test_least(void **state)
{
	struct gw *gw = open_speaking((struct gw_spec){.site = 1});
	struct frame frame = plain_frame(
		CLEAR, &(struct flow){.src = "fd00:1::5", .dst = "fd00:2::9", .payload = 1241});
	struct frame out;

	(void)state;
	gw->path[0]->port[ENCRYPTED].mtu = 1280;
	for (unsigned row = 0; row < 3; row++) { /* fragment: drop; after; before with df: set */
		gw_tunnel(gw, 0)->fragment_outer = row == 1;
		gw_tunnel(gw, 0)->fragment_inner = row == 2;
		gw_tunnel(gw, 0)->df_set = row == 2 ? 0x4000 : 0;
		gw_send(gw, CLEAR, &frame, 1);
		assert_int_equal(gw_sent(gw, CLEAR, &out, 1), 1);
		assert_int_equal(out.bytes[14 + 40], 2);
		assert_int_equal(eg_get32(out.bytes + 14 + 44), 1280);
	}
	gw_close(gw);
}

/* The last check before a packet leaves an encrypted port in clear: an echo reply originated by the
 * gateway, for that port, from an address of that port. One property wrong at a time. */
static void test_last_look(void **state)
{
	static const struct {
		const char *what, *src;
		unsigned type;
		bool local, other_port, may;
	} rows[] = {
		{"echo reply", "192.0.2.1", 0, true, false, true},
		{"echo reply over IPv6", "2001:db8::1", 129, true, false, true},
		{"another source of the network", "192.0.2.9", 0, true, false, false},
		{"another source over IPv6", "2001:db8::9", 129, true, false, false},
		{"the clear port's address", "10.1.0.1", 0, true, false, false},
		{"not the gateway's", "192.0.2.1", 0, false, false, false},
		{"of the other port", "192.0.2.1", 0, true, true, false},
		{"echo request", "192.0.2.1", 8, true, false, false},
		{"ICMPv6's number over IPv4", "192.0.2.1", 129, true, false, false},
		{"ICMP's number over IPv6", "2001:db8::1", 0, true, false, false},
	};
	struct gw *gw = open_speaking((struct gw_spec){.site = 1});
	struct eg_batch *batch = &gw->path[0]->batch;

	(void)state;
	eg_path_use(gw->path[0], gw->snap);
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool v6 = strchr(rows[i].src, ':');
		struct frame packet =
			icmp_packet(rows[i].src, v6 ? "2001:db8::2" : "192.0.2.2", rows[i].type, 0);

		batch->n = 1;
		batch->m[0] = rte_pktmbuf_alloc(bench_pool());
		memcpy(rte_pktmbuf_append(batch->m[0], packet.n), packet.bytes, packet.n);
		batch->meta[0] = (struct eg_meta){.port = rows[i].other_port ? CLEAR : ENCRYPTED,
						  .local = rows[i].local};
		assert_int_equal(eg_parse_ip(packet.bytes, packet.n, &batch->meta[0].pkt), EG_PASS);
		if (eg_icmp_may_send(gw->path[0], 0, ENCRYPTED) != rows[i].may)
			fail_msg("%s", rows[i].what);
		rte_pktmbuf_free(batch->m[0]);
	}
	batch->n = 0;
	gw_close(gw);
}

/* Send packets of one flow, and count the errors of that kind in return. */
static unsigned provoke(struct gw *gw, const struct flow *flow, unsigned n, enum eg_local_kind kind)
{
	uint64_t before = eg_counted(&gw->stats[0]->local[kind]);

	for (unsigned i = 0; i < n; i++) {
		struct frame frame = plain_frame(CLEAR, flow);

		gw_send(gw, CLEAR, &frame, 1);
		gw_discard(gw, CLEAR);
	}
	return (unsigned)(eg_counted(&gw->stats[0]->local[kind]) - before);
}

/* A flood suppresses neither other kinds of error to the same host, nor the same kind to others:
 * not to its neighbours, and, if it comes from a whole prefix, not to other prefixes. */
static void test_rates_apart(void **state)
{
	static const char *const nets[] = {"10.1.7.%u", "fd00:1::7:%x"};
	static const char *const others[] = {"10.1.8.5", "fd00:1:0:0:0:8:0:5"};

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct gw *gw = open_speaking((struct gw_spec){.site = 1});
		const char *nowhere = v6 ? "fd00:9::1" : "172.16.0.1";
		struct flow flood = {.dst = nowhere, .payload = 8}, big, other;
		char name[64];
		unsigned made = 0;

		gw->path[0]->port[ENCRYPTED].mtu = 1500;
		gw->path[0]->cycles_per_s *= 1000; /* no second passes */
		snprintf(name, sizeof(name), nets[v6], 1);
		flood.src = name;
		assert_int_equal(provoke(gw, &flood, 500, EG_LOCAL_UNREACHABLE),
				 EG_ICMP_ADDRESS_BURST);
		/* Another kind, to the same host. */
		big = (struct flow){.src = name,
				    .dst = v6 ? "fd00:2::9" : "10.2.0.9",
				    .df = !v6,
				    .payload = 1470};
		assert_int_equal(provoke(gw, &big, 1, EG_LOCAL_TOO_BIG), 1);
		/* The same kind, to a neighbour. */
		other = (struct flow){.src = others[v6], .dst = nowhere, .payload = 8};
		assert_int_equal(provoke(gw, &other, 1, EG_LOCAL_UNREACHABLE), 1);
		/* From all addresses of a prefix. */
		for (unsigned i = 2; i < 250; i++) {
			snprintf(name, sizeof(name), nets[v6], i);
			made += provoke(gw, &flood, 2, EG_LOCAL_UNREACHABLE);
		}
		assert_true(made <= EG_ICMP_PREFIX_BURST);
		other.src = "10.1.9.9"; /* for IPv6 there is only one /64 behind the port */
		if (!v6)
			assert_int_equal(provoke(gw, &other, 1, EG_LOCAL_UNREACHABLE), 1);
		gw_close(gw);
	}
}

/* One kind sent to everyone, up to its limit, does not affect other kinds; and a host that shares a
 * bucket with a flood has another one. */
static void test_rates_of_kinds(void **state)
{
	struct gw *gw = open_speaking((struct gw_spec){.site = 1});
	struct flow flood = {.dst = "172.16.0.1", .payload = 8};
	struct flow big = {.src = "10.1.40.5", .dst = "10.2.0.9", .df = true, .payload = 1470};
	struct eg_icmp_limits *limits = &gw->path[0]->icmp;
	unsigned made = 0;
	char name[32];

	(void)state;
	gw->path[0]->port[ENCRYPTED].mtu = 1500;
	gw->path[0]->cycles_per_s *= 1000; /* no second passes */
	flood.src = name;
	for (unsigned net = 1; net < 10; net++) {
		snprintf(name, sizeof(name), "10.1.%u.5", net);
		made += provoke(gw, &flood, 100, EG_LOCAL_UNREACHABLE);
	}
	assert_int_equal(made, EG_ICMP_BURST);
	assert_int_equal(provoke(gw, &big, 1, EG_LOCAL_TOO_BIG), 1);
	for (unsigned row = 0; row < 2; row++) {
		for (unsigned i = 0; i < EG_ICMP_CELLS; i++) {
			limits->addresses.cell[row][i].full_at = UINT64_MAX / 2;
			limits->prefixes.cell[row][i].full_at = UINT64_MAX / 2;
		}
		assert_int_equal(provoke(gw, &big, 1, EG_LOCAL_TOO_BIG), row == 0);
	}
	gw_close(gw);
}

int run_icmp_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),        cmocka_unit_test(test_no_echo),
		cmocka_unit_test(test_errors),      cmocka_unit_test(test_more_errors),
		cmocka_unit_test(test_rejected),    cmocka_unit_test(test_rates),
		cmocka_unit_test(test_rates_apart), cmocka_unit_test(test_rates_of_kinds),
		cmocka_unit_test(test_exact),       cmocka_unit_test(test_last_look),
		cmocka_unit_test(test_least),
	};

	return cmocka_run_group_tests_name("path ICMP", tests, NULL, NULL);
}
