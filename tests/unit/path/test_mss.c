/* SYNs through a tunnel, in both directions: the MSS is clamped, and checksums stay correct. */
#include "path/path_tests.h"

#include "net/bytes.h"

/* 1500 less 20 + 8 + 8 + 16 of overhead and 2 of trailer leaves 1446. */
#define MSS4 (1446 - 40)
#define MSS6 (1446 - 60)

static const struct flow out4 = {V4, .proto = 6, .payload = 24};
static const struct flow out6 = {.src = "fd00:1::5", .dst = "fd00:2::9", .proto = 6, .payload = 24};
static const struct flow in4 = {.src = "10.2.0.9", .dst = "10.1.0.5", .proto = 6, .payload = 24};
static const struct flow in6 = {.src = "fd00:2::9", .dst = "fd00:1::5", .proto = 6, .payload = 24};
static const struct flow beside = {.src = "10.1.0.5", .dst = "10.1.0.6", .proto = 6, .payload = 24};

/* TCP checksum over the segment: 0 if it is correct. */
static uint16_t tcp_sum(const uint8_t *packet, size_t n)
{
	uint8_t all[200] = {0};
	size_t head = packet[0] >> 4 == 4 ? 20 : 40, at = head == 20 ? 12 : 40;

	memcpy(all, packet + (head == 20 ? 12 : 8), head == 20 ? 8 : 32);
	all[at - 1 - (head == 20 ? 2 : 0)] = 6;
	eg_put16(all + at - (head == 20 ? 2 : 6), (uint16_t)(n - head));
	memcpy(all + at, packet + head, n - head);
	return naive_checksum(all, at + n - head);
}

static struct frame syn(const struct flow *flow, unsigned flags, unsigned mss)
{
	struct frame packet = {0};
	uint8_t *tcp;

	add_packet(&packet, flow);
	tcp = packet.bytes + packet.n - 24;
	tcp[12] = 0x60;
	tcp[13] = (uint8_t)flags;
	eg_put16(tcp + 20, 0x0204);
	eg_put16(tcp + 22, (uint16_t)mss);
	eg_put16(tcp + 16, 0);
	eg_put16(tcp + 16, tcp_sum(packet.bytes, packet.n));
	return packet;
}

static void test_clamped(void **state)
{
	enum {
		SYN = 2,
		ACK = 16
	};
	static const struct {
		const char *what;
		const struct flow *flow;
		unsigned flags, mss, want;
		bool inbound, off;
	} rows[] = {
		{"SYN", &out4, SYN, 1460, MSS4, false, false},
		{"SYN-ACK", &out4, SYN | ACK, 1460, MSS4, false, false},
		{"IPv6", &out6, SYN, 1440, MSS6, false, false},
		{"what fits", &out4, SYN, MSS4, MSS4, false, false},
		{"small", &out4, SYN, 536, 536, false, false},
		{"no SYN", &out4, ACK, 1460, 1460, false, false},
		{"off", &out4, SYN, 1460, 1460, false, true},
		{"from the tunnel", &in4, SYN, 1460, MSS4, true, false},
		{"IPv6 from the tunnel", &in6, SYN | ACK, 9000, MSS6, true, false},
		{"from the tunnel, off", &in4, SYN, 1460, 1460, true, true},
		{"from pod to pod", &beside, SYN, 1460, 1460, false, false},
	};
	struct gw *gw = gw_open((struct gw_spec){.site = 1});
	struct tunnel to = tunnel_to(gw), from = tunnel_from(gw);
	uint64_t seq_in = 0, seq_out = 0;

	(void)state;
	gw_ready(gw);
	gw->path[0]->port[ENCRYPTED].mtu = 1500;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct frame packet = syn(rows[i].flow, rows[i].flags, rows[i].mss), frame = {0};
		const uint8_t *left = frame.bytes + 14;

		gw_tunnel(gw, 0)->mss_clamp = !rows[i].off;
		if (rows[i].inbound) {
			frame = tunnel_packet(&to, ++seq_in, packet.bytes, packet.n);
		} else {
			start_frame(&frame, CLEAR, packet.bytes[0] >> 4);
			memcpy(frame.bytes + frame.n, packet.bytes, packet.n);
			frame.n = (uint16_t)(frame.n + packet.n);
		}
		gw_send(gw, rows[i].inbound ? ENCRYPTED : CLEAR, &frame, 1);
		if (rows[i].inbound || rows[i].flow == &beside) {
			assert_int_equal(gw_sent(gw, CLEAR, &frame, 1), 1);
		} else {
			assert_int_equal(gw_sent(gw, ENCRYPTED, &frame, 1), 1);
			frame = open_frame(&from, &frame, ++seq_out);
			left = frame.bytes;
		}
		if (eg_get16(left + packet.n - 2) != rows[i].want)
			fail_msg("%s: %u", rows[i].what, eg_get16(left + packet.n - 2));
		assert_int_equal(tcp_sum(left, packet.n), 0);
	}
	gw_close(gw);
}

int run_mss_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clamped),
	};

	return cmocka_run_group_tests_name("path MSS", tests, NULL, NULL);
}
