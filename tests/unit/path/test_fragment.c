/* Fragmentation, before and after sealing and for both families, checked at every length around the
 * limits by a reassembler that knows nothing of the cuts. */
#include "path/path_tests.h"

#include "net/bytes.h"
#include "path/fragment.h"

#define MTU   1500
#define ROOM4 1446 /* inside 1500 over IPv4: less 20 + 8 + 8 + 16, and 2 of trailer */
#define ROOM6 1426
#define V6    .src = "fd00:1::5", .dst = "fd00:2::9"

/* Reassemble ordered fragments into the original packet. Fails if one is longer than mtu, a byte is
 * missing or duplicated, or a header is wrong. */
static struct frame whole_of(const struct frame *packets, unsigned n, unsigned mtu)
{
	struct frame whole = {0};
	bool v4 = packets[0].bytes[0] >> 4 == 4;
	unsigned head = v4 ? (packets[0].bytes[0] & 15u) * 4 : 48, at = 0;

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *p = packets[i].bytes;
		unsigned here = v4 ? (p[0] & 15u) * 4 : 48, size = packets[i].n - here;
		unsigned frag = eg_get16(p + (v4 ? 6 : 42));

		assert_true(packets[i].n <= mtu);
		assert_int_equal(v4 ? (frag & 0x1fff) * 8 : frag & 0xfff8, at);
		assert_int_equal(frag & (v4 ? 0xe000 : 7), i == n - 1 ? 0 : v4 ? 0x2000 : 1);
		assert_true(i == n - 1 || size % 8 == 0);
		if (v4) {
			assert_int_equal(eg_get16(p + 2), packets[i].n);
			assert_int_equal(naive_checksum(p, here), 0);
			assert_memory_equal(p + 4, packets[0].bytes + 4, 2);
			assert_memory_equal(p + 8, packets[0].bytes + 8, 2);
			assert_memory_equal(p + 12, packets[0].bytes + 12, 8);
		} else {
			assert_int_equal(eg_get16(p + 4), packets[i].n - 40);
			assert_int_equal(p[6], 44);
			assert_memory_equal(p + 7, packets[0].bytes + 7, 33);
			assert_memory_equal(p + 40, packets[0].bytes + 40, 2);
			assert_memory_equal(p + 44, packets[0].bytes + 44, 4);
		}
		memcpy(whole.bytes + (v4 ? head : 40) + at, p + here, size);
		at += size;
	}
	memcpy(whole.bytes, packets[0].bytes, v4 ? head : 40);
	if (v4) {
		whole.n = (uint16_t)(head + at);
		eg_put16(whole.bytes + 2, whole.n);
		eg_put16(whole.bytes + 6, 0);
		fix_checksum(whole.bytes);
	} else {
		whole.n = (uint16_t)(40 + at);
		eg_put16(whole.bytes + 4, (uint16_t)at);
		whole.bytes[6] = packets[0].bytes[40];
	}
	return whole;
}

static struct frame packet_of(const struct frame *frame)
{
	struct frame packet = {.n = (uint16_t)(frame->n - 14)};

	memcpy(packet.bytes, frame->bytes + 14, packet.n);
	return packet;
}

static void assert_same(const struct frame *got, const uint8_t *want, size_t n)
{
	assert_int_equal(got->n, n);
	assert_memory_equal(got->bytes, want, n);
}

/* The packets on the wire for one packet from a pod. */
static unsigned send_one(struct gw *gw, const struct flow *flow, struct frame *sent,
			 struct frame *want)
{
	struct frame frame = plain_frame(CLEAR, flow);

	*want = packet_of(&frame);
	age(want->bytes, 1);
	gw_send(gw, CLEAR, &frame, 1);
	return gw_sent(gw, ENCRYPTED, sent, EG_BATCH_MAX);
}

static struct gw *open_way(unsigned outer, bool inner_cut, bool outer_cut)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .outer = outer});

	gw_ready(gw);
	gw->path[0]->port[ENCRYPTED].mtu = MTU;
	gw_tunnel(gw, 0)->fragment_inner = inner_cut;
	gw_tunnel(gw, 0)->fragment_outer = outer_cut;
	return gw;
}

static void test_before(void **state)
{
	static const unsigned lens[] = {ROOM6 - 1, ROOM6, ROOM6 + 1,      ROOM4 - 1,      ROOM4,
					ROOM4 + 1, 1500,  2 * ROOM4 - 20, 2 * ROOM4 - 12, 9000};
	static struct frame sent[EG_BATCH_MAX], inner[EG_BATCH_MAX];
	struct frame want, whole;

	(void)state;
	for (unsigned outer = 4; outer <= 6; outer += 2) {
		struct gw *gw = open_way(outer, true, true);
		struct tunnel tunnel = tunnel_from(gw);
		unsigned room = outer == 4 ? ROOM4 : ROOM6, each = (room - 20) & ~7u;
		uint64_t seq = 0, made = 0;

		for (unsigned i = 0; i < COUNT(lens); i++) {
			struct flow flow = {V4, .seed = 77, .payload = (uint16_t)(lens[i] - 20)};
			unsigned n = send_one(gw, &flow, sent, &want);

			assert_int_equal(n, lens[i] <= room ? 1 : (lens[i] - 20 + each - 1) / each);
			for (unsigned k = 0; k < n; k++) {
				assert_true(sent[k].n - 14 <= MTU);
				inner[k] = open_frame(&tunnel, &sent[k], ++seq);
			}
			whole = whole_of(inner, n, room);
			assert_same(&whole, want.bytes, want.n);
			made += n - 1;
		}
		assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_FRAGMENT]), made);
		assert_int_equal(gw_drops_all(gw), 0);
		gw_close(gw);
	}
}

/* Fragmenting the outer packet, over both families, and with UDP encapsulation. */
static void test_after(void **state)
{
	static const unsigned lens[] = {ROOM6, ROOM6 + 1, ROOM4, ROOM4 + 1, 1500, 2900, 9000};
	static struct frame sent[EG_BATCH_MAX];
	struct frame want, whole, frame, inner;

	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		struct gw *gw = gw_open(
			(struct gw_spec){.site = 1, .outer = way & 1 ? 6 : 4, .encap = way & 2});
		struct tunnel tunnel = tunnel_from(gw);
		unsigned room = (way & 1 ? ROOM6 : ROOM4) - (way & 2 ? 8 : 0);
		uint32_t id, last = 0;

		gw_ready(gw);
		gw->path[0]->port[ENCRYPTED].mtu = MTU;
		gw_tunnel(gw, 0)->fragment_outer = true;
		for (unsigned i = 0; i < COUNT(lens); i++) {
			struct flow flow = {V4, .payload = (uint16_t)(lens[i] - 20)};
			unsigned n = send_one(gw, &flow, sent, &want);

			assert_int_equal(n > 1, lens[i] > room);
			frame = sent[0];
			for (unsigned k = 0; k < n; k++)
				sent[k] = packet_of(&sent[k]);
			if (n > 1) {
				id = way & 1 ? eg_get32(sent[0].bytes + 44)
					     : eg_get16(sent[0].bytes + 4);
				assert_int_not_equal(id, last);
				last = id;
				whole = whole_of(sent, n, MTU);
				memcpy(frame.bytes + 14, whole.bytes, whole.n);
				frame.n = (uint16_t)(14 + whole.n);
			}
			inner = open_frame(&tunnel, &frame, i + 1);
			assert_same(&inner, want.bytes, want.n);
		}
		assert_int_equal(gw_drops_all(gw), 0);
		gw_close(gw);
	}
}

/* Transport mode: sealed whole after the sender's own header, keeping the sender's identification.
 */
static void test_transport(void **state)
{
	static struct frame sent[EG_BATCH_MAX];
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .transport = true});
	struct gw *far = gw_open((struct gw_spec){.site = 2, .transport = true});
	struct flow flow = {.src = "192.0.2.1", .dst = "192.0.2.2", .seed = 4711, .payload = 1480};
	struct frame want, whole, frame;

	(void)state;
	gw_ready(gw);
	gw_ready(far);
	gw->path[0]->port[ENCRYPTED].mtu = MTU;
	gw_tunnel(gw, 0)->fragment_outer = true;
	assert_int_equal(send_one(gw, &flow, sent, &want), 2);
	assert_int_equal(eg_get16(sent[1].bytes + 14 + 4), 4711);
	for (unsigned i = 0; i < 2; i++)
		sent[i] = packet_of(&sent[i]);
	whole = whole_of(sent, 2, MTU);
	start_frame(&frame, ENCRYPTED, 4);
	memcpy(frame.bytes + 14, whole.bytes, whole.n);
	frame.n = (uint16_t)(14 + whole.n);
	gw_send(far, ENCRYPTED, &frame, 1);
	assert_int_equal(gw_sent(far, CLEAR, sent, 1), 1);
	age(want.bytes, 1);
	sent[0] = packet_of(&sent[0]);
	assert_same(&sent[0], want.bytes, want.n);
	gw_close(gw);
	gw_close(far);
}

/* Packets that are not fragmented: who is told, and which MTU. */
static void test_not(void **state)
{
	static const struct {
		const char *what;
		unsigned outer;
		bool inner_cut, outer_cut;
		uint16_t mtu;
		struct flow flow;
		unsigned pieces; /* 0: too big */
	} rows[] = {
		{"DF, before", 4, true, true, MTU, {V4, .df = true, .payload = ROOM4 - 19}, 0},
		{"DF, after", 4, false, true, MTU, {V4, .df = true, .payload = ROOM4 - 19}, 0},
		{"drop", 4, false, false, MTU, {V4, .payload = ROOM4 - 19}, 0},
		{"IPv6", 4, true, true, MTU, {V6, .payload = ROOM4 - 39}, 0},
		/* A path with less than 1280 inside: hosts cannot adapt to it. */
		{"IPv6, 1280", 6, true, true, 1280, {V6, .payload = 1240}, 2},
		{"IPv6, 1280, after", 6, false, true, 1280, {V6, .payload = 1240}, 2},
		{"IPv6, 1280 in IPv4", 4, true, true, 1280, {V6, .payload = 1240}, 2},
		{"IPv6, 1281", 6, true, true, 1280, {V6, .payload = 1241}, 0},
		{"IPv6, what fits", 6, true, true, 1280, {V6, .payload = 1206 - 40}, 1},
		/* Whatever `fragment` and `df` say: no host sends less (RFC 8200 s5). */
		{"IPv6, drop", 6, false, false, 1280, {V6, .payload = 1206 - 39}, 2},
		{"IPv6, 1280, drop", 4, false, false, 1280, {V6, .payload = 1240}, 2},
		{"IPv6, 1280, outer DF is set", 4, true, false, 1280, {V6, .payload = 1240}, 2},
		{"IPv6, 1281, outer DF is set", 4, true, false, 1280, {V6, .payload = 1241}, 0},
		{"9,000 through 60", 4, true, true, 60 + 52 + 4, {V4, .payload = 9000}, 0},
		{"9,000 through 10", 4, true, true, 10 + 52, {V4, .payload = 9000}, 0},
	};
	static struct frame sent[EG_BATCH_MAX];
	struct frame want;

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct gw *gw = open_way(rows[i].outer, rows[i].inner_cut, rows[i].outer_cut);
		unsigned n;

		gw->path[0]->port[ENCRYPTED].mtu = rows[i].mtu;
		gw_tunnel(gw, 0)->df_set = strstr(rows[i].what, "DF is set") ? 0x4000 : 0;
		n = send_one(gw, &rows[i].flow, sent, &want);
		if (n != rows[i].pieces || gw_drops(gw, EG_DROP_TOO_BIG) != !n)
			fail_msg("%s: %u leave", rows[i].what, n);
		for (unsigned k = 0; k < n; k++) {
			assert_true(sent[k].n - 14 <= rows[i].mtu);
			if (n > 1 && rows[i].outer == 4) /* never fragment and DF in one */
				assert_int_equal(eg_get16(sent[k].bytes + 14 + 6) & 0x4000, 0);
		}
		gw_close(gw);
	}
}

/* Options, the second of which is copied to every fragment, and fragments that are fragmented
 * again. */
static void test_headers(void **state)
{
	/* Record route (not copied), no operation, router alert (copied), end. */
	static const uint8_t options[] = {7, 7, 4, 0, 0, 0, 0, 1, 148, 4, 0, 0};
	static struct frame sent[EG_BATCH_MAX], inner[EG_BATCH_MAX];
	struct gw *gw = open_way(4, true, true);
	struct tunnel tunnel = tunnel_from(gw);
	struct frame frame = plain_frame(CLEAR, &(struct flow){V4, .payload = 3012});
	uint8_t *p = frame.bytes + 14;
	unsigned n;

	(void)state;
	memcpy(p + 20, options, sizeof(options));
	p[0] = 0x48;
	eg_put16(p + 6, 0x2000 | 100); /* at byte 800, with more fragments after it */
	fix_checksum(p);
	gw_send(gw, CLEAR, &frame, 1);
	n = gw_sent(gw, ENCRYPTED, sent, EG_BATCH_MAX);
	assert_int_equal(n, 3);
	for (unsigned i = 0; i < n; i++) {
		inner[i] = open_frame(&tunnel, &sent[i], i + 1);
		p = inner[i].bytes;
		assert_int_equal(eg_get16(p + 6), 0x2000 | (100 + i * 176));
		assert_int_equal(naive_checksum(p, (p[0] & 15u) * 4), 0);
		assert_int_equal(p[0], i ? 0x46 : 0x48);
		assert_memory_equal(p + 20, i ? options + 8 : options, i ? 4 : 12);
	}
	/* The last byte of the original is the last fragment's last. */
	assert_int_equal(inner[2].bytes[inner[2].n - 1], frame.bytes[frame.n - 1]);
	assert_int_equal(inner[0].n + inner[1].n + inner[2].n - 32 - 2 * 24, 3000);

	/* An option longer than the header is invalid. */
	p = frame.bytes + 14;
	p[21] = 200;
	fix_checksum(p);
	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_sent(gw, ENCRYPTED, sent, EG_BATCH_MAX), 3);
	inner[1] = open_frame(&tunnel, &sent[1], 5);
	assert_int_equal(inner[1].bytes[0], 0x45);

	/* So are options of length 0 and 1: they end the list (RFC 791 s3.1). */
	for (unsigned len = 0; len < 2; len++) {
		p = frame.bytes + 14;
		p[21] = (uint8_t)len;
		fix_checksum(p);
		gw_send(gw, CLEAR, &frame, 1);
		assert_int_equal(gw_sent(gw, ENCRYPTED, sent, EG_BATCH_MAX), 3);
		inner[1] = open_frame(&tunnel, &sent[1], 8 + 3 * len);
		assert_int_equal(inner[1].bytes[0], 0x45);
	}
	gw_close(gw);
}

/* A fragment that reaches beyond 65,535 bytes is refused by the parser, on both sides; otherwise
 * fragmenting it could overflow the offset into the flags and wrap to 0. */
static void test_beyond(void **state)
{
	static struct frame sent[EG_BATCH_MAX];
	struct gw *gw = open_way(4, true, true);
	struct tunnel in = tunnel_to(gw);
	struct frame frame = plain_frame(CLEAR, &(struct flow){V4, .payload = 2000}), wire;
	struct eg_fragments out;
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());
	uint8_t *p = frame.bytes + 14;

	(void)state;
	eg_put16(p + 6, 8191 - 175); /* fragmented again, its second piece would begin at 8192 */
	fix_checksum(p);
	memcpy(rte_pktmbuf_append(m, 2020), p, 2020);
	assert_int_equal(eg_fragment_ip4(gw->path[0], m, MTU, &out), EG_DROP_FRAGMENT_OVERSIZE);
	assert_memory_equal(rte_pktmbuf_mtod(m, uint8_t *), p, 2020);
	rte_pktmbuf_free(m);
	gw_expect(gw, CLEAR, &frame, EG_DROP_FRAGMENT_OVERSIZE, "from a pod");
	memcpy(p + 12, (uint8_t[]){10, 2, 0, 9, 10, 1, 0, 5}, 8);
	fix_checksum(p);
	wire = tunnel_packet(&in, 1, p, 2020);
	gw_expect(gw, ENCRYPTED, &wire, EG_DROP_FRAGMENT_OVERSIZE, "out of a tunnel");

	/* The last possible offset: 65,535 bytes including the header. */
	eg_put16(p + 6, (65535 - 2020) / 8);
	fix_checksum(p);
	gw->path[0]->port[CLEAR].mtu = MTU;
	wire = tunnel_packet(&in, 2, p, 2020);
	gw_send(gw, ENCRYPTED, &wire, 1);
	assert_int_equal(gw_sent(gw, CLEAR, sent, EG_BATCH_MAX), 2);
	assert_int_equal(eg_get16(sent[0].bytes + 14 + 6), 0x2000 | 7939);
	assert_int_equal(eg_get16(sent[1].bytes + 14 + 6), 7939 + (sent[0].n - 34) / 8);
	gw_close(gw);
}

/* Plain packets out of a clear port, as on every router. */
static void test_plain(void **state)
{
	static struct frame sent[EG_BATCH_MAX];
	struct gw *gw = open_way(4, true, true);
	struct tunnel in = tunnel_to(gw);
	uint64_t seq = 0;

	(void)state;
	gw->path[0]->port[CLEAR].mtu = 1400;
	for (unsigned len = 1399; len <= 1402; len++) {
		struct flow flow = {
			.src = "10.2.0.9", .dst = "10.1.0.5", .payload = (uint16_t)(len - 20)};
		struct frame frame = tunnel_frame(&in, ++seq, &flow), want = {0}, whole;
		unsigned n;

		add_packet(&want, &flow);
		age(want.bytes, 1);
		gw_send(gw, ENCRYPTED, &frame, 1);
		n = gw_sent(gw, CLEAR, sent, EG_BATCH_MAX);
		assert_int_equal(n, len <= 1400 ? 1 : 2);
		for (unsigned i = 0; i < n; i++)
			sent[i] = packet_of(&sent[i]);
		whole = whole_of(sent, n, 1400);
		assert_same(&whole, want.bytes, want.n);
		flow.df = true;
		frame = tunnel_frame(&in, ++seq, &flow);
		gw_expect(gw, ENCRYPTED, &frame, len <= 1400 ? EG_PASS : EG_DROP_TOO_BIG, "DF");
	}
	gw_close(gw);
}

/* Bursts with every kind of packet mixed: all leave in order, with contiguous sequence numbers. */
static void test_order(void **state)
{
	static struct frame frames[EG_BATCH_MAX], sent[EG_BATCH_MAX * 8];
	struct gw *gw = open_way(4, true, true);
	struct tunnel tunnel = tunnel_from(gw);
	unsigned n, seed = 0, at = 0;

	(void)state;
	for (unsigned i = 0; i < EG_BATCH_MAX; i++)
		frames[i] = plain_frame(
			CLEAR,
			&(struct flow){V4, .seed = i, .df = i % 5 == 4,
				       .payload = (uint16_t)(i % 3 == 1 ? 100 : 900 + 100 * i)});
	gw_send(gw, CLEAR, frames, EG_BATCH_MAX);
	n = gw_sent(gw, ENCRYPTED, sent, COUNT(sent));
	assert_true(n > 2 * EG_BATCH_MAX);
	for (unsigned i = 0; i < n; i++) {
		struct frame inner = open_frame(&tunnel, &sent[i], i + 1);
		unsigned frag = eg_get16(inner.bytes + 6);

		if (frag & 0x1fff) {
			assert_int_equal(eg_get16(inner.bytes + 4), seed - 1);
			assert_int_equal((frag & 0x1fff) * 8, at);
		} else {
			while (eg_get16(inner.bytes + 4) != seed) /* too big, with DF */
				assert_int_equal(seed++ % 5, 4);
			seed++;
			at = 0;
		}
		at += inner.n - 20u;
	}
	assert_int_equal(seed, EG_BATCH_MAX);
	assert_int_equal(atomic_load(&gw_sa_out(gw)->seq), n);
	gw_close(gw);
}

/* Another worker lowers the path MTU while a batch is fragmented: packets that fitted before are
 * not fragmented, and waiting ones are not forgotten. */
static void test_narrower(void **state)
{
	static struct frame sent[8];
	struct gw *gw = open_way(4, true, true);
	struct frame frame = plain_frame(CLEAR, &(struct flow){V4, .payload = 1480});
	struct eg_path *path = gw->path[0];

	(void)state;
	path->waiting.n = path->waiting.at = 1; /* the last waiting packet has left */
	gw_expect(gw, CLEAR, &frame, EG_DROP_TOO_BIG, "while others wait");
	assert_int_equal(path->waiting.n, 0);
	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_sent(gw, ENCRYPTED, sent, 8), 2);
	gw_close(gw);
}

/* The pool is empty except for the packets themselves. */
static void test_no_buffer(void **state)
{
	static struct rte_mbuf *held[8192];
	static struct frame frames[3], sent[8];
	struct gw *gw = open_way(4, true, true);
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		frames[i] = plain_frame(
			CLEAR, &(struct flow){V4, .payload = (uint16_t)(i == 1 ? 1480 : 100)});
	while (rte_mempool_avail_count(bench_pool()) > 3)
		assert_non_null(held[n++] = rte_pktmbuf_alloc(bench_pool()));
	for (unsigned mode = 0; mode < 2; mode++) {
		gw_tunnel(gw, 0)->fragment_inner = !mode;
		gw_send(gw, CLEAR, frames, 3);
		assert_int_equal(gw_drops(gw, EG_DROP_NO_BUFFER), mode + 1);
		assert_int_equal(gw_sent(gw, ENCRYPTED, sent, 8), 2);
	}
	rte_pktmbuf_free_bulk(held, n);
	assert_int_equal(gw_drops_all(gw), 2);
	gw_close(gw);
}

int run_fragment_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before),   cmocka_unit_test(test_after),
		cmocka_unit_test(test_not),      cmocka_unit_test(test_transport),
		cmocka_unit_test(test_headers),  cmocka_unit_test(test_plain),
		cmocka_unit_test(test_order),    cmocka_unit_test(test_no_buffer),
		cmocka_unit_test(test_narrower), cmocka_unit_test(test_beyond),
	};

	return cmocka_run_group_tests_name("path fragments", tests, NULL, NULL);
}
