/* Truncated and mutated packets: whatever the bytes, offsets of an accepted packet lie inside it.
 * Buffers end where the packet ends, so that ASan catches reads past it. */
#include "net/net_tests.h"

#include "common/random.h"
#include "net/bytes.h"
#include "net/headers.h"
#include "net/transport.h"

/* Invariants that later stages rely on. */
static void assert_inside(const struct eg_pkt *pkt, const uint8_t *bytes, size_t n)
{
	bool has_ports = pkt->proto == EG_PROTO_TCP || pkt->proto == EG_PROTO_UDP ||
			 pkt->proto == EG_PROTO_SCTP || pkt->proto == EG_PROTO_ICMP ||
			 pkt->proto == EG_PROTO_ICMP6;

	assert_true(pkt->version == 4 || pkt->version == 6);
	assert_int_equal(pkt->version, bytes[0] >> 4);
	assert_true(pkt->len <= n);
	assert_true(pkt->l4_off <= pkt->len);
	assert_true(pkt->l4_off >= (pkt->version == 4 ? 20 : 40));
	if (pkt->version == 4)
		assert_int_equal(net_naive_checksum(bytes, (bytes[0] & 15u) * 4), 0);
	if (has_ports && pkt->frag != EG_FRAG_LATER)
		assert_true(pkt->len - pkt->l4_off >= 8);
	else
		assert_true(pkt->sport == 0 && pkt->dport == 0);
}

/* The position of ESP lies inside the packet and is found again after decryption. */
static void assert_insert_point(const struct eg_pkt *pkt, const uint8_t *bytes)
{
	struct eg_insert_point point = eg_transport_seal_point(bytes, pkt), opened;

	assert_true(point.off >= (pkt->version == 4 ? 20 : 40) && point.off <= pkt->l4_off);
	assert_true(point.next_off < point.off);
	opened = eg_transport_open_point(bytes, pkt, point.off);
	assert_int_equal(opened.off, point.off);
	assert_int_equal(opened.next_off, point.next_off);
}

/* Parse a copy of exactly n bytes; then again with padding after it, which may only change the
 * result of a truncated packet. */
static enum eg_verdict parse_exact(const uint8_t *bytes, size_t n)
{
	uint8_t *exact = net_exact_copy(bytes, n), *padded = malloc(n + 64);
	struct eg_pkt pkt, again;
	enum eg_verdict drop = eg_parse_ip(exact, (uint32_t)n, &pkt), drop_again;

	assert_non_null(padded);
	memcpy(padded, bytes, n);
	memset(padded + n, 0xa5, 64);
	drop_again = eg_parse_ip(padded, (uint32_t)n + 64, &again);
	if (drop == EG_PASS) {
		assert_inside(&pkt, exact, n);
		if (!pkt.frag)
			assert_insert_point(&pkt, exact);
		assert_int_equal(drop_again, EG_PASS);
		assert_memory_equal(&pkt, &again, sizeof(pkt));
		(void)eg_parse_addresses(exact, &pkt); /* for ASan */
	} else if (drop != EG_DROP_BAD_IP_LENGTH) {
		assert_int_equal(drop_again, drop);
	}
	free(exact);
	free(padded);
	return drop;
}

/* Truncated on the wire: the IP length is still that of the whole packet. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < net_valid_count(); i++) {
		struct net_packet packet = net_valid(i);
		struct eg_pkt pkt;

		assert_int_equal(eg_parse_ip(packet.bytes, (uint32_t)packet.n, &pkt), EG_PASS);
		for (size_t n = 0; n < pkt.len; n++)
			assert_int_equal(parse_exact(packet.bytes, n), EG_DROP_BAD_IP_LENGTH);
		for (size_t n = pkt.len; n <= packet.n; n++)
			assert_int_equal(parse_exact(packet.bytes, n), EG_PASS);
	}
}

static void set_length(uint8_t *bytes, size_t n)
{
	if (bytes[0] >> 4 == 4 && n >= 20) {
		eg_put16(bytes + 2, (uint16_t)n);
		net_fix_checksum(bytes, n);
	} else if (bytes[0] >> 4 == 6 && n >= 40) {
		eg_put16(bytes + 4, (uint16_t)(n - 40));
	}
}

/* Truncated by the sender: the IP length agrees, so the parser must notice what is missing inside.
 */
static void test_cut_inside(void **state)
{
	unsigned kept = 0, refused = 0;

	(void)state;
	for (size_t i = 0; i < net_valid_count(); i++) {
		for (size_t n = 1; n < net_valid(i).n; n++) {
			struct net_packet packet = net_valid(i);

			set_length(packet.bytes, n);
			if (parse_exact(packet.bytes, n) == EG_PASS)
				kept++;
			else
				refused++;
		}
	}
	assert_true(kept > 100 && refused > 100);
}

static void test_mutated(void **state)
{
	enum {
		ROUNDS = 300000
	};
	struct rng rng = rng_start("mutated packets");
	size_t n_valid = net_valid_count();
	unsigned count[EG_DROP_COUNT] = {0};

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct net_packet packet = net_valid(rng_below(&rng, n_valid));
		size_t n = rng_below(&rng, 3) ? packet.n : 1 + rng_below(&rng, packet.n);

		for (uint64_t flips = rng_below(&rng, 5); flips; flips--)
			packet.bytes[rng_below(&rng, n)] = (uint8_t)rng_next(&rng);
		if (rng_below(&rng, 2))
			net_fix_checksum(packet.bytes, n);
		if (rng_below(&rng, 2))
			set_length(packet.bytes, n);
		count[parse_exact(packet.bytes, n)]++;
	}
	/* The mutations reached every outcome. */
	assert_true(count[EG_PASS] > ROUNDS / 20);
	assert_true(count[EG_DROP_BAD_IP_LENGTH] && count[EG_DROP_BAD_IP_HEADER] &&
		    count[EG_DROP_BAD_IP_CHECKSUM] && count[EG_DROP_BAD_IP6_EXTENSION] &&
		    count[EG_DROP_SHORT_L4]);
}

int run_parse_random_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_inside),
		cmocka_unit_test(test_mutated),
	};

	return cmocka_run_group_tests_name("net parse, random", tests, NULL, NULL);
}
