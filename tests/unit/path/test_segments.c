/* Multi-segment frames: however a frame is segmented, it is treated like the whole one;
 * inconsistent or oversized frames are dropped with a named reason, and every buffer is freed. */
#include "path/path_tests.h"

#include <rte_mempool.h>

/* Segment a frame: pieces of these sizes in turn, the last one gets the rest. 0 is a valid size. */
static struct rte_mbuf *cut(const struct frame *frame, const uint16_t *sizes, size_t n)
{
	struct rte_mbuf *head = NULL, **at = &head;
	unsigned done = 0, pieces = 0;

	for (size_t i = 0; done < frame->n || i < n; i++) {
		unsigned left = frame->n - done;
		unsigned size = i < n && sizes[i] < left ? sizes[i] : left;
		struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());

		assert_non_null(m);
		if (pieces++) /* drivers leave headroom in the first one only, or in all */
			m->data_off = pieces % 2 ? 0 : RTE_PKTMBUF_HEADROOM;
		memcpy(rte_pktmbuf_append(m, (uint16_t)size), frame->bytes + done, size);
		done += size;
		*at = m;
		at = &m->next;
	}
	head->nb_segs = (uint16_t)pieces;
	head->pkt_len = frame->n;
	return head;
}

/* clang-format off */
static const struct cut_case {
	const char *what;
	uint16_t sizes[40];
	size_t n;
} cuts[] = {
	{"in the middle", {60}, 1},
	{"in the Ethernet header", {6}, 1},
	{"behind the Ethernet header", {14}, 1},
	{"in the IP header", {14 + 9}, 1},
	{"the last byte alone", {0xffff, 0}, 2}, /* sizes[0] is set below */
	{"single bytes", {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 40},
	{"an empty one first", {0}, 1},
	{"empty ones all over", {0, 20, 0, 0, 30, 0}, 6},
	{"an empty one last", {0xffff, 0}, 2},
};
/* clang-format on */

static const struct flow flows[] = {
	{V4, .payload = 100},
	{.src = "fd00:1::5", .dst = "fd00:2::9", .payload = 1300},
	{V4, .payload = 9000, .seed = 5},
};

static void check_sealed(struct gw *gw, const struct flow *flow, struct rte_mbuf *m, uint64_t seq,
			 const char *what)
{
	struct frame whole = plain_frame(CLEAR, flow), left, inner;
	struct tunnel tunnel = tunnel_from(gw);
	const uint8_t *packet;
	size_t n;

	gw_send_mbuf(gw, CLEAR, m);
	if (gw_sent(gw, ENCRYPTED, &left, 1) != 1)
		fail_msg("cut %s: did not leave", what);
	inner = open_frame(&tunnel, &left, seq);
	packet = frame_packet(&whole, &n);
	age((uint8_t *)(uintptr_t)packet, 1);
	assert_int_equal(inner.n, n);
	assert_memory_equal(inner.bytes, packet, n);
}

static void check_opened(struct gw *gw, const struct flow *flow, const uint16_t *sizes, size_t n,
			 uint64_t seq)
{
	struct flow back = *flow;
	struct tunnel tunnel = tunnel_to(gw);
	struct frame sealed, whole, left;

	back.src = flow->dst;
	back.dst = flow->src;
	sealed = tunnel_frame(&tunnel, 2 * seq, &back);
	gw_send(gw, ENCRYPTED, &sealed, 1);
	assert_int_equal(gw_sent(gw, CLEAR, &whole, 1), 1);
	sealed = tunnel_frame(&tunnel, 2 * seq + 1, &back);
	gw_send_mbuf(gw, ENCRYPTED, cut(&sealed, sizes, n));
	assert_int_equal(gw_sent(gw, CLEAR, &left, 1), 1);
	assert_int_equal(left.n, whole.n);
	assert_memory_equal(left.bytes, whole.bytes, whole.n);
}

static void test_cuts(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	uint64_t seq = 0;

	(void)state;
	gw_ready(gw);
	for (size_t f = 0; f < COUNT(flows); f++) {
		struct frame whole = plain_frame(CLEAR, &flows[f]);

		for (size_t c = 0; c < COUNT(cuts); c++) {
			uint16_t sizes[40];

			memcpy(sizes, cuts[c].sizes, sizeof(sizes));
			if (sizes[0] == 0xffff) /* "the last byte alone" has one left for it */
				sizes[0] = (uint16_t)(whole.n - (c == 4));
			check_sealed(gw, &flows[f], cut(&whole, sizes, cuts[c].n), ++seq,
				     cuts[c].what);
			check_opened(gw, &flows[f], sizes, cuts[c].n, seq);
		}
	}
	assert_int_equal(gw_drops_all(gw), 0);
	assert_int_equal(eg_counted(&gw->stats[0]->gathered), 2 * seq);
	gw_close(gw);
}

/* Whole frames mixed with segmented ones: all leave, in order. */
static void test_mixed(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel tunnel = tunnel_from(gw);
	struct rte_mbuf *burst[8];
	static struct frame left[8];

	(void)state;
	gw_ready(gw);
	for (unsigned i = 0; i < 8; i++) {
		struct frame frame =
			plain_frame(CLEAR, &(struct flow){V4, .payload = 80, .seed = i});

		burst[i] = cut(&frame, (const uint16_t[]){30}, i % 3 == 0);
		gw_inject(gw, CLEAR, burst[i]);
	}
	gw_receive(gw, CLEAR, 8);
	assert_int_equal(gw_sent(gw, ENCRYPTED, left, 8), 8);
	for (unsigned i = 0; i < 8; i++) {
		struct frame inner = open_frame(&tunnel, &left[i], i + 1);

		assert_int_equal(inner.bytes[5], i); /* IPv4 identification */
	}
	assert_int_equal(eg_counted(&gw->stats[0]->gathered), 3);
	gw_close(gw);
}

/* A driver that reports wrong lengths or counts. */
static void test_lies(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct frame frame = plain_frame(CLEAR, &(struct flow){V4, .payload = 200});
	unsigned lies;

	(void)state;
	gw_ready(gw);
	for (lies = 0; lies < 7; lies++) {
		struct rte_mbuf *m = cut(&frame, (const uint16_t[]){40, 60}, 2);

		switch (lies) {
		case 0:
			m->pkt_len++;
			break;
		case 1:
			m->pkt_len--;
			break;
		case 2:
			m->nb_segs++;
			break;
		case 3:
			m->nb_segs--;
			break;
		case 4:
			m->pkt_len = UINT32_MAX;
			break;
		case 5:
			m->next->data_len = UINT16_MAX;
			m->pkt_len = (uint32_t)(40 + UINT16_MAX + (frame.n - 100));
			break;
		case 6:
			m->next->data_off = (uint16_t)(m->buf_len - 59);
			break;
		}
		gw_send_mbuf(gw, CLEAR, m);
		assert_int_equal(gw_drops(gw, EG_DROP_MULTI_SEGMENT), lies + 1);
	}
	assert_int_equal(gw_drops_all(gw), lies);
	assert_int_equal(eg_counted(&gw->stats[0]->gathered), 0);
	gw_close(gw);
}

/* The longest packet that fits into one buffer with its overhead, and one byte more. */
static void test_longest(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	unsigned most = rte_pktmbuf_data_room_size(bench_pool()) - RTE_PKTMBUF_HEADROOM - 64u;

	(void)state;
	gw_ready(gw);
	for (unsigned more = 0; more < 2; more++) {
		struct rte_mbuf *head = rte_pktmbuf_alloc(bench_pool());
		struct rte_mbuf *tail = rte_pktmbuf_alloc(bench_pool());

		memset(rte_pktmbuf_append(head, 5000), 0, 5000);
		memset(rte_pktmbuf_append(tail, (uint16_t)(most + more - 5000)), 0,
		       most + more - 5000);
		assert_int_equal(rte_pktmbuf_chain(head, tail), 0);
		gw_send_mbuf(gw, CLEAR, head);
		assert_int_equal(gw_drops(gw, EG_DROP_MULTI_SEGMENT), more);
		assert_int_equal(gw_drops_all(gw), 1 + more); /* zeros are not IP */
	}
	gw_close(gw);
}

/* No buffers left: the frame is dropped with a named reason, and the next one succeeds. */
static void test_no_buffer(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct frame frame = plain_frame(CLEAR, &(struct flow){V4, .payload = 200});
	struct rte_mbuf *m, *taken[4096];
	unsigned n = 0;

	(void)state;
	gw_ready(gw);
	m = cut(&frame, (const uint16_t[]){40}, 1);
	while (n < COUNT(taken) && (taken[n] = rte_pktmbuf_alloc(bench_pool())))
		n++;
	gw_send_mbuf(gw, CLEAR, m);
	assert_int_equal(gw_drops(gw, EG_DROP_NO_BUFFER), 1);
	rte_pktmbuf_free_bulk(taken, n);
	gw_send_mbuf(gw, CLEAR, cut(&frame, (const uint16_t[]){40}, 1));
	assert_int_equal(gw_drops_all(gw), 1);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 1);
	gw_close(gw);
}

/* Ports with their own buffer size: a frame that fills a buffer needs tailroom. */
static void test_brim(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel tunnel = tunnel_from(gw);
	struct frame frame = plain_frame(CLEAR, &(struct flow){V4, .payload = 1200});
	struct frame left;

	(void)state;
	gw_ready(gw);
	gw->path[0]->port[CLEAR].small_buffers = true;
	for (unsigned room = 0; room <= 64; room += 16) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());

		m->data_off = (uint16_t)(m->buf_len - room - frame.n);
		memcpy(rte_pktmbuf_append(m, frame.n), frame.bytes, frame.n);
		gw_send_mbuf(gw, CLEAR, m);
		assert_int_equal(gw_sent(gw, ENCRYPTED, &left, 1), 1);
		assert_int_equal(open_frame(&tunnel, &left, 1 + room / 16).n, 1220);
	}
	assert_int_equal(eg_counted(&gw->stats[0]->gathered), 4);
	gw_close(gw);
}

int run_segment_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts),      cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_lies),      cmocka_unit_test(test_longest),
		cmocka_unit_test(test_no_buffer), cmocka_unit_test(test_brim),
	};

	return cmocka_run_group_tests_name("path segments", tests, NULL, NULL);
}
