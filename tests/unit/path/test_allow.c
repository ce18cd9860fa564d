/* What passes in clear between an encrypted port and the kernel: a truth table over allow lists,
 * protocols, ports, flags and directions, for both families. */
#include "path/path_tests.h"

#include "net/bytes.h"
#include "path/allow.h"

#define SYN  0x02
#define ACK  0x10
#define PUSH 0x18
#define TCP  6
#define UDP  17

enum body {
	PLAIN,
	MARKER,    /* four zero bytes */
	ESP,       /* an SPI */
	KEEPALIVE, /* 0xff */
};

static const struct eg_allow nothing;
static const struct eg_allow ike = {.ike = true};
static const struct eg_allow icmp = {.icmp = true};
static const struct eg_allow bgp = {.n = 1, .port = {{TCP, 179}}};
static const struct eg_allow some = {.n = 3, .port = {{TCP, 22}, {TCP, 9000}, {UDP, 3784}}};

#define NO EG_CLEAR_NONE

static const struct row {
	const struct eg_allow *allow;
	unsigned proto, sport, dport; /* ICMP: sport is the type */
	unsigned flags;               /* TCP; UDP: enum body */
	unsigned in, out;             /* expected: received from the wire; sent to it */
} table[] = {
	/* 0: an empty list allows nothing */
	{&nothing, UDP, 500, 500, PLAIN, NO, NO},
	{&nothing, TCP, 179, 179, ACK, NO, NO},
	{&nothing, 1, 0, 0, 0, NO, NO},
	{&nothing, 89, 0, 0, 0, NO, NO},
	/* 4: IKE on 500: the port must be ours; a NAT may have changed the peer's */
	{&ike, UDP, 500, 500, PLAIN, EG_CLEAR_IKE, EG_CLEAR_IKE},
	{&ike, UDP, 40000, 500, PLAIN, EG_CLEAR_IKE, NO},
	{&ike, UDP, 500, 40000, PLAIN, NO, EG_CLEAR_IKE},
	{&ike, UDP, 501, 501, PLAIN, NO, NO},
	/* 8: on 4500 only with the non-ESP marker; the kernel's own ESP does not leave */
	{&ike, UDP, 4500, 4500, MARKER, EG_CLEAR_IKE, EG_CLEAR_IKE},
	{&ike, UDP, 1024, 4500, MARKER, EG_CLEAR_IKE, NO},
	{&ike, UDP, 4500, 1024, MARKER, NO, EG_CLEAR_IKE},
	{&ike, UDP, 4500, 4500, ESP, NO, NO},
	{&ike, UDP, 4500, 4500, PLAIN, NO, NO},
	{&ike, UDP, 4500, 4500, KEEPALIVE, NO, EG_CLEAR_IKE},
	/* 14: IKE is UDP and nothing else */
	{&ike, TCP, 500, 500, ACK, NO, NO},
	{&ike, TCP, 179, 179, SYN, NO, NO},
	{&ike, 1, 8, 0, 0, NO, NO},
	/* 17: TCP may be opened from either end, to the allowed port */
	{&bgp, TCP, 40000, 179, SYN, EG_CLEAR_BGP, EG_CLEAR_BGP},
	{&bgp, TCP, 40000, 179, ACK, EG_CLEAR_BGP, EG_CLEAR_BGP},
	{&bgp, TCP, 179, 40000, SYN | ACK, EG_CLEAR_BGP, EG_CLEAR_BGP},
	{&bgp, TCP, 179, 40000, PUSH, EG_CLEAR_BGP, EG_CLEAR_BGP},
	/* 21: using the allowed port as source opens nothing else here */
	{&bgp, TCP, 179, 22, SYN, NO, EG_CLEAR_BGP},
	{&bgp, TCP, 179, 179, SYN, EG_CLEAR_BGP, EG_CLEAR_BGP},
	{&bgp, TCP, 40000, 22, SYN, NO, NO},
	{&bgp, UDP, 179, 179, PLAIN, NO, NO},
	/* 25: lists of ports, by kind */
	{&some, TCP, 40000, 22, SYN, EG_CLEAR_SSH, EG_CLEAR_SSH},
	{&some, TCP, 40000, 9000, SYN, EG_CLEAR_TCP, EG_CLEAR_TCP},
	{&some, TCP, 40000, 179, SYN, NO, NO},
	{&some, UDP, 49152, 3784, PLAIN, EG_CLEAR_UDP, NO},
	{&some, UDP, 3784, 49152, PLAIN, NO, EG_CLEAR_UDP},
	{&some, UDP, 9000, 9000, PLAIN, NO, NO},
	{&some, UDP, 500, 500, PLAIN, NO, NO},
	/* 32: ICMP: replies to the node's requests, and errors; no redirects, router discovery or
	 * masks */
	{&icmp, 1, 0, 0, 0, EG_CLEAR_ICMP, NO},
	{&icmp, 1, 8, 0, 0, NO, EG_CLEAR_ICMP},
	{&icmp, 1, 3, 0, 0, EG_CLEAR_ICMP, EG_CLEAR_ICMP},
	{&icmp, 1, 11, 0, 0, EG_CLEAR_ICMP, EG_CLEAR_ICMP},
	{&icmp, 1, 5, 0, 0, NO, NO},
	{&icmp, 1, 9, 0, 0, NO, NO},
	{&icmp, 1, 17, 0, 0, NO, NO},
	/* 39: the same numbers mean other things in IPv6; see below */
	{&icmp, 58, 129, 0, 0, EG_CLEAR_ICMP, NO},
	{&icmp, 58, 128, 0, 0, NO, EG_CLEAR_ICMP},
	{&icmp, 58, 1, 0, 0, EG_CLEAR_ICMP, EG_CLEAR_ICMP},
	{&icmp, 58, 2, 0, 0, EG_CLEAR_ICMP, EG_CLEAR_ICMP},
	{&icmp, 58, 133, 0, 0, NO, NO},
	{&icmp, 58, 134, 0, 0, NO, NO},
	{&icmp, 58, 137, 0, 0, NO, NO},
	/* 46: other protocols cannot be allowed */
	{&icmp, UDP, 500, 500, PLAIN, NO, NO},
	{&some, 89, 0, 0, 0, NO, NO},
	{&some, 132, 22, 22, 0, NO, NO},
};

/* The packet of a row, as parsed. */
static struct frame make(const struct row *row, bool v6, struct eg_pkt *pkt)
{
	struct flow flow = {.src = v6 ? "2001:db8::2" : "192.0.2.2",
			    .dst = v6 ? "2001:db8::1" : "192.0.2.1",
			    .proto = (uint8_t)row->proto,
			    .payload = 40};
	struct frame frame = {0};
	uint8_t *l4 = frame.bytes + (v6 ? 40 : 20);

	if (row->proto == UDP && row->flags == KEEPALIVE)
		flow.payload = 9;
	add_packet(&frame, &flow);
	eg_put16(l4, (uint16_t)row->sport);
	eg_put16(l4 + 2, (uint16_t)row->dport);
	if (row->proto == TCP)
		l4[13] = (uint8_t)row->flags;
	if (row->proto == UDP)
		eg_put32(l4 + 8, row->flags == MARKER ? 0 : 0xff000001);
	if (row->proto == 1 || row->proto == 58)
		l4[0] = (uint8_t)row->sport;
	assert_int_equal(eg_parse_ip(frame.bytes, frame.n, pkt), EG_PASS);
	return frame;
}

static void test_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(table); i++) {
		for (unsigned v6 = 0; v6 < 2; v6++) {
			const struct row *row = &table[i];
			bool foreign = row->proto == (v6 ? 1u : 58u);
			struct eg_pkt pkt;
			struct frame frame = make(row, v6, &pkt);
			unsigned in = eg_allow_in(row->allow, frame.bytes, &pkt);
			unsigned out = eg_allow_out(row->allow, frame.bytes, &pkt);

			if (in != (foreign ? NO : row->in) || out != (foreign ? NO : row->out))
				fail_msg("row %u, IPv%u: in %u, out %u", i, v6 ? 6 : 4, in, out);
		}
	}
}

/* Fragments never pass, whatever their ports. */
static void test_fragments(void **state)
{
	struct eg_pkt pkt;
	struct frame frame = make(&table[4], false, &pkt);

	(void)state;
	assert_int_equal(eg_allow_in(&ike, frame.bytes, &pkt), EG_CLEAR_IKE);
	pkt.frag = EG_FRAG_FIRST;
	assert_int_equal(eg_allow_in(&ike, frame.bytes, &pkt), NO);
	assert_int_equal(eg_allow_out(&ike, frame.bytes, &pkt), NO);
	pkt.frag = EG_FRAG_LATER;
	assert_int_equal(eg_allow_in(&ike, frame.bytes, &pkt), NO);
}

int run_allow_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_fragments),
	};

	return cmocka_run_group_tests_name("path allow", tests, NULL, NULL);
}
