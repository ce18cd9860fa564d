/* IPv4 checksum offload: "good" is believed for the outermost header only; "bad" is verified in
 * software. */
#include "path/path_tests.h"

#include <rte_ethdev.h>

#include "net/bytes.h"

enum {
	NONE,
	GOOD = 1,
	BAD = 2,
	OUTER_BAD = 4,
};

static const struct offload_case {
	const char *what;
	unsigned says;
	bool wrong; /* the checksum in the header */
	enum eg_verdict want;
} cases[] = {
	{"nothing said, right", NONE, false, EG_PASS},
	{"nothing said, wrong", NONE, true, EG_DROP_BAD_IP_CHECKSUM},
	{"good, right", GOOD, false, EG_PASS},
	{"good, wrong", GOOD, true, EG_PASS},
	{"bad, right", BAD, false, EG_PASS},
	{"bad, wrong", BAD, true, EG_DROP_BAD_IP_CHECKSUM},
	{"none in the packet, wrong", GOOD | BAD, true, EG_DROP_BAD_IP_CHECKSUM},
	{"good inside, bad outside, wrong", GOOD | OUTER_BAD, true, EG_DROP_BAD_IP_CHECKSUM},
};

static uint64_t flags_of(unsigned says)
{
	return (says & GOOD ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : 0) |
	       (says & BAD ? RTE_MBUF_F_RX_IP_CKSUM_BAD : 0) |
	       (says & OUTER_BAD ? RTE_MBUF_F_RX_OUTER_IP_CKSUM_BAD : 0);
}

/* In one piece, or in two. */
static struct rte_mbuf *mbuf_of(const struct frame *frame, uint64_t flags, bool pieces)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());
	unsigned head = pieces ? 20 : frame->n;

	memcpy(rte_pktmbuf_append(m, (uint16_t)head), frame->bytes, head);
	if (pieces) {
		struct rte_mbuf *tail = rte_pktmbuf_alloc(bench_pool());

		memcpy(rte_pktmbuf_append(tail, (uint16_t)(frame->n - head)), frame->bytes + head,
		       frame->n - head);
		assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
	}
	m->ol_flags = flags;
	return m;
}

static void test_plain(void **state)
{
	struct gw *gw = open_crossing();
	struct frame frame = plain_frame(CLEAR, &(struct flow){V4, .payload = 40});

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		const struct offload_case *c = &cases[i / 2];
		struct frame sent = frame;
		uint64_t before = gw_drops_all(gw), named = c->want ? gw_drops(gw, c->want) : 0;

		if (c->wrong)
			sent.bytes[24] ^= 0x40;
		gw_send_mbuf(gw, CLEAR, mbuf_of(&sent, flags_of(c->says), i % 2));
		if (gw_drops_all(gw) - before != (c->want != EG_PASS) ||
		    (c->want && gw_drops(gw, c->want) != named + 1))
			fail_msg("%s", c->what);
		assert_int_equal(gw_discard(gw, ENCRYPTED), c->want == EG_PASS);
	}
	gw_close(gw);
}

/* The device saw the outer header: its result says nothing about the inner packet. */
static void test_inside(void **state)
{
	struct gw *gw = open_crossing();
	struct tunnel tunnel = tunnel_to(gw);
	struct frame inner = plain_frame(
		CLEAR, &(struct flow){.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 40});
	struct frame frame;
	size_t n;

	(void)state;
	frame_packet(&inner, &n);
	frame = tunnel_packet(&tunnel, 1, inner.bytes + 14, n);
	gw_send_mbuf(gw, ENCRYPTED, mbuf_of(&frame, RTE_MBUF_F_RX_IP_CKSUM_GOOD, false));
	assert_int_equal(gw_discard(gw, CLEAR), 1);
	inner.bytes[24] ^= 0x40;
	frame = tunnel_packet(&tunnel, 2, inner.bytes + 14, n);
	gw_send_mbuf(gw, ENCRYPTED, mbuf_of(&frame, RTE_MBUF_F_RX_IP_CKSUM_GOOD, false));
	assert_int_equal(gw_discard(gw, CLEAR), 0);
	assert_int_equal(gw_drops(gw, EG_DROP_BAD_IP_CHECKSUM), 1);
	assert_int_equal(gw_drops_all(gw), 1);
	gw_close(gw);
}

/* A TCP segment from a pod with a partial checksum: the pseudo-header's only. */
static struct frame partial_frame(void)
{
	struct frame frame = plain_frame(CLEAR, &(struct flow){V4, .proto = 6, .payload = 700});
	uint8_t *p = frame.bytes + 14, pseudo[12] = {0};

	memcpy(pseudo, p + 12, 8);
	pseudo[9] = 6;
	eg_put16(pseudo + 10, 700);
	p[20 + 13] = 0x10;
	eg_put16(p + 20 + 16, (uint16_t)~naive_checksum(pseudo, sizeof(pseudo)));
	return frame;
}

static uint16_t tcp_sum(const struct frame *inner)
{
	static uint8_t all[FRAME_MAX];

	memcpy(all, inner->bytes + 12, 8);
	eg_put16(all + 8, 6);
	eg_put16(all + 10, (uint16_t)(inner->n - 20));
	memcpy(all + 12, inner->bytes + 20, inner->n - 20u);
	return naive_checksum(all, inner->n - 8u);
}

/* Partial checksums are completed before sealing: if the receiving device reports them, or if it
 * cannot and the port is known to carry them; otherwise never. */
static void test_partial(void **state)
{
	static const struct {
		const char *what;
		uint64_t flags;
		bool port, partial, completed;
	} rows[] = {
		{"told", RTE_MBUF_F_RX_L4_CKSUM_NONE, false, true, true},
		{"told, on a port that cannot tell", RTE_MBUF_F_RX_L4_CKSUM_NONE, true, true, true},
		{"not told", 0, false, true, false},
		{"not told, on a port that cannot tell", 0, true, true, true},
		{"good", RTE_MBUF_F_RX_L4_CKSUM_GOOD, false, true, false},
		{"bad", RTE_MBUF_F_RX_L4_CKSUM_BAD, false, true, false},
		{"wrong, on a port that cannot tell", 0, true, false, false},
	};
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel tunnel = tunnel_from(gw);

	(void)state;
	gw_ready(gw);
	for (unsigned i = 0; i < 2 * COUNT(rows); i++) {
		struct frame frame = partial_frame(), sent, inner;
		unsigned row = i / 2;

		gw->path[0]->port[CLEAR].partial = rows[row].port;
		if (!rows[row].partial)
			frame.bytes[14 + 20 + 16] ^= 1;
		gw_send_mbuf(gw, CLEAR, mbuf_of(&frame, rows[row].flags, i & 1));
		assert_int_equal(gw_sent(gw, ENCRYPTED, &sent, 1), 1);
		inner = open_frame(&tunnel, &sent, i + 1);
		if (!tcp_sum(&inner) != rows[row].completed)
			fail_msg("%s", rows[row].what);
		age(frame.bytes + 14, 1);
		memcpy(frame.bytes + 14 + 36, inner.bytes + 36, rows[row].completed ? 2 : 0);
		assert_memory_equal(inner.bytes, frame.bytes + 14, inner.n);
	}
	gw_close(gw);
}

static unsigned freed;

static void free_external(void *memory, void *opaque)
{
	(void)opaque;
	free(memory);
	freed++;
}

/* A frame in a driver's external memory, as attached by mlx5 and virtio. */
static struct rte_mbuf *external_of(const struct frame *frame, uint64_t flags)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());
	uint16_t size = 2048;
	void *memory = malloc(size);
	struct rte_mbuf_ext_shared_info *shared;

	assert_non_null(memory);
	shared = rte_pktmbuf_ext_shinfo_init_helper(memory, &size, free_external, NULL);
	rte_pktmbuf_attach_extbuf(m, memory, rte_mem_virt2iova(memory), size, shared);
	m->data_off = RTE_PKTMBUF_HEADROOM;
	memcpy(rte_pktmbuf_append(m, frame->n), frame->bytes, frame->n);
	m->ol_flags |= flags;
	return m;
}

/* Receive flags must not become transmit requests; the attachment must stay, or the buffer would be
 * freed to the wrong pool. */
static void test_flags(void **state)
{
	static const uint64_t says = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD |
				     RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_RSS_HASH;
	struct frame plain = plain_frame(CLEAR, &(struct flow){V4, .payload = 40}), packets[2];
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel tunnel = tunnel_to(gw);
	static const unsigned to[] = {ENCRYPTED, CLEAR, 4};

	(void)state;
	gw_local(gw, CLEAR, "10.1.0.1/24");
	gw_kernel(gw, CLEAR, &(struct eg_allow){0});
	gw_ready(gw);
	packets[0] = plain;
	packets[1] = tunnel_frame(
		&tunnel, 1, &(struct flow){.src = "10.2.0.9", .dst = "10.1.1.5", .payload = 40});
	plain = plain_frame(CLEAR,
			    &(struct flow){.src = "10.1.0.5", .dst = "10.1.0.1", .payload = 40});
	for (unsigned i = 0; i < COUNT(to); i++) {
		struct rte_mbuf *m = external_of(i < 2 ? &packets[i] : &plain, says);

		freed = 0;
		gw_send_mbuf(gw, i == 1 ? ENCRYPTED : CLEAR, m);
		eg_path_kernels(gw->path[0], gw->snap, false);
		assert_int_equal(gw_drops_all(gw), 0);
		m = NULL;
		assert_int_equal(
			rte_eth_rx_burst(i < 2 ? gw->path[0]->port[to[i]].dpdk_id : 4, 0, &m, 1),
			1);
		assert_true(m->ol_flags == RTE_MBUF_F_EXTERNAL);
		assert_int_equal(freed, 0);
		rte_pktmbuf_free(m);
		assert_int_equal(freed, 1);
	}
	gw_close(gw);
}

int run_offload_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_partial),
	};

	return cmocka_run_group_tests_name("path offloads", tests, NULL, NULL);
}
