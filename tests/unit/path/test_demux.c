/* The kinds of packet that come in by an encrypted port: a truth table, by IPv4 and IPv6. */
#include "path/path_tests.h"

#include "net/bytes.h"
#include "path/demux.h"

#define ETH  14
#define UDP  17
#define ESP  50
#define ICMP 1 /* and its IPv6 counterpart */

static const char *const here[2] = {"192.0.2.1", "2001:db8::1"};
static const char *const elsewhere[2] = {"192.0.2.99", "2001:db8::99"};
static const char *const peer[2] = {"192.0.2.2", "2001:db8::2"};

/* Two gateways in one: the tunnel's outer addresses are IPv4's or IPv6's, and on the port too. */
static struct gw *open_gw(bool v6, const struct eg_allow *allow)
{
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .outer = v6 ? 6 : 4});
	const char *net = v6 ? "2001:db8::1/64" : "192.0.2.1/24";

	gw_local(gw, ENCRYPTED, net);
	gw_route(
		gw, net,
		(struct eg_hop){.kind = EG_HOP_PORT, .port = ENCRYPTED, .mac = {2, 0, 0, 0, 1, 1}});
	if (allow)
		gw_kernel(gw, ENCRYPTED, allow);
	gw_ready(gw);
	return gw;
}

static const struct row {
	const char *what;
	uint8_t proto;
	bool not_ours;
	bool fragment;   /* the first, of several */
	int udp_len;     /* added to UDP's length field */
	uint16_t dport;  /* UDP */
	uint16_t n;      /* bytes behind the UDP header; of another protocol, all */
	uint8_t body[8]; /* the first of them; ICMP: IPv4's type, code, IPv6's type */
	enum eg_wire_kind kind;
	enum eg_verdict drop; /* where there is no kernel device; EG_PASS: it is answered */
} rows[] = {
	{"ESP", ESP, .n = 40, .body = {0, 0, 0x99, 1}, .kind = EG_WIRE_ESP,
	 .drop = EG_DROP_ESP_UNKNOWN_SPI},
	{"ESP of somebody else", ESP, true, .n = 40, .body = {0, 0, 0x99, 1}, .kind = EG_WIRE_ESP,
	 .drop = EG_DROP_ESP_NOT_LOCAL},
	{"ESP of 7 bytes", ESP, .n = 7, .body = {0, 0, 0x99, 1}, .kind = EG_WIRE_ESP,
	 .drop = EG_DROP_ESP_SHORT},
	{"fragment of ESP", ESP, .fragment = true, .n = 40, .kind = EG_WIRE_FRAGMENT,
	 .drop = EG_DROP_REASSEMBLY_BAD},
	{"fragment of UDP", UDP, .fragment = true, .dport = 4500, .n = 40, .kind = EG_WIRE_FRAGMENT,
	 .drop = EG_DROP_REASSEMBLY_BAD},
	{"fragment of other UDP", UDP, .fragment = true, .dport = 53, .n = 40,
	 .kind = EG_WIRE_FRAGMENT, .drop = EG_DROP_REASSEMBLY_BAD},
	{"UDP length of 7", UDP, .udp_len = -41, .dport = 4500, .n = 40, .kind = EG_WIRE_BAD_UDP,
	 .drop = EG_DROP_SHORT_L4},
	{"UDP length beyond the packet", UDP, .udp_len = 1, .dport = 4500, .n = 40,
	 .kind = EG_WIRE_BAD_UDP, .drop = EG_DROP_SHORT_L4},
	{"the same of somebody else", UDP, true, .udp_len = 1, .dport = 4500, .n = 40,
	 .kind = EG_WIRE_BAD_UDP, .drop = EG_DROP_PLAIN_ON_ENCRYPTED},
	{"keepalive", UDP, .dport = 4500, .n = 1, .body = {0xff}, .kind = EG_WIRE_KEEPALIVE,
	 .drop = EG_DROP_UDP_KEEPALIVE},
	{"keepalive of somebody else", UDP, true, .dport = 4500, .n = 1, .body = {0xff},
	 .kind = EG_WIRE_KEEPALIVE, .drop = EG_DROP_PLAIN_ON_ENCRYPTED},
	{"one other byte", UDP, .dport = 4500, .n = 1, .body = {0xfe}, .kind = EG_WIRE_ESP_IN_UDP,
	 .drop = EG_DROP_ESP_SHORT},
	{"keepalive by UDP's length", UDP, .udp_len = -3, .dport = 4500, .n = 4, .body = {0xff},
	 .kind = EG_WIRE_KEEPALIVE, .drop = EG_DROP_UDP_KEEPALIVE},
	{"non-ESP marker", UDP, .dport = 4500, .n = 4, .body = {0}, .kind = EG_WIRE_IKE,
	 .drop = EG_DROP_UDP_NON_ESP},
	{"three bytes of 0", UDP, .dport = 4500, .n = 3, .body = {0}, .kind = EG_WIRE_ESP_IN_UDP,
	 .drop = EG_DROP_ESP_SHORT},
	{"marker behind UDP's length", UDP, .udp_len = -1, .dport = 4500, .n = 4, .body = {0},
	 .kind = EG_WIRE_ESP_IN_UDP, .drop = EG_DROP_ESP_SHORT},
	{"non-ESP marker of somebody else", UDP, true, .dport = 4500, .n = 28, .body = {0},
	 .kind = EG_WIRE_IKE, .drop = EG_DROP_PLAIN_ON_ENCRYPTED},
	{"IKE", UDP, .dport = 500, .n = 28, .body = {1, 2, 3, 4}, .kind = EG_WIRE_IKE,
	 .drop = EG_DROP_PLAIN_ON_ENCRYPTED},
	{"ESP in UDP", UDP, .dport = 4500, .n = 40, .body = {0, 0, 0x99, 1},
	 .kind = EG_WIRE_ESP_IN_UDP, .drop = EG_DROP_ESP_UNKNOWN_SPI},
	{"ESP in UDP of somebody else", UDP, true, .dport = 4500, .n = 40, .body = {0, 0, 0x99, 1},
	 .kind = EG_WIRE_ESP_IN_UDP, .drop = EG_DROP_PLAIN_ON_ENCRYPTED},
	{"like WireGuard, to 4500", UDP, .dport = 4500, .n = 148, .body = {1},
	 .kind = EG_WIRE_ESP_IN_UDP, .drop = EG_DROP_ESP_UNKNOWN_SPI},
#define PLAIN_UDP .drop = EG_DROP_PLAIN_ON_ENCRYPTED
	{"initiation", UDP, .dport = 51820, .n = 148, .body = {1}, .kind = EG_WIRE_WIREGUARD,
	 PLAIN_UDP},
	{"response", UDP, .dport = 51820, .n = 92, .body = {2}, .kind = EG_WIRE_WIREGUARD,
	 PLAIN_UDP},
	{"cookie", UDP, .dport = 51820, .n = 64, .body = {3}, .kind = EG_WIRE_WIREGUARD, PLAIN_UDP},
	{"data", UDP, .dport = 12345, .n = 96, .body = {4}, .kind = EG_WIRE_WIREGUARD, PLAIN_UDP},
	{"WireGuard's keepalive", UDP, .dport = 12345, .n = 32, .body = {4},
	 .kind = EG_WIRE_WIREGUARD, PLAIN_UDP},
	{"initiation of somebody else", UDP, true, .dport = 51820, .n = 148, .body = {1},
	 .kind = EG_WIRE_WIREGUARD, PLAIN_UDP},
	{"type 0", UDP, .dport = 51820, .n = 148, .kind = EG_WIRE_LOCAL, PLAIN_UDP},
	{"type 5", UDP, .dport = 51820, .n = 148, .body = {5}, .kind = EG_WIRE_LOCAL, PLAIN_UDP},
	{"a reserved byte", UDP, .dport = 51820, .n = 148, .body = {1, 0, 0, 1},
	 .kind = EG_WIRE_LOCAL, PLAIN_UDP},
	{"initiation of 149 bytes", UDP, .dport = 51820, .n = 149, .body = {1},
	 .kind = EG_WIRE_LOCAL, PLAIN_UDP},
	{"response of 148 bytes", UDP, .dport = 51820, .n = 148, .body = {2}, .kind = EG_WIRE_LOCAL,
	 PLAIN_UDP},
	{"cookie of 92 bytes", UDP, .dport = 51820, .n = 92, .body = {3}, .kind = EG_WIRE_LOCAL,
	 PLAIN_UDP},
	{"data of 16 bytes", UDP, .dport = 51820, .n = 16, .body = {4}, .kind = EG_WIRE_LOCAL,
	 PLAIN_UDP},
	{"data of 97 bytes", UDP, .dport = 51820, .n = 97, .body = {4}, .kind = EG_WIRE_LOCAL,
	 PLAIN_UDP},
	{"initiation behind UDP's length", UDP, .udp_len = 1, .dport = 51820, .n = 147, .body = {1},
	 .kind = EG_WIRE_LOCAL, PLAIN_UDP},
	{"other UDP", UDP, .dport = 53, .n = 40, .body = {7}, .kind = EG_WIRE_LOCAL, PLAIN_UDP},
	{"TCP", 6, .n = 40, .kind = EG_WIRE_LOCAL, PLAIN_UDP},
	{"another protocol of somebody else", 89, true, .n = 40, .kind = EG_WIRE_PLAIN, PLAIN_UDP},
	{"AH, which is not ESP", 51, .n = 40, .body = {59, 4}, .kind = EG_WIRE_LOCAL, PLAIN_UDP},
	{"too big", ICMP, .n = 40, .body = {3, 4, 2}, .kind = EG_WIRE_PATH_MTU, PLAIN_UDP},
	{"too big for somebody else", ICMP, true, .n = 40, .body = {3, 4, 2},
	 .kind = EG_WIRE_PATH_MTU, PLAIN_UDP},
	{"another error", ICMP, .n = 40, .body = {3, 1, 1}, .kind = EG_WIRE_LOCAL, PLAIN_UDP},
	{"echo request", ICMP, .n = 40, .body = {8, 0, 128}, .kind = EG_WIRE_ECHO, .drop = EG_PASS},
	{"echo request to somebody else", ICMP, true, .n = 40, .body = {8, 0, 128},
	 .kind = EG_WIRE_PLAIN, PLAIN_UDP},
	{"echo reply", ICMP, .n = 40, .body = {0, 0, 129}, .kind = EG_WIRE_LOCAL, PLAIN_UDP},
};

static struct frame frame_of(const struct row *row, bool v6)
{
	bool udp = row->proto == UDP;
	struct flow flow = {.src = peer[v6],
			    .dst = row->not_ours ? elsewhere[v6] : here[v6],
			    .proto = row->proto == ICMP && v6 ? 58 : row->proto,
			    .payload = (uint16_t)(row->n + (udp ? 8 : 0))};
	struct frame frame = plain_frame(ENCRYPTED, &flow);
	uint8_t *ip = frame.bytes + ETH, *l4 = frame.bytes + frame.n - flow.payload;

	if (udp) {
		eg_put16(l4, 40000);
		eg_put16(l4 + 2, row->dport);
		eg_put16(l4 + 4, (uint16_t)(flow.payload + row->udp_len));
		l4 += 8;
	}
	memcpy(l4, row->body, row->n < sizeof(row->body) ? row->n : sizeof(row->body));
	if (row->proto == ICMP) {
		l4[0] = v6 ? row->body[2] : row->body[0];
		l4[1] = v6 ? 0 : row->body[1];
	}
	if (row->fragment && !v6) {
		eg_put16(ip + 6, 0x2000);
		fix_checksum(ip);
	} else if (row->fragment) {
		memmove(ip + 48, ip + 40, flow.payload);
		memset(ip + 40, 0, 8);
		ip[40] = ip[6];
		ip[6] = 44;
		ip[43] = 1;
		eg_put16(ip + 4, (uint16_t)(flow.payload + 8));
		frame.n = (uint16_t)(frame.n + 8);
	}
	return frame;
}

static enum eg_wire_kind kind_of(struct gw *gw, const struct frame *frame)
{
	struct eg_path *path = gw->path[0];
	struct rte_mbuf *m = rte_pktmbuf_alloc(bench_pool());
	enum eg_wire_kind kind;

	memcpy(rte_pktmbuf_append(m, frame->n), frame->bytes, frame->n);
	eg_path_use(path, gw->snap);
	path->batch.n = 1;
	path->batch.n_removed = 0;
	path->batch.m[0] = m;
	path->batch.meta[0] = (struct eg_meta){.port = ENCRYPTED};
	eg_parse_frames(path);
	assert_int_equal(path->batch.n, 1);
	kind = eg_demux_kind(path, 0);
	path->batch.n = 0;
	rte_pktmbuf_free(m);
	return kind;
}

static void test_kinds(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		struct gw *gw = open_gw(way, NULL);

		for (unsigned i = 0; i < COUNT(rows); i++) {
			struct frame frame = frame_of(&rows[i], way);
			enum eg_wire_kind kind = kind_of(gw, &frame);

			if (kind != rows[i].kind)
				fail_msg("%s, IPv%u: kind %d, not %d", rows[i].what, way ? 6 : 4,
					 kind, rows[i].kind);
			gw_expect(gw, ENCRYPTED, &frame, rows[i].drop, rows[i].what);
		}
		gw_close(gw);
	}
}

/* Only what the allow list names goes to the kernel, and ESP, keepalives and echo never do. */
static void test_to_kernel(void **state)
{
	static const struct eg_allow allow = {
		.ike = true, .icmp = true, .n = 1, .port = {{UDP, 51820}}};
	struct frame got;

	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		struct gw *gw = open_gw(way, &allow);

		for (unsigned i = 0; i < COUNT(rows); i++) {
			const struct row *row = &rows[i];
			struct frame frame = frame_of(row, way);
			bool is_icmp = row->proto == ICMP && row->kind != EG_WIRE_ECHO;
			bool want = !row->not_ours && (is_icmp || row->kind == EG_WIRE_IKE ||
						       (row->proto == UDP && row->dport == 51820));
			unsigned n;

			gw_send(gw, ENCRYPTED, &frame, 1);
			gw_discard(gw, ENCRYPTED);
			n = gw_to_kernel(gw, ENCRYPTED, &got, 1);
			if (n != want)
				fail_msg("%s, IPv%u: %u to the kernel", row->what, way ? 6 : 4, n);
			if (n)
				assert_memory_equal(got.bytes + ETH, frame.bytes + ETH,
						    frame.n - ETH);
		}
		gw_close(gw);
	}
}

/* One burst of all kinds: each ends as it would alone, and ESP comes out in order. */
static void test_mixed_burst(void **state)
{
	struct gw *gw = open_gw(false, NULL);
	struct tunnel tunnel = tunnel_to(gw);
	struct flow flow = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 40};
	static struct frame in[EG_BATCH_MAX], out[EG_BATCH_MAX];
	uint64_t want[EG_DROP_COUNT] = {0};
	unsigned n = 0, n_esp = 0, answers = 0;

	(void)state;
	for (unsigned i = 0; i < COUNT(rows) && n + 2 <= EG_BATCH_MAX; i++) {
		if (i % 3 == 0) {
			flow.seed = n_esp;
			in[n++] = tunnel_frame(&tunnel, ++n_esp, &flow);
		}
		in[n++] = frame_of(&rows[i], false);
		want[rows[i].drop]++;
		answers += rows[i].drop == EG_PASS;
	}
	gw_send(gw, ENCRYPTED, in, n);
	assert_int_equal(gw_sent(gw, CLEAR, out, EG_BATCH_MAX), n_esp);
	for (unsigned i = 0; i < n_esp; i++) {
		struct frame packet = {0};

		flow.seed = i;
		add_packet(&packet, &flow);
		age(packet.bytes, 1);
		assert_memory_equal(out[i].bytes + ETH, packet.bytes, packet.n);
	}
	for (enum eg_verdict drop = EG_PASS + 1; drop < EG_DROP_COUNT; drop++) {
		if (gw_drops(gw, drop) != want[drop])
			fail_msg("%s: %lu, not %lu", eg_drop_name(drop),
				 (unsigned long)gw_drops(gw, drop), (unsigned long)want[drop]);
	}
	assert_int_equal(gw_discard(gw, ENCRYPTED), answers);
	gw_close(gw);
}

/* The two halves of an IPv4 packet, or three: each but the last of 512 bytes. */
static struct frame half(const struct frame *whole, unsigned from, unsigned to, bool more)
{
	struct frame part = *whole;
	uint8_t *ip = part.bytes + ETH;

	memmove(ip + 20, ip + 20 + from, to - from);
	part.n = (uint16_t)(ETH + 20 + to - from);
	eg_put16(ip + 2, (uint16_t)(part.n - ETH));
	eg_put16(ip + 4, 77);
	eg_put16(ip + 6, (uint16_t)(from / 8 | (more ? 0x2000 : 0)));
	fix_checksum(ip);
	return part;
}

/* What is whole again begins at the table's top: each kind of UDP ends as if it had come whole. */
static void test_reassembled(void **state)
{
	static const struct eg_allow allow = {.ike = true, .n = 1, .port = {{UDP, 51820}}};
	static const struct {
		struct row row;
		bool to_kernel;
		enum eg_verdict drop;
	} whole[] = {
		{{"IKE", UDP, .dport = 500, .n = 800}, true, EG_PASS},
		{{"marker", UDP, .dport = 4500, .n = 800}, true, EG_PASS},
		{{"data", UDP, .dport = 51820, .n = 800, .body = {4}}, true, EG_PASS},
		{{"other", UDP, .dport = 53, .n = 800}, false, EG_DROP_EXCEPTION_DENIED},
		{{"ESP in UDP", UDP, .dport = 4500, .n = 800, .body = {0, 0, 0x99, 1}},
		 false,
		 EG_DROP_ESP_UNKNOWN_SPI},
		{{"ESP", ESP, .n = 808, .body = {0, 0, 0x99, 1}}, false, EG_DROP_ESP_UNKNOWN_SPI},
		{{"bad", UDP, .udp_len = 1, .dport = 4500, .n = 800}, false, EG_DROP_SHORT_L4},
	};
	struct gw *gw = open_gw(false, &allow);
	struct frame got;

	(void)state;
	for (unsigned i = 0; i < COUNT(whole); i++) {
		struct frame frame = frame_of(&whole[i].row, false);
		struct frame parts[2] = {half(&frame, 512, 808, false), half(&frame, 0, 512, true)};
		uint64_t before = gw_drops_all(gw), drops = gw_drops(gw, whole[i].drop);

		gw_send(gw, ENCRYPTED, parts, 2);
		if (gw_to_kernel(gw, ENCRYPTED, &got, 1) != whole[i].to_kernel)
			fail_msg("%s", whole[i].row.what);
		if (gw_drops_all(gw) != before + !whole[i].to_kernel ||
		    gw_drops(gw, whole[i].drop) != drops + !whole[i].to_kernel)
			fail_msg("%s: wrong reason", whole[i].row.what);
	}
	gw_close(gw);
}

/* The stage is counted under its own name: every packet that entered it. */
static void test_counter(void **state)
{
	struct gw *gw = open_gw(false, NULL);
	struct frame frame = frame_of(&rows[0], false), echo;

	(void)state;
	assert_string_equal(eg_stage_name(EG_STAGE_DEMUX), "demux");
	gw_send(gw, ENCRYPTED, &frame, 1); /* the first burst is timed */
	assert_int_equal(eg_counted(&gw->stats[0]->packets[EG_STAGE_FRONT]), 1);
	assert_int_equal(eg_counted(&gw->stats[0]->packets[EG_STAGE_DEMUX]), 0);
	assert_int_equal(eg_counted(&gw->stats[0]->packets[EG_STAGE_SA_IN]), 1);
	assert_int_equal(eg_counted(&gw->stats[0]->packets[EG_STAGE_ESP_IN]), 0);
	gw_close(gw);
	gw = open_gw(false, NULL);
	echo = frame_of(&rows[COUNT(rows) - 3], false);
	gw_send(gw, ENCRYPTED, &echo, 1);
	assert_int_equal(eg_counted(&gw->stats[0]->packets[EG_STAGE_DEMUX]), 1);
	assert_int_equal(eg_counted(&gw->stats[0]->packets[EG_STAGE_SA_IN]), 0);
	gw_close(gw);
}

int run_demux_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),       cmocka_unit_test(test_to_kernel),
		cmocka_unit_test(test_mixed_burst), cmocka_unit_test(test_reassembled),
		cmocka_unit_test(test_counter),
	};

	return cmocka_run_group_tests_name("path demux", tests, NULL, NULL);
}
