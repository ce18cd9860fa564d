/* ECN at decapsulation: all sixteen combinations of RFC 6040 s4.2, figure 4. */
#include "path/path_tests.h"

enum {
	NOT_ECT,
	ECT_1,
	ECT_0,
	CE,
	DROP,
};

/* clang-format off */
static const uint8_t table[4][4] = {
	/* outer:      Not-ECT  ECT(1)   ECT(0)   CE */
	[NOT_ECT] = {  NOT_ECT, NOT_ECT, NOT_ECT, DROP },
	[ECT_1]   = {  ECT_1,   ECT_1,   ECT_1,   CE   },
	[ECT_0]   = {  ECT_0,   ECT_1,   ECT_0,   CE   },
	[CE]      = {  CE,      CE,      CE,      CE   },
};
/* clang-format on */

/* An IPv4 header keeps its options, and its checksum covers them. */
static size_t add_options(uint8_t *packet, size_t n)
{
	memmove(packet + 24, packet + 20, n - 20);
	memcpy(packet + 20, "\x01\x01\x01\x00", 4);
	packet[0] = 0x46;
	packet[3] = (uint8_t)(packet[3] + 4);
	fix_checksum(packet);
	return n + 4;
}

/* inner_kind: 4, 6, or 5 for IPv4 with options. */
static void check_pair(unsigned inner_kind, unsigned outer_version, uint8_t inner, uint8_t outer)
{
	const uint8_t inner_dscp = 0xb8, outer_dscp = 0x28; /* neither is changed */
	struct gw *gw = gw_open((struct gw_spec){.site = 1, .outer = outer_version});
	struct tunnel tunnel = tunnel_to(gw);
	struct flow flow = {.src = "10.2.0.9", .dst = "10.1.0.5", .payload = 40};
	struct frame packet = {0}, frame;

	gw_ready(gw);
	if (inner_kind == 6) {
		flow.src = "fd00:2::9";
		flow.dst = "fd00:1::5";
	}
	flow.tos = inner_dscp | inner;
	flow.seed = 12345;
	tunnel.tos = outer_dscp | outer;
	add_packet(&packet, &flow);
	if (inner_kind == 5)
		packet.n = (uint16_t)add_options(packet.bytes, packet.n);
	frame = tunnel_packet(&tunnel, 1, packet.bytes, packet.n);
	gw_send(gw, ENCRYPTED, &frame, 1);
	if (table[inner][outer] == DROP) {
		assert_int_equal(gw_sent(gw, CLEAR, &frame, 1), 0);
		assert_int_equal(gw_drops(gw, EG_DROP_ESP_ECN), 1);
	} else {
		assert_int_equal(gw_sent(gw, CLEAR, &frame, 1), 1);
		set_tos(packet.bytes, inner_dscp | table[inner][outer]);
		age(packet.bytes, 1);
		assert_int_equal(frame.n - 14, packet.n);
		assert_memory_equal(frame.bytes + 14, packet.bytes, packet.n);
	}
	gw_close(gw);
}

static void test_table(void **state)
{
	(void)state;
	for (unsigned kind = 4; kind <= 6; kind++) {
		for (unsigned outer_version = 4; outer_version <= 6; outer_version += 2) {
			for (uint8_t pair = 0; pair < 16; pair++)
				check_pair(kind, outer_version, pair / 4, pair % 4);
		}
	}
}

int run_ecn_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests_name("path ECN", tests, NULL, NULL);
}
