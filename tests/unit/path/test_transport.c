/* Transport mode (RFC 4303 s3.1.1): packets between the two ends themselves, IPv4 with options and
 * IPv6 with every extension header in its place, bare and in UDP; and what it cannot carry.
 *
 *	192.0.2.1 ---- CLEAR [gw 1] ENCRYPTED ==== ENCRYPTED [gw 2] CLEAR ---- 192.0.2.2
 */
#include "path/ends.h"

#include "common/hex.h"
#include "common/peer.h"
#include "net/bytes.h"

#define ETH 14

/* A packet from end 1 to end 2: headers in front of ESP, and after it. */
static const struct shape {
	const char *what;
	unsigned version;
	uint8_t first;       /* protocol, or next header of the fixed header */
	const char *front;   /* options or extension headers that stay in front */
	const char *behind;  /* extension headers that are sealed */
	uint8_t sealed_next; /* the trailer's */
	unsigned next_at;    /* where in the packet its first form says that */
} shapes[] = {
	{"IPv4, GRE", 4, 47, "", "", 47, 9},
	{"IPv4, IP in IP", 4, 4, "", "", 4, 9},
	{"IPv4 with options, GRE", 4, 47, "01010101 01010100", "", 47, 9},
	{"IPv6, GRE", 6, 47, "", "", 47, 6},
	{"IPv6, nothing behind", 6, 59, "", "", 59, 6},
	{"hop-by-hop", 6, 0, "2f00 0104 00000000", "", 47, 40},
	{"destination options, last: sealed", 6, 60, "", "2f00 0104 00000000", 60, 6},
	{"hop-by-hop, destination options last", 6, 0, "3c00 0104 00000000", "2f00 0104 00000000",
	 60, 40},
	{"routing of 24 bytes", 6, 43, "2f02 0400 00000000 00000000 00000000 00000000 00000000", "",
	 47, 40},
	{"destination options, routing", 6, 60, "2b00 0104 00000000 2f00 0400 00000000", "", 47,
	 48},
	{"hop-by-hop, destination options, routing, atomic fragment, destination options", 6, 0,
	 "3c00 0104 00000000 2b00 0104 00000000 2c00 0400 00000000 3c00 0000 12345678",
	 "2f00 0104 00000000", 60, 64},
	{"AH is sealed", 6, 51, "", "2f04 0000 00000100 00000001 00000000 00000000 00000000", 51,
	 6},
};

/* The shape with n bytes of payload. *head: bytes in front of ESP. */
static struct frame make(const struct shape *shape, unsigned port, unsigned n, unsigned *head)
{
	uint8_t bytes[128];
	size_t front = hex_bytes(shape->front, bytes, 64), behind;
	struct flow flow = {.src = "192.0.2.1", .dst = "192.0.2.2", .df = true, .tos = 0xb9};
	struct frame frame;
	uint8_t *p;

	behind = hex_bytes(shape->behind, bytes + front, 64);
	if (shape->version == 6) {
		flow.src = "2001:db8::1";
		flow.dst = "2001:db8::2";
	}
	flow.proto = shape->first ? shape->first : 1;
	flow.seed = n;
	flow.payload = (uint16_t)(front + behind + n);
	frame = plain_frame(port, &flow);
	p = frame.bytes + ETH;
	if (shape->version == 4) {
		p[0] = (uint8_t)(0x45 + front / 4);
	} else {
		p[6] = shape->first;
	}
	memcpy(p + (shape->version == 4 ? 20 : 40), bytes, front + behind);
	fix_checksum(p);
	*head = (unsigned)((shape->version == 4 ? 20 : 40) + front);
	return frame;
}

/* The ESP packet, opened by OpenSSL, is laid out as in RFC 4303 s3.1.1 for `plain` (TTL
 * decremented). */
static void check_wire(const struct shape *shape, const struct frame *plain, unsigned head,
		       const struct frame *wire, struct tunnel *t, uint64_t seq)
{
	struct frame copy = *wire;
	uint8_t want[256], *p = copy.bytes + ETH, *esp, aad[12];
	unsigned udp = t->sport ? 8 : 0, text_len, n = plain->n - ETH - head;
	struct eg_crypto_op op;

	memcpy(want, plain->bytes + ETH, head);
	want[shape->next_at] = udp ? 17 : 50;
	eg_put16(want + (shape->version == 4 ? 2 : 4),
		 (uint16_t)(wire->n - ETH - (shape->version == 4 ? 0 : 40)));
	age(want, 1);
	assert_memory_equal(p, want, head);
	esp = p + head + udp;
	if (udp) {
		assert_int_equal(eg_get16(p + head), 4500);
		assert_int_equal(eg_get16(p + head + 2), 4500);
		assert_int_equal(eg_get16(p + head + 4), wire->n - ETH - head);
		assert_true(!eg_get16(p + head + 6) == (shape->version == 4));
	}
	text_len = (unsigned)(copy.bytes + copy.n - esp) - 8 - t->suite->iv_bytes -
		   t->suite->icv_bytes;
	assert_int_equal(eg_get32(esp), t->spi);
	eg_put32(aad, t->spi);
	if (t->esn)
		eg_put64(aad + 4, seq);
	else
		eg_put32(aad + 4, (uint32_t)seq);
	op = (struct eg_crypto_op){.text = esp + 8 + t->suite->iv_bytes,
				   .aad = aad,
				   .iv = esp + 8,
				   .icv = copy.bytes + copy.n - t->suite->icv_bytes,
				   .text_len = text_len,
				   .aad_len = t->esn ? 12 : 8};
	assert_true(peer_open(t->suite, t->material, &op));
	assert_memory_equal(op.text, plain->bytes + ETH + head, n);
	assert_int_equal(op.text[text_len - 1], shape->sealed_next);
	assert_int_equal(op.text[text_len - 2] + n + 2, text_len);
}

static void both_ends(const struct eg_suite *suite, unsigned outer, bool esn, bool encap)
{
	struct ends ends = ends_open((struct gw_spec){
		.outer = outer, .suite = suite, .esn = esn, .encap = encap, .transport = true});

	for (unsigned s = 0; s < COUNT(shapes); s++) {
		if (shapes[s].version != outer)
			continue;
		for (unsigned n = 0; n < 20; n++) {
			unsigned head;
			struct frame in = make(&shapes[s], CLEAR, n, &head), wire, out;

			/* Next header 59 marks a dummy packet; they are indistinguishable. */
			if (shapes[s].sealed_next == 59) {
				gw_expect(ends.one, CLEAR, &in, EG_PASS, shapes[s].what);
				ends.seq++;
				continue;
			}
			gw_send(ends.one, CLEAR, &in, 1);
			if (gw_forward(ends.one, ends.two, &wire) != 1)
				fail_msg("%s was not sealed", shapes[s].what);
			check_wire(&shapes[s], &in, head, &wire, &ends.tunnel, ++ends.seq);
			if (gw_sent(ends.two, CLEAR, &out, 1) != 1)
				fail_msg("%s was not opened", shapes[s].what);
			age(in.bytes + ETH, 2);
			assert_int_equal(out.n, in.n);
			assert_memory_equal(out.bytes + ETH, in.bytes + ETH, in.n - ETH);
		}
	}
	assert_int_equal(atomic_load(&gw_sa_in(ends.two)->bytes),
			 eg_counted(&ends.one->stats[0]->port[CLEAR].rx_bytes) -
				 ETH * eg_counted(&ends.one->stats[0]->port[CLEAR].rx_packets) -
				 (outer == 6 ? 20 * 40 + 190 : 0)); /* except the dummies */
	ends_close(&ends);
}

static void test_both_ends(void **state)
{
	static const char *const suites[] = {"aes256gcm16", "aes128-sha256", "chacha20poly1305",
					     "aes128gmac", "null-sha512"};

	(void)state;
	for (unsigned i = 0; i < COUNT(suites); i++) {
		for (unsigned way = 0; way < 8; way++)
			both_ends(eg_suite_find(suites[i]), way & 1 ? 6 : 4, way & 2, way & 4);
	}
}

/* Packets that a transport SA must refuse (RFC 4301 s4.1, s5.2; RFC 4303 s3.3.4). */
static void test_refused(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .transport = true});
	struct tunnel tunnel = tunnel_to(gw);
	struct flow flow = {.src = "192.0.2.1", .dst = "192.0.2.2", .payload = 40};
	struct frame frame = plain_frame(CLEAR, &flow);
	uint8_t text[64] = {0};

	(void)state;
	gw_ready(gw);
	gw_expect(gw, CLEAR, &frame, EG_PASS, "from end to end");
	frame.bytes[ETH + 6] = 0x20;
	fix_checksum(frame.bytes + ETH);
	gw_expect(gw, CLEAR, &frame, EG_DROP_TRANSPORT_FRAGMENT, "first fragment");
	frame.bytes[ETH + 6] = 0;
	frame.bytes[ETH + 7] = 1;
	fix_checksum(frame.bytes + ETH);
	gw_expect(gw, CLEAR, &frame, EG_DROP_TRANSPORT_FRAGMENT, "later fragment");
	flow.src = "10.1.0.5";
	frame = plain_frame(CLEAR, &flow);
	gw_expect(gw, CLEAR, &frame, EG_DROP_TRANSPORT_ENDS, "from a pod to the remote end");
	flow.src = "192.0.2.2";
	flow.dst = "192.0.2.1";
	frame = plain_frame(CLEAR, &flow);
	gw_expect(gw, CLEAR, &frame, EG_DROP_PLAIN_FROM_PEER, "from the remote end, in clear");
	frame = plain_frame(ENCRYPTED, &flow);
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_PLAIN_ON_ENCRYPTED, "the same on the wire");

	/* Inbound: GRE, a dummy, padding, TFC padding that looks like payload. */
	memcpy(text + 60, (uint8_t[]){1, 2, 2, 47}, 4);
	frame = esp_frame(&tunnel, 1, text, 64);
	gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "GRE");
	text[63] = 59;
	frame = esp_frame(&tunnel, 2, text, 64);
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_DUMMY, "dummy");
	text[62] = 63;
	frame = esp_frame(&tunnel, 3, text, 64);
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_ESP_PADDING, "padding");
	memcpy(text, (uint8_t[]){1, 2, 2, 6}, 4);
	frame = esp_frame(&tunnel, 4, text, 4);
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_SHORT_L4, "TCP of 0 bytes");
	memcpy(text, (uint8_t[]){1, 2, 2, 47}, 4);
	frame = esp_frame(&tunnel, 5, text, 4);
	gw_expect(gw, ENCRYPTED, &frame, EG_PASS, "no payload");
	gw_close(gw);
}

/* The exact MTU: no outer header is added. */
static void test_mtu(void **state)
{
	(void)state;
	for (int encap = 0; encap < 2; encap++) {
		struct gw *gw =
			gw_open((struct gw_spec){.site = 1, .transport = true, .encap = encap});
		unsigned around = 20 + 8 * (unsigned)encap + 8 + 8 + 2 + 16;
		struct flow flow = {.src = "192.0.2.1", .dst = "192.0.2.2"};
		struct frame frame;

		gw_ready(gw);
		gw->path[0]->port[ENCRYPTED].mtu = 1500;
		flow.payload = (uint16_t)((1500 - around + 2) / 4 * 4 - 2);
		frame = plain_frame(CLEAR, &flow);
		gw_expect(gw, CLEAR, &frame, EG_PASS, "fits");
		flow.payload++;
		frame = plain_frame(CLEAR, &flow);
		gw_expect(gw, CLEAR, &frame, EG_DROP_TOO_BIG, "a byte more");
		gw_close(gw);
	}
}

/* Reassemble `in` from its sealed fragments: each fits, has the headers that routers read in front,
 * and one fragment header after them. */
static struct frame join(const struct frame *pieces, unsigned n, unsigned front)
{
	struct frame whole = {0};
	const uint8_t *first = pieces[0].bytes + ETH;
	unsigned at = 0, id = eg_get32(first + front + 4);

	memcpy(whole.bytes, pieces[0].bytes, ETH + front);
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *p = pieces[i].bytes + ETH;
		unsigned size = pieces[i].n - ETH - front - 8;

		assert_true(pieces[i].n - ETH <= 1280);
		assert_int_equal(eg_get16(p + 4), pieces[i].n - ETH - 40);
		assert_memory_equal(p + 6, first + 6, front - 6);
		assert_int_equal(p[front], 50);
		assert_int_equal(eg_get16(p + front + 2), at | (i < n - 1));
		assert_int_equal(eg_get32(p + front + 4), id);
		memcpy(whole.bytes + ETH + front + at, p + front + 8, size);
		at += size;
	}
	whole.n = (uint16_t)(ETH + front + at);
	eg_put16(whole.bytes + ETH + 4, (uint16_t)(front - 40 + at));
	return whole;
}

/* IPv6 packets of 1280 bytes pass however little the path leaves inside (RFC 8200 s5), and no
 * larger ones. An atomic fragment header is replaced by a real one. */
static void test_least(void **state)
{
	(void)state;
	for (unsigned s = 0; s < COUNT(shapes); s++) {
		bool atomic = strstr(shapes[s].what, "atomic");
		struct frame in, pieces[4], whole, out;
		unsigned head, headers, n;
		struct ends ends;

		if (shapes[s].version != 6 || shapes[s].sealed_next == 59)
			continue;
		in = make(&shapes[s], CLEAR, 0, &head);
		headers = in.n - ETH;
		ends = ends_open((struct gw_spec){.outer = 6, .transport = true});
		ends.one->path[0]->port[ENCRYPTED].mtu = 1280;
		in = make(&shapes[s], CLEAR, 1280 - headers, &head);
		gw_send(ends.one, CLEAR, &in, 1);
		n = gw_sent(ends.one, ENCRYPTED, pieces, 4);
		if (n != 2)
			fail_msg("%s: %u leave", shapes[s].what, n);
		whole = join(pieces, n, head - (atomic ? 8 : 0));
		n = atomic ? 56 : shapes[s].next_at; /* where a fragment header is announced */
		assert_int_equal(whole.bytes[ETH + n], 44);
		whole.bytes[ETH + n] = 50;
		whole.bytes[4] = 0; /* the far gateway's MAC */
		gw_send(ends.two, ENCRYPTED, &whole, 1);
		assert_int_equal(gw_sent(ends.two, CLEAR, &out, 1), 1);
		age(in.bytes + ETH, 2);
		assert_int_equal(out.n, in.n - (atomic ? 8 : 0));
		assert_memory_equal(out.bytes + out.n - (1280 - headers),
				    in.bytes + in.n - (1280 - headers), 1280 - headers);
		if (!atomic)
			assert_memory_equal(out.bytes + ETH, in.bytes + ETH, in.n - ETH);
		in = make(&shapes[s], CLEAR, 1281 - headers, &head);
		assert_int_equal(gw_drops_all(ends.one) + gw_drops_all(ends.two), 0);
		gw_expect(ends.one, CLEAR, &in, EG_DROP_TOO_BIG, "1281");
		gw_close(ends.one);
		gw_close(ends.two);
	}
}

int run_transport_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ends),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_least),
	};

	return cmocka_run_group_tests_name("path transport mode", tests, NULL, NULL);
}
