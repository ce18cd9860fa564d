/* Two workers on one gateway: packets for another worker's SA, and frames for another worker's
 * transmit queue, are handed over in rings; full rings drop with a named reason. Worker 0 receives;
 * the test runs worker 1. */
#include "path/path_tests.h"

#define RING_ROOM 3 /* of the harness's rings of 4 */

static struct flow inbound = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 64};

/* Site 1 with two workers; worker `owner` has the inbound SA. */
static struct gw *open_owned(unsigned owner)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .workers = 2});

	gw_ready(gw);
	gw_sa_in(gw)->owner = (uint16_t)owner;
	return gw;
}

static void make_frames(struct gw *gw, struct frame *frames, unsigned n, uint64_t seq)
{
	struct tunnel tunnel = tunnel_to(gw);

	for (unsigned i = 0; i < n; i++)
		frames[i] = tunnel_frame(&tunnel, seq + i, &inbound);
}

static void test_handed_over(void **state)
{
	struct gw *gw = open_owned(1);
	struct frame frames[RING_ROOM];
	struct eg_drop_record record;

	(void)state;
	make_frames(gw, frames, RING_ROOM, 1);
	gw_send(gw, ENCRYPTED, frames, RING_ROOM);
	assert_int_equal(eg_counted(&gw->stats[0]->handed_over), RING_ROOM);
	assert_int_equal(bench_in_use(), RING_ROOM);
	assert_int_equal(gw_discard(gw, CLEAR), 0);
	assert_int_equal(gw_sa_in(gw)->replay.top, 0); /* not its owner: untouched */
	assert_int_equal(eg_path_receive_handoff(gw->path[1], gw->snap), RING_ROOM);
	assert_int_equal(eg_path_receive_handoff(gw->path[1], gw->snap), 0);
	assert_int_equal(gw_sent(gw, CLEAR, frames, RING_ROOM), RING_ROOM);
	for (unsigned i = 0; i < RING_ROOM; i++) {
		struct frame want = {0};

		add_packet(&want, &inbound);
		age(want.bytes, 1);
		assert_int_equal(frames[i].n - 14, want.n);
		assert_memory_equal(frames[i].bytes + 14, want.bytes, want.n);
	}
	assert_int_equal(gw_sa_in(gw)->replay.top, RING_ROOM);
	assert_int_equal(eg_counted(&gw->stats[1]->port[CLEAR].tx_packets), RING_ROOM);
	assert_int_equal(gw_drops_all(gw), 0);

	/* The owner checks the window: copies are found there, and reported with their ingress
	 * port. */
	gw->path[1]->sample_cycles = 1;
	make_frames(gw, frames, 1, 1);
	gw_send(gw, ENCRYPTED, frames, 1);
	assert_int_equal(eg_path_receive_handoff(gw->path[1], gw->snap), 1);
	assert_int_equal(gw_drops(gw, EG_DROP_ESP_REPLAY_SEEN), 1);
	assert_true(eg_drop_ring_take(&gw->stats[1]->dropped, &record));
	assert_int_equal(record.port, ENCRYPTED);
	gw_close(gw);
}

static void test_own(void **state)
{
	struct gw *gw = open_owned(0);
	struct frame frames[RING_ROOM];

	(void)state;
	make_frames(gw, frames, RING_ROOM, 1);
	gw_send(gw, ENCRYPTED, frames, RING_ROOM);
	assert_int_equal(eg_counted(&gw->stats[0]->handed_over), 0);
	assert_int_equal(gw_discard(gw, CLEAR), RING_ROOM);
	gw_close(gw);
}

static void test_handoff_full(void **state)
{
	struct gw *gw = open_owned(1);
	struct frame frames[RING_ROOM + 2];

	(void)state;
	make_frames(gw, frames, RING_ROOM + 2, 1);
	gw_send(gw, ENCRYPTED, frames, RING_ROOM + 2);
	assert_int_equal(gw_drops(gw, EG_DROP_HANDOFF_FULL), 2);
	assert_int_equal(eg_path_receive_handoff(gw->path[1], gw->snap), RING_ROOM);
	assert_int_equal(gw_discard(gw, CLEAR), RING_ROOM);
	gw_close(gw);
}

/* The snapshot was removed between the two workers. */
static void test_handed_over_closed(void **state)
{
	struct gw *gw = open_owned(1);
	struct frame frames[2];

	(void)state;
	make_frames(gw, frames, 2, 1);
	gw_send(gw, ENCRYPTED, frames, 2);
	assert_int_equal(eg_path_receive_handoff(gw->path[1], NULL), 2);
	assert_int_equal(gw_drops(gw, EG_DROP_NO_SNAPSHOT), 2);
	gw_close(gw);
}

/* Worker 0 has no transmit queue on CLEAR: it puts frames into the ring of worker 1, which has one.
 */
static void test_tx_ring(void **state)
{
	struct gw *gw = open_owned(0);
	struct frame frames[RING_ROOM + 2];
	struct rte_ring *ring = rte_ring_create("tx", 4, SOCKET_ID_ANY, RING_F_SC_DEQ);

	(void)state;
	assert_non_null(ring);
	gw->path[0]->port[CLEAR].ring = ring;
	make_frames(gw, frames, RING_ROOM + 2, 1);
	gw_send(gw, ENCRYPTED, frames, RING_ROOM + 2);
	assert_int_equal(gw_drops(gw, EG_DROP_TX_RING_FULL), 2);
	assert_int_equal(gw_discard(gw, CLEAR), 0);
	assert_int_equal(eg_path_transmit(gw->path[1], CLEAR, ring, 0), RING_ROOM);
	assert_int_equal(eg_path_transmit(gw->path[1], CLEAR, ring, 0), 0);
	assert_int_equal(gw_sent(gw, CLEAR, frames, RING_ROOM + 2), RING_ROOM);
	assert_int_equal(eg_counted(&gw->stats[0]->port[CLEAR].tx_packets), 0);
	assert_int_equal(eg_counted(&gw->stats[1]->port[CLEAR].tx_packets), RING_ROOM);
	rte_ring_free(ring);
	gw_close(gw);
}

/* Rings whose packets must not wait for the next regular poll. */
static void test_has_work_rings(void **state)
{
	struct gw *gw = open_owned(0);
	struct rte_ring *rings[] = {gw->resolver_shared.messages, gw->resolver_shared.packets};

	(void)state;
	assert_false(eg_path_has_work(gw->path[0]));
	for (unsigned i = 0; i < COUNT(rings); i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());

		assert_non_null(m);
		eg_count(&gw->stats[0]->port[CLEAR].rx_packets, 1); /* as if received */
		assert_int_equal(rte_ring_mp_enqueue(rings[i], m), 0);
		assert_true(eg_path_has_work(gw->path[0]));
		assert_false(eg_path_has_work(gw->path[1])); /* it does not resolve */
		assert_int_equal(eg_path_resolve(gw->path[0], NULL, 1, false), 1);
		assert_false(eg_path_has_work(gw->path[0]));
	}
	gw_close(gw);
}

/* More tunnels than one poll checks: there is work until the last one was checked, and none if all
 * are removed before. */
static void test_has_work_tunnels(void **state)
{
	enum {
		PEERS = 20
	};

	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		bool probes = way & 1, removed = way & 2;
		struct gw *gw = gw_open((struct gw_spec){.site = 1, .bare = true});

		gw->spec.encap = !probes;
		for (unsigned i = 0; i < PEERS; i++) {
			char remote[32];
			unsigned id;

			snprintf(remote, sizeof(remote), "192.0.2.%u", 100 + i);
			id = gw_peer(gw, "192.0.2.1", remote);
			if (probes)
				gw_liveness(gw, id, "10.1.0.1", "10.2.0.1");
		}
		gw_ready(gw);
		assert_false(eg_path_has_work(gw->path[0]));
		eg_path_send_keepalives(gw->path[0], gw->snap);
		eg_path_send_probes(gw->path[0], gw->snap, EG_NS_PER_S);
		assert_true(eg_path_has_work(gw->path[0]));
		for (uint32_t id = 0; removed && id < PEERS; id++)
			eg_tunnel_remove(&gw->tunnels, id);
		eg_path_send_keepalives(gw->path[0], gw->snap);
		eg_path_send_probes(gw->path[0], gw->snap, EG_NS_PER_S);
		assert_false(eg_path_has_work(gw->path[0]));
		gw_discard(gw, ENCRYPTED);
		gw_close(gw);
	}
}

int run_worker_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handed_over),      cmocka_unit_test(test_own),
		cmocka_unit_test(test_handoff_full),     cmocka_unit_test(test_handed_over_closed),
		cmocka_unit_test(test_tx_ring),          cmocka_unit_test(test_has_work_rings),
		cmocka_unit_test(test_has_work_tunnels),
	};

	return cmocka_run_group_tests_name("path workers", tests, NULL, NULL);
}
