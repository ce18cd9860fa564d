/* VLAN sub-ports. The wire's device carries three ports beside each other:
 *
 *	untagged  ENCRYPTED, as ever
 *	VLAN 20   BRANCH, clear: 10.8.0.0/16, its own MAC
 *	VLAN 30   SECOND, encrypted */
#include "path/path_tests.h"

#include "net/bytes.h"

#define BRANCH 2
#define SECOND 3

static uint8_t vlans[EG_VLANS];

static const struct flow from_branch = {.src = "10.8.0.5", .dst = "10.2.0.9", .payload = 40};
static const struct flow to_branch = {.src = "10.2.0.9", .dst = "10.8.0.5", .payload = 40};
static const struct flow to_pod = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 40};

static struct gw *open_trunk(void)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct eg_path *path = gw->path[0];

	memset(vlans, EG_NO_PORT, sizeof(vlans));
	vlans[0] = ENCRYPTED;
	vlans[20] = BRANCH;
	vlans[30] = SECOND;
	path->n_ports = 4;
	path->port[ENCRYPTED].vlans = vlans;
	path->port[BRANCH] = path->port[SECOND] = path->port[ENCRYPTED];
	path->port[BRANCH].vlans = path->port[SECOND].vlans = NULL;
	path->port[BRANCH].encrypted = false;
	path->port[BRANCH].vlan = 20;
	path->port[BRANCH].mac[5] = BRANCH;
	path->port[SECOND].vlan = 30;
	gw_local(gw, BRANCH, "10.8.0.1/16");
	gw_route(gw, "10.8.0.5/32",
		 (struct eg_hop){
			 .kind = EG_HOP_PORT, .port = BRANCH, .mac = {2, 0, 0, 0, 1, BRANCH}});
	gw_route(gw, "10.9.0.0/16",
		 (struct eg_hop){.kind = EG_HOP_PORT, .port = SECOND, .mac = {2, 0, 0, 0, 1, 9}});
	gw_ready(gw);
	return gw;
}

/* Insert a tag before the EtherType. */
static struct frame tagged(struct frame frame, unsigned type, unsigned tci)
{
	memmove(frame.bytes + 16, frame.bytes + 12, frame.n - 12u);
	eg_put16(frame.bytes + 12, (uint16_t)type);
	eg_put16(frame.bytes + 14, (uint16_t)tci);
	frame.n = (uint16_t)(frame.n + 4);
	return frame;
}

static struct frame plain_to(unsigned port, const struct flow *flow)
{
	struct frame frame = plain_frame(ENCRYPTED, flow);

	frame.bytes[5] = (uint8_t)port;
	return frame;
}

static struct frame sealed(struct gw *gw, uint64_t seq, const struct flow *flow)
{
	struct tunnel tunnel = tunnel_to(gw);

	return tunnel_frame(&tunnel, seq, flow);
}

static uint64_t rx_of(const struct gw *gw, unsigned port)
{
	return eg_counted(&gw->stats[0]->port[port].rx_packets);
}

/* All in one burst: each frame is treated according to its port, in order of arrival there. */
static void test_burst(void **state)
{
	struct gw *gw = open_trunk();
	struct tunnel out = tunnel_from(gw);
	static struct frame burst[16], left[8];
	unsigned n = 0;
	uint64_t bytes = 0;

	(void)state;
	burst[n++] = sealed(gw, 1, &to_pod);
	burst[n++] = tagged(plain_to(BRANCH, &from_branch), 0x8100, 20);
	burst[n++] = tagged(sealed(gw, 2, &to_pod), 0x8100, 0); /* priority only */
	burst[n++] = plain_to(ENCRYPTED, &from_branch);         /* plain_on_encrypted */
	burst[n++] = tagged(sealed(gw, 3, &to_pod), 0x8100, 30);
	burst[n++] = tagged(plain_to(ENCRYPTED, &from_branch), 0x8100, 30);  /* and on a sub-port */
	burst[n++] = tagged(plain_to(BRANCH, &from_branch), 0x8100, 0xe014); /* priority, DEI, 20 */
	burst[n++] = tagged(plain_to(ENCRYPTED, &from_branch), 0x8100, 20);  /* not BRANCH's MAC */
	burst[n++] = tagged(plain_to(BRANCH, &from_branch), 0x8100, 40);     /* unknown VLAN */
	burst[n++] = tagged(plain_to(BRANCH, &from_branch), 0x88a8, 20);     /* another tag type */
	burst[n++] = tagged(tagged(plain_to(BRANCH, &from_branch), 0x8100, 20), 0x8100, 20);
	burst[n++] = tagged(tagged(plain_to(BRANCH, &from_branch), 0x8100, 20), 0x8100, 0);
	burst[n] = tagged(plain_to(BRANCH, &from_branch), 0x8100, 20);
	burst[n++].n = 17;
	for (unsigned i = 0; i < n; i++)
		bytes += burst[i].n;
	gw_send(gw, ENCRYPTED, burst, n);

	assert_int_equal(gw_sent(gw, CLEAR, left, 8), 3);
	assert_int_equal(gw_sent(gw, ENCRYPTED, left, 8), 2);
	for (unsigned i = 0; i < 2; i++)
		open_frame(&out, &left[i], i + 1);
	assert_int_equal(gw_drops(gw, EG_DROP_PLAIN_ON_ENCRYPTED), 2);
	assert_int_equal(gw_drops(gw, EG_DROP_NOT_OUR_MAC), 1);
	assert_int_equal(gw_drops(gw, EG_DROP_UNKNOWN_VLAN), 4);
	assert_int_equal(gw_drops(gw, EG_DROP_SHORT_FRAME), 1);
	assert_int_equal(gw_drops_all(gw), 8);
	assert_int_equal(rx_of(gw, BRANCH), 3);
	assert_int_equal(rx_of(gw, SECOND), 2);
	assert_int_equal(rx_of(gw, ENCRYPTED), n - 5);
	for (unsigned p = ENCRYPTED; p <= SECOND; p++)
		bytes -= eg_counted(&gw->stats[0]->port[p].rx_bytes);
	assert_int_equal(bytes, 0);
	gw_close(gw);
}

/* Out through a sub-port: its MAC and tag; the MTU is the sub-port's. */
static void test_leaves_tagged(void **state)
{
	struct gw *gw = open_trunk();
	const uint8_t head[] = {2, 0, 0, 0, 1, BRANCH, 2, 0, 0, 0, 0, BRANCH, 0x81, 0, 0, 20, 8, 0};
	struct frame plain = plain_frame(ENCRYPTED, &to_branch), left, frame;

	(void)state;
	frame = sealed(gw, 1, &to_branch);
	gw_send(gw, ENCRYPTED, &frame, 1);
	assert_int_equal(gw_frames(gw, ENCRYPTED, &left, 1), 1);
	assert_int_equal(left.n, plain.n + 4);
	assert_memory_equal(left.bytes, head, sizeof(head));
	age(plain.bytes + 14, 1);
	assert_memory_equal(left.bytes + 18, plain.bytes + 14, plain.n - 14u);
	assert_int_equal(eg_counted(&gw->stats[0]->port[BRANCH].tx_packets), 1);
	assert_int_equal(eg_counted(&gw->stats[0]->port[BRANCH].tx_bytes), plain.n + 4);
	assert_int_equal(eg_counted(&gw->stats[0]->port[ENCRYPTED].tx_packets), 0);

	gw->path[0]->port[BRANCH].mtu = 59;
	frame = sealed(
		gw, 2,
		&(struct flow){.src = "10.2.0.9", .dst = "10.8.0.5", .payload = 40, .df = true});
	gw_send(gw, ENCRYPTED, &frame, 1); /* 60 bytes; its sender is told */
	assert_int_equal(gw_drops(gw, EG_DROP_TOO_BIG), 1);
	assert_int_equal(eg_counted(&gw->stats[0]->local[EG_LOCAL_TOO_BIG]), 1);
	gw_close(gw);
}

/* An encrypted sub-port is like any other, whatever its device's other ports are. */
static void test_plain_to_encrypted(void **state)
{
	struct gw *gw = open_trunk();
	struct flow flow = {.src = "10.8.0.5", .dst = "10.9.0.1", .payload = 40};
	struct frame frame = tagged(plain_to(BRANCH, &flow), 0x8100, 20);

	(void)state;
	gw_expect(gw, ENCRYPTED, &frame, EG_DROP_PLAIN_TO_ENCRYPTED, "from VLAN 20 to VLAN 30");
	frame = plain_frame(CLEAR, &(struct flow){.src = "10.1.0.5", .dst = "10.9.0.1"});
	gw_expect(gw, CLEAR, &frame, EG_DROP_PLAIN_TO_ENCRYPTED, "from the pods to VLAN 30");
	gw_close(gw);
}

/* A sub-port's addresses are resolved and answered with its tag only. */
static void test_neighbors(void **state)
{
	struct gw *gw = open_trunk();
	struct eg_neigh_self host = {.mac = {2, 0, 0, 0, 1, 0x77}};
	struct eg_neigh_message message;
	struct frame question, frame, left[2];
	struct eg_ip ip;

	(void)state;
	assert_int_equal(eg_ip_parse("10.8.0.7", &host.ip), 0);
	assert_int_equal(eg_ip_parse("10.8.0.1", &ip), 0);
	question.n = (uint16_t)eg_neigh_request(question.bytes, &host, &ip, NULL);
	gw_send(gw, ENCRYPTED, &question, 1); /* untagged: no address there */
	assert_int_equal(gw_drops(gw, EG_DROP_NOT_IP), 1);
	frame = tagged(question, 0x8100, 20);
	gw_send(gw, ENCRYPTED, &frame, 1);
	gw_resolve(gw, 1000);
	assert_int_equal(gw_frames(gw, ENCRYPTED, left, 2), 1);
	assert_int_equal(eg_get16(left[0].bytes + 12), 0x8100);
	assert_int_equal(eg_get16(left[0].bytes + 14), 20);
	memmove(left[0].bytes + 12, left[0].bytes + 16, left[0].n - 16u);
	assert_true(eg_neigh_parse(left[0].bytes, left[0].n - 4u, &message));
	assert_memory_equal(message.mac, gw->path[0]->port[BRANCH].mac, 6);
	assert_true(eg_ip_equal(&message.owner, &ip));

	/* A packet waits for a host of that VLAN; its reply releases it, with the tag. */
	frame = sealed(gw, 1, &(struct flow){.src = "10.2.0.9", .dst = "10.8.0.7", .payload = 40});
	gw_send(gw, ENCRYPTED, &frame, 1);
	gw_resolve(gw, 2000);
	assert_int_equal(gw_frames(gw, ENCRYPTED, left, 2), 1);
	assert_int_equal(eg_get16(left[0].bytes + 14), 20);
	message = (struct eg_neigh_message){
		.reply_to = ip, .has_mac = true, .mac = {2, 0, 0, 0, 0, BRANCH}};
	frame.n = (uint16_t)eg_neigh_answer(frame.bytes, &host, &message);
	gw_send(gw, ENCRYPTED, &frame, 1); /* another VLAN's reply does not count */
	gw_resolve(gw, 2001);
	assert_int_equal(gw_frames(gw, ENCRYPTED, left, 2), 0);
	frame = tagged(frame, 0x8100, 20);
	gw_send(gw, ENCRYPTED, &frame, 1);
	gw_resolve(gw, 2002);
	assert_int_equal(gw_frames(gw, ENCRYPTED, left, 2), 1);
	assert_int_equal(eg_get16(left[0].bytes + 14), 20);
	assert_memory_equal(left[0].bytes, host.mac, 6);
	gw_close(gw);
}

static struct rte_mbuf *mbuf_of(const struct frame *frame)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, frame->n), frame->bytes, frame->n);
	return m;
}

/* The device stripped the tag and reports it beside the frame, also for multi-segment frames. */
static void test_stripped(void **state)
{
	struct gw *gw = open_trunk();
	struct frame frame = plain_to(BRANCH, &from_branch);
	struct frame inside = tagged(frame, 0x8100, 0);

	(void)state;
	for (unsigned pieces = 1; pieces <= 2; pieces++) {
		struct rte_mbuf *m = mbuf_of(&frame);

		if (pieces == 2) {
			struct rte_mbuf *tail = mbuf_of(&frame);

			m->data_len = m->pkt_len = 13;
			tail->data_off = (uint16_t)(tail->data_off + 13);
			tail->data_len = (uint16_t)(tail->data_len - 13);
			tail->pkt_len = tail->data_len;
			assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
		}
		m->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		m->vlan_tci = 0xe014;
		gw_send_mbuf(gw, ENCRYPTED, m);
		assert_int_equal(rx_of(gw, BRANCH), pieces);
		assert_int_equal(gw_discard(gw, ENCRYPTED), 1);
	}
	for (unsigned i = 0; i < 3; i++) {
		struct rte_mbuf *m = mbuf_of(i == 2 ? &inside : &frame);

		m->vlan_tci = i == 0 ? 40 : 20;
		m->ol_flags = RTE_MBUF_F_RX_VLAN_STRIPPED;
		if (i == 1)
			m->ol_flags |= RTE_MBUF_F_RX_QINQ_STRIPPED;
		gw_send_mbuf(gw, ENCRYPTED, m);
		assert_int_equal(gw_drops(gw, EG_DROP_UNKNOWN_VLAN), i + 1);
	}
	assert_int_equal(gw_drops_all(gw), 3);
	gw_close(gw);
}

/* A tag spread over single-byte segments. */
static void test_pieces(void **state)
{
	struct gw *gw = open_trunk();
	struct frame frame = tagged(plain_to(BRANCH, &from_branch), 0x8100, 20);
	struct rte_mbuf *head = NULL;

	(void)state;
	for (unsigned i = frame.n; i-- > 0;) {
		struct frame byte = {.n = 1, .bytes = {frame.bytes[i]}};
		struct rte_mbuf *m = mbuf_of(&byte);

		m->next = head;
		head = m;
	}
	head->nb_segs = frame.n;
	head->pkt_len = frame.n;
	gw_send_mbuf(gw, ENCRYPTED, head);
	assert_int_equal(rx_of(gw, BRANCH), 1);
	assert_int_equal(gw_discard(gw, ENCRYPTED), 1);
	gw_close(gw);
}

/* The daemon starts without a snapshot, for sub-ports too. */
static void test_no_snapshot(void **state)
{
	struct gw *gw = open_trunk();
	struct frame frames[] = {
		tagged(plain_to(BRANCH, &from_branch), 0x8100, 20),
		plain_to(ENCRYPTED, &from_branch),
		tagged(plain_to(BRANCH, &from_branch), 0x8100, 40),
	};

	(void)state;
	gw->closed_start = true;
	gw_send(gw, ENCRYPTED, frames, 3);
	assert_int_equal(gw_drops(gw, EG_DROP_NO_SNAPSHOT), 2);
	assert_int_equal(gw_drops(gw, EG_DROP_UNKNOWN_VLAN), 1);
	gw_close(gw);
}

/* Full bursts with tags in any order: every frame is accounted for, and each port keeps its order.
 */
static void test_random(void **state)
{
	static struct frame burst[EG_BATCH_MAX], left[EG_BATCH_MAX];
	struct gw *gw = open_trunk();
	struct tunnel out = tunnel_from(gw);
	uint64_t seq = 0;

	(void)state;
	srand(20);
	for (unsigned round = 0; round < 50; round++) {
		unsigned branch = 0, lost = 0, n = 1 + (unsigned)rand() % EG_BATCH_MAX;
		uint64_t before = gw_drops_all(gw);

		for (unsigned i = 0; i < n; i++) {
			struct flow flow = from_branch;
			unsigned kind = (unsigned)rand() % 4;

			flow.seed = branch;
			burst[i] = plain_to(BRANCH, &flow);
			if (kind < 2)
				burst[i] = tagged(burst[i], 0x8100, 20);
			else if (kind == 2)
				burst[i] = tagged(burst[i], 0x8100, 21);
			branch += kind < 2;
			lost += kind >= 2;
		}
		gw_send(gw, ENCRYPTED, burst, n);
		assert_int_equal(gw_drops_all(gw) - before, lost);
		assert_int_equal(gw_sent(gw, ENCRYPTED, left, EG_BATCH_MAX), branch);
		for (unsigned i = 0; i < branch; i++) {
			struct frame inner = open_frame(&out, &left[i], ++seq);

			assert_int_equal(inner.bytes[5], i); /* IPv4 identification */
		}
	}
	gw_close(gw);
}

int run_vlan_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_leaves_tagged),
		cmocka_unit_test(test_plain_to_encrypted),
		cmocka_unit_test(test_neighbors),
		cmocka_unit_test(test_stripped),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_no_snapshot),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("path VLANs", tests, NULL, NULL);
}
