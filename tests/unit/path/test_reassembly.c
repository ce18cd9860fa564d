/* Fragments of ESP, made by the test itself: in every order, from a gateway's own fragmentation,
 * and from hostile senders. */
#include "path/path_tests.h"

#include "common/random.h"
#include "net/bytes.h"

#define ETH  14
#define DUP  EG_DROP_REASSEMBLY_DUPLICATE
#define OVER EG_DROP_REASSEMBLY_OVERLAP
#define BAD  EG_DROP_REASSEMBLY_BAD

static struct flow inbound = {.src = "10.2.0.9", .dst = "10.1.0.5", .seed = 5, .payload = 3000};

/* Bytes from..to of what follows the IP header. */
static struct frame piece_of(const struct frame *whole, unsigned from, unsigned to, bool more,
			     uint32_t id)
{
	struct frame piece = {0};
	const uint8_t *p = whole->bytes + ETH;
	unsigned head = p[0] >> 4 == 4 ? (p[0] & 15u) * 4 : 40, added = p[0] >> 4 == 4 ? 0 : 8;
	uint8_t *q = piece.bytes + ETH;

	memcpy(piece.bytes, whole->bytes, ETH + head);
	memcpy(q + head + added, p + head + from, to - from);
	piece.n = (uint16_t)(ETH + head + added + to - from);
	if (!added) {
		eg_put16(q + 2, (uint16_t)(piece.n - ETH));
		eg_put16(q + 4, (uint16_t)id);
		eg_put16(q + 6, (uint16_t)(from / 8 | (more ? 0x2000 : 0)));
		fix_checksum(q);
	} else {
		eg_put16(q + 4, (uint16_t)(piece.n - ETH - 40));
		q[40] = q[6];
		q[6] = 44;
		eg_put16(q + 42, (uint16_t)(from | more));
		eg_put32(q + 44, id);
	}
	return piece;
}

static unsigned payload_of(const struct frame *whole)
{
	const uint8_t *p = whole->bytes + ETH;

	return whole->n - ETH - (p[0] >> 4 == 4 ? (p[0] & 15u) * 4 : 40u);
}

/* All of it in fragments of `each` bytes. */
static unsigned cut(const struct frame *whole, unsigned each, uint32_t id, struct frame *out)
{
	unsigned all = payload_of(whole), n = 0;

	for (unsigned at = 0; at < all; at += each, n++) {
		unsigned to = at + each < all ? at + each : all;

		out[n] = piece_of(whole, at, to, to < all, id);
	}
	return n;
}

/* One packet leaves through CLEAR: this one, with its TTL decremented. */
static void assert_arrived(struct gw *gw, const struct flow *flow)
{
	static struct frame out;
	struct frame want = {0};

	add_packet(&want, flow);
	age(want.bytes, 1);
	assert_int_equal(gw_sent(gw, CLEAR, &out, 1), 1);
	assert_int_equal(out.n - ETH, want.n);
	assert_memory_equal(out.bytes + ETH, want.bytes, want.n);
}

static void test_orders(void **state)
{
	static struct frame pieces[EG_BATCH_MAX];
	struct rng rng = rng_start("reassembly orders");

	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		struct gw *gw = gw_open((struct gw_spec){
			.site = 1, .outer = way & 1 ? 6 : 4, .encap = way & 2, .window = 1024});
		struct tunnel tunnel = tunnel_to(gw);
		uint64_t taken = 0;

		gw_ready(gw);
		for (unsigned turn = 1; turn <= 200; turn++) {
			struct flow flow = inbound;
			struct frame whole;
			unsigned n, each = 256 + 8 * (unsigned)rng_below(&rng, 150);

			flow.payload = (uint16_t)(1500 + rng_below(&rng, 7500));
			if (turn == 1)
				flow.payload = 9000;
			whole = tunnel_frame(&tunnel, turn, &flow);
			n = cut(&whole, turn == 1 ? 256 : each, turn, pieces);
			for (unsigned i = n - 1; turn > 1 && i; i--) { /* Fisher-Yates shuffle */
				unsigned k = (unsigned)rng_below(&rng, i + 1);
				struct frame swap = pieces[i];

				pieces[i] = pieces[k];
				pieces[k] = swap;
			}
			if (turn & 1) { /* in one burst, or one each */
				gw_send(gw, ENCRYPTED, pieces, n);
			} else {
				for (unsigned i = 0; i < n; i++)
					gw_send(gw, ENCRYPTED, &pieces[i], 1);
			}
			taken += n;
			assert_arrived(gw, &flow);
		}
		assert_int_equal(gw_drops_all(gw), 0);
		assert_int_equal(eg_counted(&gw->stats[0]->consumed), taken);
		assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_REASSEMBLED]), 200);
		assert_int_equal(gw->path[0]->reassembly.n, 0);
		gw_close(gw);
	}
}

/* What one gateway seals and fragments, the other reassembles. */
static void test_two_gateways(void **state)
{
	static struct frame frames[EG_BATCH_MAX];

	(void)state;
	for (unsigned way = 0; way < 8; way++) {
		struct gw_spec spec = {.site = 1, .outer = way & 1 ? 6 : 4, .encap = way & 2};
		struct gw *a = gw_open(spec), *b;

		spec.site = 2;
		b = gw_open(spec);
		gw_ready(a);
		gw_ready(b);
		a->path[0]->port[ENCRYPTED].mtu = way & 4 ? 576 : 1280;
		gw_tunnel(a, 0)->fragment_outer = true;
		for (unsigned len = 500; len < 9500; len += 397) {
			struct flow flow = {V4, .seed = len, .payload = (uint16_t)len};
			struct frame frame = plain_frame(CLEAR, &flow);

			gw_send(a, CLEAR, &frame, 1);
			gw_forward(a, b, frames);
			flow.ttl = 63;
			assert_arrived(b, &flow);
		}
		assert_int_equal(gw_drops_all(a) + gw_drops_all(b), 0);
		gw_close(a);
		gw_close(b);
	}
}

/* Fragments of one packet of 3,000 bytes or more, in order: from, to, more; and the result of the
 * last. */
static void test_hostile(void **state)
{
	static const struct {
		const char *what;
		struct {
			unsigned from, to;
			bool more;
		} piece[4];
		unsigned n;
		enum eg_verdict want; /* of the last */
		unsigned drops;       /* in total; held fragments are lost in the end */
	} rows[] = {
		{"a copy", {{0, 1000, 1}, {0, 1000, 1}}, 2, DUP, 2},
		{"a copy of the last", {{1000, 3000, 0}, {1000, 3000, 0}}, 2, DUP, 2},
		{"one byte less", {{0, 1000, 1}, {0, 992, 1}}, 2, OVER, 2},
		{"inside", {{0, 1000, 1}, {256, 512, 1}}, 2, OVER, 2},
		{"around", {{256, 512, 1}, {0, 1000, 1}}, 2, OVER, 2},
		{"across", {{0, 1000, 1}, {992, 2000, 1}}, 2, OVER, 2},
		{"the end into it", {{0, 1000, 1}, {992, 2001, 0}}, 2, OVER, 2},
		{"what comes behind it", {{0, 1000, 1}, {8, 1000, 1}, {1000, 3000, 0}}, 3, OVER, 3},
		{"a copy behind it", {{0, 1000, 1}, {8, 1000, 1}, {0, 1000, 1}}, 3, OVER, 3},
		{"two ends", {{1000, 2000, 0}, {2000, 2500, 0}}, 2, BAD, 2},
		{"behind the end", {{1000, 2000, 0}, {2000, 2256, 1}}, 2, BAD, 2},
		{"an end before others", {{1000, 2000, 1}, {256, 500, 0}}, 2, BAD, 2},
		{"too small", {{0, 248, 1}}, 1, BAD, 1},
		{"no multiple of 8", {{0, 1001, 1}}, 1, BAD, 1},
		{"nothing", {{1000, 1000, 0}}, 1, BAD, 1},
		{"beyond 64 KiB", {{65528, 65528 + 300, 0}}, 1, EG_DROP_FRAGMENT_OVERSIZE, 1},
	};
	static struct frame whole;

	(void)state;
	for (unsigned i = 0; i < 2 * COUNT(rows); i++) {
		unsigned row = i / 2;
		struct gw *gw = gw_open((struct gw_spec){.site = 1, .outer = i & 1 ? 6 : 4});
		struct tunnel tunnel = tunnel_to(gw);
		struct frame piece;

		gw_ready(gw);
		whole = tunnel_frame(&tunnel, 1, &inbound);
		for (unsigned k = 0; k < rows[row].n; k++) {
			unsigned from = rows[row].piece[k].from, to = rows[row].piece[k].to;
			uint64_t before = gw_drops(gw, rows[row].want);

			piece = piece_of(&whole, from & 2047, (from & 2047) + to - from,
					 rows[row].piece[k].more, 7);
			if (i & 1)
				eg_put16(piece.bytes + ETH + 42,
					 (uint16_t)(from | rows[row].piece[k].more));
			else
				eg_put16(piece.bytes + ETH + 6,
					 (uint16_t)(from / 8 |
						    (rows[row].piece[k].more ? 0x2000 : 0)));
			fix_checksum(piece.bytes + ETH);
			gw_send(gw, ENCRYPTED, &piece, 1);
			if (k == rows[row].n - 1 && gw_drops(gw, rows[row].want) == before)
				fail_msg("%s: not %s", rows[row].what,
					 eg_drop_name(rows[row].want));
		}
		eg_path_expire(gw->path[0], true);
		if (gw_drops_all(gw) != rows[row].drops)
			fail_msg("%s: %u drops", rows[row].what, (unsigned)gw_drops_all(gw));
		gw_close(gw);
	}
}

/* Incomplete packets time out; those within their time do not. */
static void test_timeout(void **state)
{
	static struct frame pieces[8];
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel tunnel = tunnel_to(gw);
	struct frame whole = tunnel_frame(&tunnel, 1, &inbound);
	struct eg_path *path = gw->path[0];
	struct eg_drop_record record;
	char text[EG_IP_TEXT];

	(void)state;
	gw_ready(gw);
	path->sample_cycles = 1;
	assert_int_equal(cut(&whole, 1024, 9, pieces), 3);
	gw_send(gw, ENCRYPTED, pieces, 2);
	path->reassembly.next_cycles = 0;
	eg_path_expire(path, false);
	assert_int_equal(path->reassembly.n, 1);
	assert_int_equal(bench_in_use(), 1); /* one buffer, whatever it holds */
	path->reassembly.entry[0].until_cycles = 1;
	for (unsigned i = 1; i < EG_REASSEMBLY_MAX; i++)
		assert_int_equal(path->reassembly.tag[i], 0);
	path->reassembly.next_cycles = 0;
	eg_path_expire(path, false);
	assert_int_equal(gw_drops(gw, EG_DROP_REASSEMBLY_TIMEOUT), 2);
	assert_int_equal(path->reassembly.n, 0);
	assert_true(eg_drop_ring_take(&gw->stats[0]->dropped, &record));
	assert_int_equal(record.reason, EG_DROP_REASSEMBLY_TIMEOUT);
	assert_int_equal(record.port, ENCRYPTED);
	assert_string_equal(eg_ip_print(&record.src, text), "192.0.2.2");
	assert_string_equal(eg_ip_print(&record.dst, text), "192.0.2.1");
	/* The rest alone is not enough; then everything arrives once more. */
	gw_send(gw, ENCRYPTED, pieces + 2, 1);
	assert_int_equal(gw_discard(gw, CLEAR), 0);
	gw_send(gw, ENCRYPTED, pieces, 2);
	assert_arrived(gw, &inbound);
	/* At the end nothing is held any more. */
	eg_path_expire(path, true);
	gw_expect(gw, ENCRYPTED, &pieces[0], EG_DROP_REASSEMBLY_TIMEOUT, "at the end");
	gw_close(gw);
}

/* A flood from one source only takes that source's share, and the table never overflows; the newest
 * packet can always be reassembled. */
static void test_flood(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct eg_path *path = gw->path[0];
	static struct frame pieces[8];
	struct tunnel tunnel = tunnel_to(gw);
	struct frame whole = tunnel_frame(&tunnel, 1, &inbound), piece;
	unsigned sent = 0;

	(void)state;
	for (unsigned peer = 0; peer < 8; peer++) {
		char address[16];

		snprintf(address, sizeof(address), "192.0.2.%u", 20 + peer);
		gw_peer(gw, "192.0.2.1", address);
	}
	gw_ready(gw);
	cut(&whole, 1024, 1, pieces);
	gw_send(gw, ENCRYPTED, pieces, 1);
	for (unsigned peer = 0; peer < 8; peer++) {
		for (unsigned id = 0; id < 100; id++, sent++) {
			piece = piece_of(&whole, 1024, 2048, true, id);
			piece.bytes[ETH + 15] = (uint8_t)(20 + peer);
			fix_checksum(piece.bytes + ETH);
			gw_send(gw, ENCRYPTED, &piece, 1);
			if (peer == 0) /* the other source's packet is still there */
				assert_int_equal(path->reassembly.n,
						 id < EG_REASSEMBLY_SOURCE_MAX
							 ? id + 2
							 : EG_REASSEMBLY_SOURCE_MAX + 1);
		}
		if (peer == 0) {
			gw_send(gw, ENCRYPTED, pieces + 1, 2);
			assert_arrived(gw, &inbound);
		}
		assert_int_equal(path->reassembly.n + gw_drops(gw, EG_DROP_REASSEMBLY_FULL), sent);
	}
	assert_int_equal(path->reassembly.n, EG_REASSEMBLY_MAX);
	assert_int_equal(bench_in_use(), EG_REASSEMBLY_MAX);
	whole = tunnel_frame(&tunnel, 2, &inbound);
	gw_send(gw, ENCRYPTED, pieces, cut(&whole, 512, 2, pieces));
	assert_arrived(gw, &inbound);
	assert_int_equal(path->reassembly.n, EG_REASSEMBLY_MAX - 1);
	gw_close(gw);
}

/* Whichever worker receives the fragments, one reassembles them. */
static void test_workers(void **state)
{
	static struct frame pieces[8];
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .workers = 2, .window = 1024});
	struct tunnel tunnel = tunnel_to(gw);
	uint64_t handed;
	unsigned here = 0;

	(void)state;
	gw_ready(gw);
	gw_sa_in(gw)->owner = 0;
	for (unsigned id = 1; id <= 20; id++) {
		struct frame whole = tunnel_frame(&tunnel, id, &inbound);
		unsigned n = cut(&whole, 1024, id, pieces);

		assert_int_equal(n, 3);
		handed = eg_counted(&gw->stats[0]->handed_over);
		gw_send(gw, ENCRYPTED, pieces, n);
		if (eg_counted(&gw->stats[0]->handed_over) == handed) {
			here++;
		} else { /* to the other's table, and the whole packet back to the SA's owner */
			assert_int_equal(eg_counted(&gw->stats[0]->handed_over) - handed, n);
			assert_int_equal(eg_path_receive_handoff(gw->path[1], gw->snap), n);
			assert_int_equal(gw->path[1]->reassembly.n, 0);
			assert_int_equal(eg_path_receive_handoff(gw->path[0], gw->snap), 1);
		}
		assert_arrived(gw, &inbound);
	}
	assert_in_range(here, 1, 19);
	assert_int_equal(gw_drops_all(gw), 0);
	gw_close(gw);
}

/* CE on one fragment marks the whole packet (RFC 3168 s5.3). */
static void test_congestion(void **state)
{
	static struct frame pieces[8];

	(void)state;
	for (unsigned outer = 4; outer <= 6; outer += 2) {
		struct gw *gw = gw_open((struct gw_spec){.site = 1, .outer = outer});
		struct tunnel tunnel = tunnel_to(gw);
		struct flow flow = inbound;
		struct frame whole, out;

		gw_ready(gw);
		flow.tos = 2; /* ECT(0) */
		tunnel.tos = 2;
		whole = tunnel_frame(&tunnel, 1, &flow);
		cut(&whole, 1024, 1, pieces);
		set_tos(pieces[1].bytes + ETH, 3);
		gw_send(gw, ENCRYPTED, pieces, 3);
		assert_int_equal(gw_sent(gw, CLEAR, &out, 1), 1);
		assert_int_equal(get_tos(out.bytes + ETH), 3);
		gw_close(gw);
	}
}

/* No buffer: the fragment is lost, and its later fragments find nothing. */
static void test_no_buffer(void **state)
{
	static struct rte_mbuf *held[8192];
	static struct frame pieces[8];
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel tunnel = tunnel_to(gw);
	struct frame whole = tunnel_frame(&tunnel, 1, &inbound);
	unsigned n = 0;

	(void)state;
	gw_ready(gw);
	cut(&whole, 1024, 1, pieces);
	while (rte_mempool_avail_count(bench_pool()) > 1)
		assert_non_null(held[n++] = rte_pktmbuf_alloc(bench_pool()));
	gw_expect(gw, ENCRYPTED, &pieces[0], EG_DROP_NO_BUFFER, "an empty pool");
	assert_int_equal(gw->path[0]->reassembly.n, 0);
	rte_pktmbuf_free_bulk(held, n);
	gw_close(gw);
}

/* Other headers before the fragment header cannot be a tunnel's; UDP to another port is reassembled
 * but stays plain; options stay in front. */
static void test_headers(void **state)
{
	static struct frame pieces[8];
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .outer = 6});
	struct tunnel tunnel = tunnel_to(gw);
	struct frame whole = tunnel_frame(&tunnel, 1, &inbound);
	uint8_t *p = pieces[0].bytes + ETH;

	(void)state;
	gw_ready(gw);
	pieces[0] = piece_of(&whole, 0, 1024, true, 1);
	memmove(p + 48, p + 40, pieces[0].n - ETH - 40u);
	memcpy(p + 40, (uint8_t[]){44, 0, 1, 4, 0, 0, 0, 0}, 8); /* destination options */
	p[6] = 60;
	eg_put16(p + 4, (uint16_t)(eg_get16(p + 4) + 8));
	pieces[0].n = (uint16_t)(pieces[0].n + 8);
	gw_expect(gw, ENCRYPTED, &pieces[0], EG_DROP_ESP_FRAGMENT, "destination options");
	gw_close(gw);

	gw = gw_open((struct gw_spec){.site = 1});
	gw_ready(gw);
	whole = plain_frame(ENCRYPTED, &(struct flow){.src = "192.0.2.2",
						      .dst = "192.0.2.1",
						      .proto = 17,
						      .payload = 2000});
	eg_put16(whole.bytes + ETH + 20, 500);
	eg_put16(whole.bytes + ETH + 22, 500);
	cut(&whole, 1024, 1, pieces);
	gw_send(gw, ENCRYPTED, pieces, 2);
	assert_int_equal(gw_drops(gw, EG_DROP_PLAIN_ON_ENCRYPTED), 1);
	assert_int_equal(gw_drops_all(gw), 1);
	gw_close(gw);
}

int run_reassembly_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),     cmocka_unit_test(test_two_gateways),
		cmocka_unit_test(test_hostile),    cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_flood),      cmocka_unit_test(test_workers),
		cmocka_unit_test(test_congestion), cmocka_unit_test(test_no_buffer),
		cmocka_unit_test(test_headers),
	};

	return cmocka_run_group_tests_name("path reassembly", tests, NULL, NULL);
}
