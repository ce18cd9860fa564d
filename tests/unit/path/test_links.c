/* Link changes: packets for a port without a link are dropped before they use a sequence number;
 * its neighbours are forgotten, and local addresses are announced when the link is back. */
#include "path/path_tests.h"

static _Atomic uint32_t down;

static const struct flow to_pod = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 40};
static const struct flow to_peer = {V4, .payload = 40};

static struct gw *open_linked(void)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});

	gw_local(gw, CLEAR, "10.1.0.1/16");
	gw_local(gw, ENCRYPTED, "192.0.2.1/24");
	atomic_store(&down, 0);
	gw->path[0]->links_down = &down;
	gw_ready(gw);
	return gw;
}

static void send_inside(struct gw *gw, uint64_t seq, const struct flow *flow)
{
	struct tunnel tunnel = tunnel_to(gw);
	struct frame frame = tunnel_frame(&tunnel, seq, flow);

	gw_send(gw, ENCRYPTED, &frame, 1);
}

/* There is no other route: the pod is told, and no sequence number is used. */
static void test_encrypted_down(void **state)
{
	struct gw *gw = open_linked();
	struct frame frame = plain_frame(CLEAR, &to_peer), left;

	(void)state;
	atomic_store(&down, 1u << ENCRYPTED);
	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_drops(gw, EG_DROP_LINK_DOWN), 1);
	assert_int_equal(gw_drops_all(gw), 1);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 0);
	assert_int_equal(atomic_load(&gw_sa_out(gw)->seq), 0);
	assert_int_equal(eg_counted(&gw_sa_out(gw)->packets), 0);
	assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_UNREACHABLE]), 1);
	atomic_store(&down, 0);
	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_sent(gw, ENCRYPTED, &left, 1), 1);
	assert_int_equal(atomic_load(&gw_sa_out(gw)->seq), 1);
	gw_close(gw);
}

/* The other port is not affected. */
static void test_clear_down(void **state)
{
	struct gw *gw = open_linked();
	struct frame frame = plain_frame(CLEAR, &to_peer);
	uint64_t lost;

	(void)state;
	atomic_store(&down, 1u << CLEAR);
	send_inside(gw, 1, &to_pod);
	lost = gw_drops(gw, EG_DROP_LINK_DOWN);
	assert_int_equal(lost, 1);
	/* The far end is told through the tunnel. */
	assert_int_equal(gw_discard(gw, ENCRYPTED), 1);
	gw_send(gw, CLEAR, &frame, 1);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 1);
	assert_int_equal(gw_drops_all(gw), lost);
	assert_int_equal(gw_discard(gw, CLEAR), 0);
	gw_close(gw);
}

static void answer(struct gw *gw, uint64_t now_ms)
{
	struct eg_neigh_self pod = {.mac = {2, 0, 0, 0, 1, CLEAR}};
	struct eg_neigh_message question = {.has_mac = true, .mac = {2, 0, 0, 0, 0, CLEAR}};
	struct frame frame;

	assert_int_equal(eg_ip_parse("10.1.0.5", &pod.ip), 0);
	assert_int_equal(eg_ip_parse("10.1.0.1", &question.reply_to), 0);
	frame.n = (uint16_t)eg_neigh_answer(frame.bytes, &pod, &question);
	gw_send(gw, CLEAR, &frame, 1);
	gw_resolve(gw, now_ms);
}

/* A request for that address, or (news) an announcement of it. */
static bool is_arp_of(const struct frame *frame, const char *address, bool news)
{
	struct eg_neigh_message message;
	char text[EG_IP_TEXT];

	assert_true(eg_neigh_parse(frame->bytes, frame->n, &message));
	assert_int_equal(message.request, !news);
	return !strcmp(eg_ip_print(news ? &message.owner : &message.target, text), address);
}

static void test_neighbors(void **state)
{
	struct gw *gw = open_linked();
	struct frame frame[8];
	uint64_t seq = 1;

	(void)state;
	send_inside(gw, seq++, &to_pod);
	gw_resolve(gw, 1000);
	assert_int_equal(gw_discard(gw, CLEAR), 1);
	answer(gw, 1001);
	assert_int_equal(gw_discard(gw, CLEAR), 1);
	send_inside(gw, seq++, &to_pod);
	assert_int_equal(gw_discard(gw, CLEAR), 1);
	assert_int_equal(gw->resolver_shared.neighs->n_used, 1);

	atomic_store(&down, 1u << CLEAR);
	gw_resolve(gw, 1100);
	assert_int_equal(gw->resolver_shared.neighs->n_used, 0);
	assert_int_equal(gw_frames(gw, CLEAR, frame, 8), 0);
	assert_int_equal(gw_frames(gw, ENCRYPTED, frame, 8), 0);

	atomic_store(&down, 0);
	gw_resolve(gw, 1200); /* ours is announced there, and nowhere else; twice */
	assert_int_equal(gw_frames(gw, CLEAR, frame, 8), 1);
	assert_true(is_arp_of(&frame[0], "10.1.0.1", true));
	assert_int_equal(gw_frames(gw, ENCRYPTED, frame, 8), 0);
	gw_resolve(gw, 3199);
	assert_int_equal(gw_frames(gw, CLEAR, frame, 8), 0);
	gw_resolve(gw, 3200);
	assert_int_equal(gw_frames(gw, CLEAR, frame, 8), 1);
	gw_resolve(gw, 9000);
	assert_int_equal(gw_frames(gw, CLEAR, frame, 8), 0);

	send_inside(gw, seq++, &to_pod); /* and the pod is resolved again */
	gw_resolve(gw, 9001);
	assert_int_equal(gw_frames(gw, CLEAR, frame, 8), 1);
	assert_true(is_arp_of(&frame[0], "10.1.0.5", false));
	assert_int_equal(gw_drops_all(gw), 0);

	atomic_store(&down, 1u << CLEAR); /* waiting packets are dropped with link_down */
	gw_resolve(gw, 9100);
	assert_int_equal(gw_drops(gw, EG_DROP_LINK_DOWN), 1);
	assert_int_equal(gw_drops_all(gw), 1);
	gw_close(gw);
}

/* Packets queued by another worker when the link went down. */
static void test_ring(void **state)
{
	struct gw *gw = open_linked();
	struct rte_ring *ring = rte_ring_create("links", 8, SOCKET_ID_ANY, 0);
	struct frame frame = plain_frame(CLEAR, &to_peer);

	(void)state;
	assert_non_null(ring);
	gw->path[0]->port[ENCRYPTED].ring = ring;
	gw_send(gw, CLEAR, &frame, 1);
	gw_send(gw, CLEAR, &frame, 1);
	atomic_store(&down, 1u << ENCRYPTED);
	assert_int_equal(eg_path_transmit(gw->path[0], ENCRYPTED, ring, 0), 2);
	assert_int_equal(gw_drops(gw, EG_DROP_LINK_DOWN), 2);
	assert_int_equal(gw_drops_all(gw), 2);
	gw->path[0]->port[ENCRYPTED].ring = NULL;
	rte_ring_free(ring);
	gw_close(gw);
}

static void test_keepalive(void **state)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .encap = true});

	(void)state;
	atomic_store(&down, 1u << ENCRYPTED);
	gw->path[0]->links_down = &down;
	gw_ready(gw);
	assert_int_equal(eg_path_send_keepalives(gw->path[0], gw->snap), 0);
	atomic_store(&down, 0);
	gw->path[0]->keepalive.next_cycles = 0;
	assert_int_equal(eg_path_send_keepalives(gw->path[0], gw->snap), 1);
	gw_close(gw);
}

int run_link_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encrypted_down), cmocka_unit_test(test_clear_down),
		cmocka_unit_test(test_neighbors),      cmocka_unit_test(test_ring),
		cmocka_unit_test(test_keepalive),
	};

	return cmocka_run_group_tests_name("path links", tests, NULL, NULL);
}
