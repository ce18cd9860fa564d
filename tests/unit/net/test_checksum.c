/* The Internet checksum against an oracle that adds one byte at a time and carries at once. */
#include "net/net_tests.h"

#include "common/random.h"
#include "net/checksum.h"

uint16_t net_naive_checksum(const uint8_t *bytes, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? bytes[i] : (unsigned)bytes[i] << 8;
		if (sum > 0xffff)
			sum = sum - 0x10000 + 1; /* end-around carry */
	}
	return (uint16_t)(0xffff - sum);
}

/* Example of RFC 1071 s3: the sum is ddf2. */
static void test_rfc1071(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(eg_checksum_fold(eg_checksum_add(0, bytes, sizeof(bytes))),
			 0xffff - 0xddf2);
}

static void test_lengths(void **state)
{
	struct rng rng = rng_start("checksum");
	uint8_t bytes[2048];

	(void)state;
	for (size_t n = 0; n < sizeof(bytes); n++) {
		size_t cut = rng_below(&rng, n + 1) & ~1ull;
		uint8_t *exact;
		uint32_t sum;

		rng_fill(&rng, bytes, n);
		if (rng_below(&rng, 4) == 0)
			memset(bytes, 0xff, n); /* maximizes carries */
		exact = net_exact_copy(bytes, n);
		sum = eg_checksum_add(0, exact, n);
		assert_int_equal(eg_checksum_fold(sum), net_naive_checksum(bytes, n));
		sum = eg_checksum_add(eg_checksum_add(0, exact, cut), exact + cut, n - cut);
		assert_int_equal(eg_checksum_fold(sum), net_naive_checksum(bytes, n));
		free(exact);
	}
}

/* Every header length, correct and with one bit flipped. */
static void test_header(void **state)
{
	struct rng rng = rng_start("header checksum");

	(void)state;
	for (int round = 0; round < 20000; round++) {
		unsigned ihl = 20 + 4 * (unsigned)rng_below(&rng, 11);
		unsigned bit = (unsigned)rng_below(&rng, ihl * 8);
		uint8_t header[60];

		rng_fill(&rng, header, ihl);
		header[0] |= 0x40; /* an all-zero header would have two valid checksums */
		eg_put16(header + 10, 0);
		eg_put16(header + 10, net_naive_checksum(header, ihl));
		assert_true(eg_ip4_checksum_ok(header, ihl));
		header[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(eg_ip4_checksum_ok(header, ihl));
	}
}

/* RFC 1624: the updated checksum equals a freshly computed one for every TTL, also where the sum is
 * at the boundary between 0 and -0, which RFC 1141's older formula gets wrong. */
static void test_ttl(void **state)
{
	struct rng rng = rng_start("ttl");

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct eg_ip4 ip;
		bool border = round % 2;

		rng_fill(&rng, &ip, sizeof(ip));
		ip.ver_ihl = 0x45;
		for (unsigned ttl = 1; ttl < 256; ttl++) {
			uint16_t fresh;

			ip.ttl = (uint8_t)ttl;
			ip.check = ip.id_be = 0;
			if (border) /* makes the checksum 0, or 1 past it */
				ip.id_be =
					htobe16((uint16_t)(net_naive_checksum((uint8_t *)&ip, 20) -
							   rng_below(&rng, 2)));
			ip.check = htobe16(net_naive_checksum((uint8_t *)&ip, 20));
			eg_ip4_decrement_ttl(&ip);
			assert_int_equal(ip.ttl, ttl - 1);
			fresh = ip.check;
			ip.check = 0;
			assert_int_equal(be16toh(fresh), net_naive_checksum((uint8_t *)&ip, 20));
		}
	}
}

int run_checksum_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc1071),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_ttl),
	};

	return cmocka_run_group_tests_name("net checksum", tests, NULL, NULL);
}
