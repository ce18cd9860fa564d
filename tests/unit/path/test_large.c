/* Packets sealed whole by Linux: up to 65,535 bytes of ESP in fragments, whatever the ports' MTU.
 * They are opened and fragmented again for any narrower link; buffers for them are few. */
#include "path/path_tests.h"

#include <rte_ethdev.h>

#include "common/peer.h"
#include "common/random.h"
#include "net/bytes.h"
#include "path/fragment.h"

#define ETH    14
#define WIRE   1500
#define PIECES 256

/* A packet too long for a struct frame, with space for the longest suite's overhead. */
struct large {
	unsigned n;
	uint8_t bytes[UINT16_MAX + 200];
};

static struct frame pieces[PIECES];

/* An IPv4 packet of n bytes with `options` bytes of no-operation options. */
static void make_packet(struct large *packet, const char *src, const char *dst, unsigned proto,
			unsigned n, unsigned options)
{
	uint8_t *p = packet->bytes;
	struct eg_ip from, to;

	assert_int_equal(eg_ip_parse(src, &from) | eg_ip_parse(dst, &to), 0);
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 7 + i / 251);
	memset(p, 0, 20);
	memset(p + 20, 1, options);
	p[0] = (uint8_t)(0x45 + options / 4);
	eg_put16(p + 2, (uint16_t)n);
	eg_put16(p + 4, 4711);
	p[8] = 64;
	p[9] = (uint8_t)proto;
	memcpy(p + 12, from.bytes, 4);
	memcpy(p + 16, to.bytes, 4);
	fix_checksum(p);
	packet->n = n;
}

static struct eg_crypto_op op_of(const struct tunnel *t, uint8_t *esp, uint32_t text_len)
{
	return (struct eg_crypto_op){
		.text = esp + 8 + t->suite->iv_bytes,
		.text_len = text_len,
		.aad = esp,
		.aad_len = 8,
		.iv = esp + 8,
		.icv = esp + 8 + t->suite->iv_bytes + text_len,
	};
}

/* Sealed by OpenSSL, with `options` bytes of options in the outer header. */
static void seal(struct large *out, const struct tunnel *t, uint32_t seq, const struct large *inner,
		 unsigned options)
{
	unsigned udp = t->sport ? 8 : 0, iv = t->suite->iv_bytes, padding, text,
		 head = 20 + options;
	bool v6 = strchr(t->src, ':');
	struct eg_crypto_op op;
	uint8_t *esp;

	padding = -(inner->n + 2) & (t->suite->align_bytes - 1);
	text = inner->n + padding + 2;
	head = v6 ? 40 : head;
	out->n = head + udp + 8 + iv + text + t->suite->icv_bytes;
	if (v6) {
		struct eg_ip from, to;

		assert_int_equal(eg_ip_parse(t->src, &from) | eg_ip_parse(t->dst, &to), 0);
		memset(out->bytes, 0, 40);
		out->bytes[0] = 0x60;
		eg_put16(out->bytes + 4, (uint16_t)(out->n - 40));
		out->bytes[6] = udp ? 17 : 50;
		out->bytes[7] = 64;
		memcpy(out->bytes + 8, from.bytes, 16);
		memcpy(out->bytes + 24, to.bytes, 16);
	} else {
		make_packet(out, t->src, t->dst, udp ? 17 : 50, out->n, options);
	}
	esp = out->bytes + head;
	if (udp) {
		eg_put16(esp, t->sport);
		eg_put16(esp + 2, 4500);
		eg_put16(esp + 4, (uint16_t)(out->n - head));
		eg_put16(esp + 6, 0);
		esp += 8;
	}
	eg_put32(esp, t->spi);
	eg_put32(esp + 4, seq);
	for (unsigned i = 0; i < iv; i++)
		esp[8 + i] = (uint8_t)(seq * 13 + i);
	op = op_of(t, esp, text);
	memcpy(op.text, inner->bytes, inner->n);
	for (unsigned i = 0; i < padding; i++)
		op.text[inner->n + i] = (uint8_t)(i + 1);
	op.text[text - 2] = (uint8_t)padding;
	op.text[text - 1] = inner->bytes[0] >> 4 == 4 ? 4 : 41;
	peer_seal(t->suite, t->material, &op);
}

/* The inner packet, opened by OpenSSL. */
static void open_whole(struct large *out, const struct tunnel *t, struct large *whole)
{
	unsigned head = whole->bytes[0] >> 4 == 4 ? 20 : 40;
	unsigned around = 8u + t->suite->iv_bytes + t->suite->icv_bytes;
	struct eg_crypto_op op = op_of(t, whole->bytes + head, whole->n - head - around);

	assert_true(peer_open(t->suite, t->material, &op));
	out->n = op.text_len - 2 - op.text[op.text_len - 2];
	memcpy(out->bytes, op.text, out->n);
}

/* The whole packet in fragments for a wire of `mtu`. */
static unsigned cut(const struct large *whole, unsigned mtu, uint32_t id)
{
	const uint8_t *p = whole->bytes;
	bool v4 = p[0] >> 4 == 4;
	unsigned head = v4 ? (p[0] & 15u) * 4 : 40, added = v4 ? 0 : 8, n = 0;
	unsigned each = (mtu - head - added) & ~7u;

	for (unsigned at = head; at < whole->n; at += each, n++) {
		unsigned size = RTE_MIN(each, whole->n - at), more = at + size < whole->n;
		uint8_t *q;

		assert_true(n < PIECES);
		start_frame(&pieces[n], ENCRYPTED, v4 ? 4 : 6);
		q = pieces[n].bytes + ETH;
		memcpy(q, p, head);
		memcpy(q + head + added, p + at, size);
		pieces[n].n = (uint16_t)(ETH + head + added + size);
		if (v4) {
			eg_put16(q + 2, (uint16_t)(head + size));
			eg_put16(q + 4, (uint16_t)id);
			eg_put16(q + 6, (uint16_t)((at - head) / 8 | more << 13));
			fix_checksum(q);
		} else {
			eg_put16(q + 4, (uint16_t)(8 + size));
			memcpy(q + 40, (uint8_t[]){q[6], 0}, 2);
			q[6] = 44;
			eg_put16(q + 42, (uint16_t)((at - head) | more));
			eg_put32(q + 44, id);
		}
	}
	return n;
}

static void shuffle(struct rng *rng, unsigned n)
{
	for (unsigned i = n - 1; i; i--) {
		unsigned k = (unsigned)rng_below(rng, i + 1);
		struct frame swap = pieces[i];

		pieces[i] = pieces[k];
		pieces[k] = swap;
	}
}

static void send_all(struct gw *gw, unsigned n)
{
	for (unsigned at = 0; at < n; at += 32)
		gw_send(gw, ENCRYPTED, pieces + at, RTE_MIN(n - at, 32u));
}

/* Reassemble ordered fragments, each at most mtu bytes. */
static void join(struct large *whole, const struct frame *frames, unsigned n, unsigned skip,
		 unsigned mtu)
{
	bool v4 = frames[0].bytes[skip] >> 4 == 4;

	whole->n = 0;
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *p = frames[i].bytes + skip;
		unsigned head = v4 ? (p[0] & 15u) * 4 : 48, size = frames[i].n - skip - head;
		unsigned frag = eg_get16(p + (v4 ? 6 : 42)), more = v4 ? frag >> 13 : frag & 7;

		assert_true(head + size <= mtu);
		if (!i) {
			whole->n = v4 ? head : 40;
			memcpy(whole->bytes, p, whole->n);
		}
		head = v4 ? (whole->bytes[0] & 15u) * 4 : 40;
		assert_int_equal(v4 ? (frag & 0x1fff) * 8 : frag & 0xfff8, whole->n - head);
		assert_int_equal(more, i < n - 1);
		memcpy(whole->bytes + whole->n, p + frames[i].n - skip - size, size);
		whole->n += size;
		if (v4)
			assert_int_equal(naive_checksum(p, (p[0] & 15u) * 4), 0);
	}
	if (v4) {
		eg_put16(whole->bytes + 2, (uint16_t)whole->n);
		eg_put16(whole->bytes + 6, 0);
		fix_checksum(whole->bytes);
	}
}

static void assert_arrived(struct gw *gw, const struct large *inner, const char *what)
{
	static struct frame out[PIECES];
	static struct large want, got;
	unsigned n = gw_sent(gw, CLEAR, out, PIECES);

	if (!n)
		fail_msg("%s: nothing arrived", what);
	want = *inner;
	age(want.bytes, 1);
	join(&got, out, n, ETH, gw->path[0]->port[CLEAR].mtu);
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.bytes, want.bytes, want.n);
}

static void assert_no_large(void)
{
	assert_int_equal(rte_mempool_in_use_count(bench_large()), 0);
}

static struct gw *open_narrow(struct gw_spec spec)
{
	struct gw *gw;

	spec.site = 1;
	spec.window = 1024;
	gw = gw_open(spec);
	gw_ready(gw);
	gw->path[0]->port[CLEAR].mtu = WIRE;
	gw->path[0]->port[ENCRYPTED].mtu = WIRE;
	return gw;
}

/* Every suite opens 60,000 bytes, whatever surrounds the fragments and in any order. */
static void test_suites(void **state)
{
	static struct large inner, outer;
	struct rng rng = rng_start("large orders");

	(void)state;
	make_packet(&inner, "10.2.0.9", "10.1.0.5", 253, 60000, 0);
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
		struct gw *gw;
		struct tunnel tunnel;
		unsigned n;

		if (eg_suites[i].iv == EG_IV_SEQ) /* op_of() does not support implicit IVs */
			continue;
		gw = open_narrow((struct gw_spec){
			.suite = &eg_suites[i], .outer = i & 1 ? 6 : 4, .encap = i & 2});
		tunnel = tunnel_to(gw);
		seal(&outer, &tunnel, 1, &inner, 0);
		n = cut(&outer, WIRE, 7);
		assert_in_range(n, 41, 43);
		if (i % 3)
			shuffle(&rng, n);
		send_all(gw, n - 1);
		assert_int_equal(rte_mempool_in_use_count(bench_large()), 1);
		gw_send(gw, ENCRYPTED, pieces + n - 1, 1);
		assert_arrived(gw, &inner, eg_suites[i].name);
		assert_int_equal(gw_drops_all(gw), 0);
		assert_no_large();
		gw_close(gw);
	}
}

/* From what a normal buffer holds up to the longest IP packet. */
static void test_lengths(void **state)
{
	static struct large inner, outer;

	(void)state;
	for (unsigned way = 0; way < 8; way++) {
		unsigned options = way & 4 ? 40 : 0, head = way & 1 ? 40 : 20 + options, seq = 0;
		struct gw *gw =
			open_narrow((struct gw_spec){.outer = way & 1 ? 6 : 4, .encap = way & 2});
		struct tunnel tunnel = tunnel_to(gw);
		const unsigned around = head + (way & 2 ? 8 : 0) + 8 + 8 + 16;
		const unsigned lens[] = {9000,  10236, 10240, 10244, 10300,
					 10500, 20000, 65000, 65528, 65532};
		struct rng rng = rng_start("large lengths");

		if (way & 1 && options)
			options = 0;
		for (unsigned i = 0; i < COUNT(lens); i++) {
			unsigned n;

			make_packet(&inner, "10.2.0.9", "10.1.0.5", 253,
				    ((lens[i] - around) & ~3u) - 2, 0);
			seal(&outer, &tunnel, ++seq, &inner, options);
			assert_in_range(outer.n, lens[i] - 3, lens[i]);
			n = cut(&outer, way & 2 ? 576 : WIRE, i);
			if (i & 1)
				shuffle(&rng, n);
			send_all(gw, n);
			assert_arrived(gw, &inner, "length");
			assert_no_large();
		}
		assert_int_equal(gw_drops_all(gw), 0);
		/* IPv6's own limit is 40 bytes more, which no buffer holds. */
		if (way & 1) {
			make_packet(&inner, "10.2.0.9", "10.1.0.5", 253,
				    ((65535 + 8 - around) & ~3u) - 2, 0);
			seal(&outer, &tunnel, ++seq, &inner, 0);
			send_all(gw, cut(&outer, WIRE, 99));
			assert_int_equal(gw_drops(gw, EG_DROP_REASSEMBLY_SIZE), gw_drops_all(gw));
			assert_int_equal(gw_discard(gw, CLEAR), 0);
			assert_true(gw_drops_all(gw));
		}
		gw_close(gw);
	}
}

/* Packets that may not be fragmented again: the sender is told, and the buffer is released. */
static void test_too_big(void **state)
{
	static struct large inner, outer;
	struct gw *gw = open_narrow((struct gw_spec){.outer = 4});
	struct tunnel tunnel = tunnel_to(gw);

	(void)state;
	make_packet(&inner, "10.2.0.9", "10.1.0.5", 253, 60000, 0);
	inner.bytes[6] = 0x40;
	fix_checksum(inner.bytes);
	seal(&outer, &tunnel, 1, &inner, 0);
	send_all(gw, cut(&outer, WIRE, 1));
	assert_int_equal(gw_drops(gw, EG_DROP_TOO_BIG), 1);
	assert_no_large();
	/* A few bytes with much padding are no large packet any more (RFC 4303 s2.7). */
	make_packet(&inner, "10.2.0.9", "10.1.0.5", 253, 100, 0);
	inner.n = 30000;
	seal(&outer, &tunnel, 2, &inner, 0);
	send_all(gw, cut(&outer, WIRE, 2));
	assert_no_large(); /* although it has not left the device yet */
	inner.n = 100;
	assert_arrived(gw, &inner, "padding");
	/* Not authentic: nothing of it stays. */
	outer.bytes[40000] ^= 1;
	eg_put32(outer.bytes + 24, 3);
	send_all(gw, cut(&outer, WIRE, 3));
	outer.bytes[20000] ^= 1;
	send_all(gw, cut(&outer, WIRE, 4));
	assert_int_equal(gw_drops(gw, EG_DROP_ESP_AUTH), 2);
	assert_int_equal(gw_drops_all(gw), 3);
	/* More fragments than any link makes. */
	make_packet(&inner, "10.2.0.9", "10.1.0.5", 253, 60000, 0);
	seal(&outer, &tunnel, 5, &inner, 0);
	send_all(gw, cut(&outer, 276, 5));
	assert_true(gw_drops(gw, EG_DROP_REASSEMBLY_SIZE) > EG_REASSEMBLY_PARTS);
	assert_no_large();
	gw_close(gw);
}

/* On to another gateway: fragmented before it is sealed, also into more fragments than a batch has
 * slots; or sealed whole and fragmented afterwards. */
static void test_transit(void **state)
{
	static struct frame sent[PIECES], opened[PIECES];
	static struct large inner, outer, got, want;
	static const unsigned mtus[] = {1500, 1280, 700, 576};

	(void)state;
	for (unsigned way = 0; way < 2 * COUNT(mtus); way++) {
		struct gw *gw = open_narrow((struct gw_spec){.outer = 4});
		struct tunnel in = tunnel_to(gw), out = tunnel_from(gw);
		unsigned mtu = mtus[way / 2], n, max = way & 1 ? 65440 : 65400;

		gw->path[0]->port[ENCRYPTED].mtu = (uint16_t)mtu;
		gw_tunnel(gw, 0)->fragment_inner = !(way & 1);
		gw_tunnel(gw, 0)->fragment_outer = true;
		for (unsigned len = 20000; len <= max; len += (max - 20000) / 2) {
			make_packet(&inner, "10.2.0.9", "10.2.0.77", 253, len, len & 4 ? 0 : 8);
			seal(&outer, &in, len, &inner, 0);
			send_all(gw, cut(&outer, WIRE, len));
			n = gw_sent(gw, ENCRYPTED, sent, PIECES);
			if (n <= len / mtu)
				fail_msg("way %u, %u bytes: %u leave", way, len, n);
			want = inner;
			age(want.bytes, 1);
			if (way & 1) {
				join(&outer, sent, n, ETH, mtu);
				open_whole(&got, &out, &outer);
			} else {
				for (unsigned i = 0; i < n; i++) {
					uint32_t seq = eg_get32(sent[i].bytes + ETH + 24);

					opened[i] = open_frame(&out, &sent[i], seq);
				}
				join(&got, opened, n, 0, mtu);
			}
			assert_int_equal(got.n, want.n);
			assert_memory_equal(got.bytes, want.bytes, want.n);
			assert_no_large();
		}
		assert_int_equal(gw_drops_all(gw), 0);
		gw_close(gw);
	}
}

/* A packet that fills a normal buffer stays in a large one: sealing it again needs tailroom. */
static void test_no_tail(void **state)
{
	static struct frame sent[PIECES];
	static struct large inner, outer;
	const unsigned room = rte_pktmbuf_data_room_size(bench_pool()) - RTE_PKTMBUF_HEADROOM;
	const unsigned lens[] = {room - EG_TAILROOM, room - EG_TAILROOM + 1, room - 1, room,
				 room + 1};
	struct gw *gw = open_narrow((struct gw_spec){.outer = 4});
	struct tunnel in = tunnel_to(gw);

	(void)state;
	gw_tunnel(gw, 0)->fragment_inner = false;
	gw_tunnel(gw, 0)->fragment_outer = true;
	for (unsigned i = 0; i < COUNT(lens); i++) {
		make_packet(&inner, "10.2.0.9", "10.2.0.77", 253, lens[i], 0);
		seal(&outer, &in, i + 1, &inner, 0);
		send_all(gw, cut(&outer, WIRE, i));
		assert_true(gw_sent(gw, ENCRYPTED, sent, PIECES) > lens[i] / WIRE);
		assert_no_large();
	}
	assert_int_equal(gw_drops_all(gw), 0);
	/* Nor does a large buffer hold what would end beyond it. */
	make_packet(&inner, "10.2.0.9", "10.2.0.77", 253, 65478, 0);
	seal(&outer, &in, COUNT(lens) + 1, &inner, 0);
	send_all(gw, cut(&outer, WIRE, COUNT(lens)));
	assert_int_equal(gw_drops(gw, EG_DROP_NO_ROOM), 1);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 0);
	assert_no_large();
	gw_close(gw);
}

/* The search for an ESN's high half copies no text that does not fit into its buffer
 * (path/resync.h). */
static void test_resync(void **state)
{
	static struct large outer;
	struct gw *gw = open_narrow((struct gw_spec){.outer = 4, .esn = true});
	struct tunnel tunnel = tunnel_to(gw);
	struct eg_replay *replay = &gw_sa_in(gw)->replay;
	unsigned n = 0;

	(void)state;
	for (unsigned text = EG_RESYNC_BYTES - 24; text <= EG_RESYNC_BYTES + 8; text += 8, n++) {
		replay->failed = EG_RESYNC_AFTER;
		replay->tried = 0;
		make_packet(&outer, tunnel.src, tunnel.dst, 50, 20 + 8 + 8 + text + 16, 0);
		eg_put32(outer.bytes + 20, tunnel.spi);
		eg_put32(outer.bytes + 24, 1);
		send_all(gw, cut(&outer, WIRE, text));
		assert_int_equal(replay->failed, EG_RESYNC_AFTER + 1);
		assert_int_equal(replay->tried > 0, text + 16 <= EG_RESYNC_BYTES);
	}
	assert_int_equal(gw_drops(gw, EG_DROP_ESP_AUTH), n);
	assert_int_equal(gw_drops_all(gw), n);
	gw_close(gw);
}

/* Packets for the gateway itself: echo requests, and packets for its kernel. */
static void test_local(void **state)
{
	static struct frame sent[PIECES], opened[PIECES];
	static struct large inner, outer, got;
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel in = tunnel_to(gw), out = tunnel_from(gw);
	unsigned n;

	(void)state;
	gw_local(gw, CLEAR, "10.1.0.1/24");
	gw_kernel(gw, CLEAR, &(struct eg_allow){0});
	gw_ready(gw);
	gw->path[0]->port[ENCRYPTED].mtu = WIRE;
	gw->path[0]->port[CLEAR].kernel.mtu = WIRE;
	gw_tunnel(gw, 0)->fragment_inner = true;
	make_packet(&inner, "10.2.0.9", "10.1.0.1", 1, 60000, 0);
	memset(inner.bytes + 20, 0, 8);
	inner.bytes[20] = 8;
	eg_put16(inner.bytes + 22, naive_checksum(inner.bytes + 20, 60000 - 20));
	seal(&outer, &in, 1, &inner, 0);
	send_all(gw, cut(&outer, WIRE, 1));
	n = gw_sent(gw, ENCRYPTED, sent, PIECES);
	assert_true(n > 41);
	for (unsigned i = 0; i < n; i++)
		opened[i] = open_frame(&out, &sent[i], i + 1);
	join(&got, opened, n, 0, WIRE);
	assert_int_equal(got.n, 60000);
	assert_int_equal(got.bytes[20], 0);
	assert_int_equal(naive_checksum(got.bytes + 20, 60000 - 20), 0);

	make_packet(&inner, "10.2.0.9", "10.1.0.1", 253, 60000, 0);
	seal(&outer, &in, 2, &inner, 0);
	send_all(gw, cut(&outer, WIRE, 2));
	n = gw_to_kernel(gw, CLEAR, sent, PIECES);
	join(&got, sent, n, ETH, WIRE);
	age(inner.bytes, 0);
	assert_int_equal(got.n, inner.n);
	assert_memory_equal(got.bytes + 20, inner.bytes + 20, inner.n - 20);
	assert_int_equal(gw_drops_all(gw), 0);
	assert_no_large();
	gw_close(gw);
}

/* However many large packets begin, few hold a large buffer: a source its share, all together no
 * more than exist; the newest still gets through, and normal packets of others are not disturbed.
 */
static void test_flood(void **state)
{
	static struct large inner, outer;
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .window = 1024});
	struct tunnel tunnel = tunnel_to(gw);
	struct frame piece;
	unsigned n;

	(void)state;
	for (unsigned peer = 0; peer < 6; peer++) {
		char address[16];

		snprintf(address, sizeof(address), "192.0.2.%u", 20 + peer);
		gw_peer(gw, "192.0.2.1", address);
	}
	gw_ready(gw);
	gw->path[0]->port[CLEAR].mtu = WIRE;
	make_packet(&inner, "10.2.0.9", "10.1.0.5", 253, 60000, 0);
	seal(&outer, &tunnel, 1, &inner, 0);
	n = cut(&outer, WIRE, 1);
	piece = pieces[n - 2]; /* far beyond a normal buffer */
	for (unsigned peer = 0; peer < 6; peer++) {
		for (unsigned id = 0; id < 20; id++) {
			piece.bytes[ETH + 15] = (uint8_t)(20 + peer);
			eg_put16(piece.bytes + ETH + 4, (uint16_t)id);
			fix_checksum(piece.bytes + ETH);
			gw_send(gw, ENCRYPTED, &piece, 1);
			assert_true(rte_mempool_in_use_count(bench_large()) <=
				    RTE_MIN((peer + 1) * EG_REASSEMBLY_LARGE_SOURCE,
					    (unsigned)EG_REASSEMBLY_LARGE));
		}
	}
	assert_int_equal(rte_mempool_in_use_count(bench_large()), EG_REASSEMBLY_LARGE);
	assert_int_equal(gw_drops(gw, EG_DROP_REASSEMBLY_FULL), 120 - EG_REASSEMBLY_LARGE);
	assert_int_equal(gw->path[0]->reassembly.n, EG_REASSEMBLY_LARGE);
	send_all(gw, n);
	assert_arrived(gw, &inner, "behind the flood");
	gw_close(gw);
	assert_no_large();
}

/* A source at its share loses its own oldest packet, not another's, although that is older. */
static void test_evictable(void **state)
{
	static struct large inner, outer;
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .window = 1024});
	const struct eg_reassembly *table = &gw->path[0]->reassembly;
	struct tunnel tunnel = tunnel_to(gw);
	const unsigned others = EG_REASSEMBLY_LARGE_SOURCE + 4;
	struct frame piece, last;
	unsigned n;

	(void)state;
	gw_peer(gw, "192.0.2.1", "192.0.2.20");
	gw_ready(gw);
	gw->path[0]->port[CLEAR].mtu = WIRE;
	make_packet(&inner, "10.2.0.9", "10.1.0.5", 253, 60000, 0);
	seal(&outer, &tunnel, 1, &inner, 0);
	n = cut(&outer, WIRE, 99);
	piece = pieces[n - 2];
	last = pieces[n - 1];
	send_all(gw, n - 1);
	piece.bytes[ETH + 15] = 20;
	for (unsigned id = 0; id < others; id++) {
		eg_put16(piece.bytes + ETH + 4, (uint16_t)id);
		fix_checksum(piece.bytes + ETH);
		gw_send(gw, ENCRYPTED, &piece, 1);
	}
	assert_int_equal(table->n, 1 + EG_REASSEMBLY_LARGE_SOURCE);
	for (unsigned i = 0; i < EG_REASSEMBLY_MAX; i++) {
		if (table->tag[i]) /* the newest ones, and the packet from before */
			assert_in_range(table->entry[i].key.id, 4, 99);
	}
	gw_send(gw, ENCRYPTED, &last, 1);
	assert_arrived(gw, &inner, "older than the flood");
	gw_close(gw);
	assert_no_large();
}

/* No large buffer: that packet is dropped with a named reason, whichever piece arrives, and nothing
 * else. */
static void test_no_buffer(void **state)
{
	static struct rte_mbuf *held[EG_LARGE_BUFFERS];
	static struct large inner, outer;
	struct gw *gw = open_narrow((struct gw_spec){.outer = 4});
	struct tunnel tunnel = tunnel_to(gw);
	unsigned n;

	(void)state;
	assert_int_equal(rte_pktmbuf_alloc_bulk(bench_large(), held, EG_LARGE_BUFFERS), 0);
	make_packet(&inner, "10.2.0.9", "10.1.0.5", 253, 60000, 0);
	seal(&outer, &tunnel, 1, &inner, 0);
	n = cut(&outer, WIRE, 1);
	gw_expect(gw, ENCRYPTED, &pieces[n - 1], EG_DROP_NO_BUFFER, "the last piece first");
	assert_int_equal(gw->path[0]->reassembly.n, 0);
	send_all(gw, n);
	assert_int_equal(gw_drops(gw, EG_DROP_NO_BUFFER),
			 1 + n); /* all that arrived, and will arrive */
	make_packet(&inner, "10.2.0.9", "10.1.0.5", 253, 3000, 0);
	seal(&outer, &tunnel, 2, &inner, 0);
	send_all(gw, cut(&outer, WIRE, 2));
	assert_arrived(gw, &inner, "a usual packet");
	rte_pktmbuf_free_bulk(held, EG_LARGE_BUFFERS);
	gw_close(gw);
}

/* The whole packet goes to the worker that owns the SA. */
static void test_workers(void **state)
{
	static struct large inner, outer;
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .workers = 2, .window = 1024});
	struct tunnel tunnel = tunnel_to(gw);
	unsigned there = 0;

	(void)state;
	gw_ready(gw);
	gw->path[0]->port[CLEAR].mtu = WIRE;
	gw->path[1]->port[CLEAR].mtu = WIRE;
	gw_sa_in(gw)->owner = 1;
	make_packet(&inner, "10.2.0.9", "10.1.0.5", 253, 60000, 0);
	for (unsigned id = 1; id <= 10; id++) {
		unsigned n;

		seal(&outer, &tunnel, id, &inner, 0);
		n = cut(&outer, WIRE, id);
		for (unsigned i = 0; i < n; i++) { /* one per burst: the ring is short */
			gw_send(gw, ENCRYPTED, &pieces[i], 1);
			there += eg_path_receive_handoff(gw->path[1], gw->snap);
		}
		assert_arrived(gw, &inner, "other worker");
		assert_no_large();
	}
	assert_in_range(there, 10, 10 * 42 - 1);
	assert_int_equal(gw_drops_all(gw), 0);
	gw_close(gw);
}

int run_large_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suites),    cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_too_big),   cmocka_unit_test(test_transit),
		cmocka_unit_test(test_local),     cmocka_unit_test(test_flood),
		cmocka_unit_test(test_evictable), cmocka_unit_test(test_no_tail),
		cmocka_unit_test(test_resync),    cmocka_unit_test(test_workers),
		cmocka_unit_test(test_no_buffer),
	};

	return cmocka_run_group_tests_name("path large packets", tests, NULL, NULL);
}
