/* Limits of buffers, sequence numbers, MTUs and queues; the fields of drop samples; and at the end:
 * was every drop reason tested? */
#include "path/path_tests.h"

#include "net/bytes.h"

/* A driver that leaves less headroom than sealing needs: 36 bytes of outer header, ESP and IV and
 * 14 of Ethernet, of which the frame's own 14 are reusable; and tailroom of 16: padding, trailer
 * and ICV. */
static void send_with_room(struct gw *gw, unsigned front, unsigned back, enum eg_verdict want)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());
	struct frame frame;
	struct flow flow = {V4};
	uint64_t before = gw_drops_all(gw);

	m->data_off = (uint16_t)front;
	flow.payload = (uint16_t)(back < 1000 ? 9000 : 10);
	frame = plain_frame(CLEAR, &flow);
	if (back < 1000) /* place it so that this much remains after it */
		m->data_off = (uint16_t)(m->buf_len - back - frame.n);
	memcpy(rte_pktmbuf_append(m, frame.n), frame.bytes, frame.n);
	gw_send_mbuf(gw, CLEAR, m);
	assert_int_equal(gw_drops_all(gw) - before, want != EG_PASS);
	if (want != EG_PASS)
		assert_true(gw_drops(gw, want) > 0);
	gw_discard(gw, ENCRYPTED);
}

static void test_no_room(void **state)
{
	struct gw *gw = open_crossing();

	(void)state;
	send_with_room(gw, 36, 5000, EG_PASS);
	send_with_room(gw, 35, 5000, EG_DROP_NO_ROOM);
	send_with_room(gw, 0, 5000, EG_DROP_NO_ROOM);
	send_with_room(gw, 36, 33, EG_PASS);
	send_with_room(gw, 36, 32, EG_DROP_NO_ROOM);
	send_with_room(gw, 36, 0, EG_DROP_NO_ROOM);
	assert_int_equal(gw_drops(gw, EG_DROP_NO_ROOM), 4);
	gw_close(gw);
}

/* The MTU applies to the IP layer and to the egress port. */
static void test_too_big(void **state)
{
	struct gw *gw = open_crossing();
	/* 52 bytes of overhead, 2 of trailer, 20 of inner header. */
	struct frame exact = plain_frame(CLEAR, &(struct flow){V4, .payload = 1500 - 74});
	struct frame longer = plain_frame(CLEAR, &(struct flow){V4, .payload = 1500 - 73});
	struct frame hairpin = plain_frame(
		CLEAR, &(struct flow){.src = "10.1.0.5", .dst = "10.1.0.6", .payload = 1480});
	struct frame hairpin_longer = plain_frame(
		CLEAR,
		&(struct flow){.src = "10.1.0.5", .dst = "10.1.0.6", .df = true, .payload = 1481});

	(void)state;
	gw->path[0]->port[ENCRYPTED].mtu = 1500;
	gw->path[0]->port[CLEAR].mtu = 1500;
	gw_expect(gw, CLEAR, &exact, EG_PASS, "ESP packet of 1500");
	gw_expect(gw, CLEAR, &longer, EG_DROP_TOO_BIG, "ESP packet of 1504");
	gw_expect(gw, CLEAR, &hairpin, EG_PASS, "plain packet of 1500");
	gw_expect(gw, CLEAR, &hairpin_longer, EG_DROP_TOO_BIG, "plain packet of 1501");
	gw_close(gw);
}

/* Three numbers left, five packets: the first three leave, and none ever again. */
static void test_seq_exhausted(void **state)
{
	static struct frame frames[5];
	struct gw *gw = open_crossing();
	struct tunnel tunnel = tunnel_from(gw);

	(void)state;
	atomic_store(&gw_sa_out(gw)->seq, UINT32_MAX - 3ull);
	for (unsigned i = 0; i < 5; i++)
		frames[i] = plain_frame(CLEAR, &(struct flow){V4, .payload = 8, .seed = i});
	gw_send(gw, CLEAR, frames, 5);
	assert_int_equal(gw_drops(gw, EG_DROP_SEQ_EXHAUSTED), 2);
	assert_int_equal(gw_sent(gw, ENCRYPTED, frames, 5), 3);
	for (unsigned i = 0; i < 3; i++) {
		struct frame inner = open_frame(&tunnel, &frames[i], UINT32_MAX - 2 + i);

		assert_int_equal(eg_get16(inner.bytes + 4), i); /* IPv4 identification */
	}
	assert_int_equal(atomic_load(&gw_sa_out(gw)->packets), 3);
	assert_int_equal(atomic_load(&gw_sa_out(gw)->bytes), 3 * 28);
	frames[0] = plain_frame(CLEAR, &(struct flow){V4});
	gw_expect(gw, CLEAR, &frames[0], EG_DROP_SEQ_EXHAUSTED, "behind the last number");
	gw_close(gw);
}

/* Nobody drains the ports: a full queue drops packets with a named reason, and queued ones are
 * intact. */
static void test_tx_full(void **state)
{
	static struct frame frames[EG_BATCH_MAX];
	struct gw *gw = open_crossing();
	unsigned sent = 0, full;

	(void)state;
	for (unsigned i = 0; i < EG_BATCH_MAX; i++)
		frames[i] = plain_frame(CLEAR, &(struct flow){V4, .payload = 100});
	for (unsigned i = 0; i < 20; i++)
		gw_send(gw, CLEAR, frames, EG_BATCH_MAX);
	full = (unsigned)gw_drops(gw, EG_DROP_TX_FULL);
	assert_true(full > 0);
	assert_int_equal(gw_drops_all(gw), full);
	sent = gw_discard(gw, ENCRYPTED);
	assert_int_equal(sent + full, 20 * EG_BATCH_MAX);
	assert_int_equal(eg_counted(&gw->stats[0]->port[ENCRYPTED].tx_packets), sent);
	assert_int_equal(eg_counted(&gw->stats[0]->port[ENCRYPTED].tx_bytes),
			 (uint64_t)sent * (14 + 20 + 16 + 124 + 16));
	gw_close(gw);
}

/* A sample identifies the dropped packet and its SA. */
static void test_sample(void **state)
{
	struct gw *gw = open_crossing();
	struct tunnel tunnel = tunnel_to(gw);
	struct frame plain = plain_frame(CLEAR, &(struct flow){.src = "10.1.0.5",
							       .dst = "172.16.0.1",
							       .proto = 17,
							       .payload = 8,
							       .seed = 1});
	struct frame forged = tunnel_frame(&tunnel, 77, &(struct flow){V4});
	struct frame garbage = {.n = 5};
	struct eg_drop_record record;
	char text[EG_IP_TEXT];

	(void)state;
	gw->path[0]->sample_cycles = 1;
	gw_expect(gw, CLEAR, &plain, EG_DROP_NO_ROUTE, "plain");
	assert_true(eg_drop_ring_take(&gw->stats[0]->dropped, &record));
	assert_int_equal(record.reason, EG_DROP_NO_ROUTE);
	assert_int_equal(record.port, CLEAR);
	assert_int_equal(record.bytes, 28);
	assert_string_equal(eg_ip_print(&record.src, text), "10.1.0.5");
	assert_string_equal(eg_ip_print(&record.dst, text), "172.16.0.1");
	assert_int_equal(record.proto, 17);
	assert_int_equal(record.sport, eg_get16(plain.bytes + 34));
	assert_int_equal(record.dport, eg_get16(plain.bytes + 36));
	assert_int_equal(record.spi, 0);

	forged.bytes[forged.n - 1] ^= 1;
	gw_expect(gw, ENCRYPTED, &forged, EG_DROP_ESP_AUTH, "forged");
	assert_true(eg_drop_ring_take(&gw->stats[0]->dropped, &record));
	assert_int_equal(record.reason, EG_DROP_ESP_AUTH);
	assert_int_equal(record.port, ENCRYPTED);
	assert_string_equal(eg_ip_print(&record.src, text), "192.0.2.2");
	assert_int_equal(record.proto, 50);
	assert_int_equal(record.spi, 0x2002);
	assert_int_equal(record.seq, 77);

	gw_expect(gw, CLEAR, &garbage, EG_DROP_SHORT_FRAME, "garbage");
	assert_true(eg_drop_ring_take(&gw->stats[0]->dropped, &record));
	assert_int_equal(record.src.family, 0);
	assert_false(eg_drop_ring_take(&gw->stats[0]->dropped, &record));
	gw_close(gw);
}

/* A packet received on one SA and lost on another is reported with the latter. */
static void test_sample_between_tunnels(void **state)
{
	struct gw *gw = open_crossing();
	struct tunnel tunnel = tunnel_to(gw);
	struct flow flow = {.src = "10.2.0.9", .dst = "10.2.0.8", .payload = 1000};
	struct frame frame = tunnel_frame(&tunnel, 77, &flow);
	struct eg_drop_record record;

	(void)state;
	gw->path[0]->sample_cycles = 1;
	gw->path[0]->port[ENCRYPTED].mtu = 500;
	atomic_store(&gw_sa_out(gw)->seq, 4);
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_TOO_BIG, "too big before it is sealed");
	assert_true(eg_drop_ring_take(&gw->stats[0]->dropped, &record));
	assert_int_equal(record.spi, 0x1001);
	assert_int_equal(record.seq, 0); /* it took none */
	assert_int_equal(atomic_load(&gw_sa_out(gw)->seq), 4);

	gw->path[0]->port[ENCRYPTED].mtu = GW_MTU;
	frame = tunnel_frame(&tunnel, 78, &flow);
	atomic_store(&gw_sa_out(gw)->seq, UINT32_MAX);
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_SEQ_EXHAUSTED, "no number left");
	assert_true(eg_drop_ring_take(&gw->stats[0]->dropped, &record));
	assert_int_equal(record.spi, 0x1001);
	assert_int_equal(record.seq, 0);
	gw_close(gw);
}

int run_limit_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_room),       cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_seq_exhausted), cmocka_unit_test(test_tx_full),
		cmocka_unit_test(test_sample),        cmocka_unit_test(test_sample_between_tunnels),
	};

	return cmocka_run_group_tests_name("path limits", tests, NULL, NULL);
}

/* No packet can cause this: the crypto library never refuses a correctly filled job. */
static bool unreachable(enum eg_verdict drop)
{
	return drop == EG_PASS || drop == EG_DROP_CRYPTO_FAILED;
}

/* These need a policy: see tests/unit/gate. */
static bool needs_policy(enum eg_verdict drop)
{
	return drop == EG_DROP_POLICY_EGRESS || drop == EG_DROP_POLICY_INGRESS ||
	       drop == EG_DROP_UNKNOWN_POD || drop == EG_DROP_FRAGMENT_ORPHAN ||
	       drop == EG_DROP_FRAGMENT_OVERLAP || drop == EG_DROP_FLOW_TABLE_FULL ||
	       drop == EG_DROP_FLOW_SOURCE_LIMIT;
}

static void test_every_reason(void **state)
{
	(void)state;
	for (enum eg_verdict drop = EG_PASS; drop < EG_DROP_COUNT; drop++) {
		if (!needs_policy(drop) && !bench_drops(drop) != unreachable(drop))
			fail_msg("%s was met by %llu packets", eg_drop_name(drop),
				 (unsigned long long)bench_drops(drop));
	}
}

int run_coverage_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_reason),
	};

	return cmocka_run_group_tests_name("path coverage", tests, NULL, NULL);
}
