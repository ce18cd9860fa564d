/* Partial checksums are recognized as Linux leaves them and completed to the sum of a naive oracle,
 * for both families and every length. Other packets stay unchanged. */
#include "net/net_tests.h"

#include "common/random.h"
#include "net/bytes.h"
#include "net/partial_checksum.h"

#define LEN_MAX 1500

/* Sum over the pseudo-header and the first n bytes after the IP header, the obvious way. */
static uint16_t sum_of(const uint8_t *p, const struct eg_pkt *pkt, unsigned n)
{
	static uint8_t all[40 + LEN_MAX];
	unsigned addresses = pkt->version == 4 ? 8 : 32;

	memset(all, 0, sizeof(all));
	memcpy(all, p + (pkt->version == 4 ? 12 : 8), addresses);
	eg_put32(all + addresses, (uint32_t)(pkt->len - pkt->l4_off));
	all[addresses + 7] = pkt->proto;
	memcpy(all + addresses + 8, p + pkt->l4_off, n);
	return net_naive_checksum(all, addresses + 8 + n);
}

/* Make a packet of random bytes; returns its checksum's offset. */
static unsigned make(struct rng *rng, unsigned version, uint8_t proto, unsigned n, uint8_t *p,
		     struct eg_pkt *pkt)
{
	unsigned head = version == 4 ? 20 : 40;

	for (unsigned i = 0; i < head + n; i++)
		p[i] = (uint8_t)rng_next(rng);
	p[0] = version == 4 ? 0x45 : 0x60;
	eg_put16(p + (version == 4 ? 2 : 4), (uint16_t)(version == 4 ? 20 + n : n));
	p[version == 4 ? 9 : 6] = proto;
	if (version == 4) {
		eg_put16(p + 6, 0);
		net_fix_checksum(p, 20 + n);
	}
	assert_int_equal(eg_parse_ip(p, head + n, pkt), EG_PASS);
	return head + (proto == 6 ? 16 : 6);
}

static void test_random(void **state)
{
	struct rng rng = rng_start("partial checksums");
	uint8_t p[40 + LEN_MAX], before[40 + LEN_MAX];

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		unsigned version = round & 1 ? 6 : 4, n = 20 + (unsigned)rng_below(&rng, 1440), at;
		uint8_t proto = round & 2 ? 6 : 17;
		struct eg_pkt pkt;

		at = make(&rng, version, proto, n, p, &pkt);
		eg_put16(p + at, (uint16_t)~sum_of(p, &pkt, 0));
		assert_true(eg_checksum_is_partial(p, &pkt));
		memcpy(before, p, sizeof(p));
		eg_checksum_complete(p, &pkt);
		assert_int_equal(sum_of(p, &pkt, n), 0);
		assert_true(proto == 6 || eg_get16(p + at));
		/* Nothing else has changed, and a correct checksum stays. */
		memcpy(before + at, p + at, 2);
		assert_memory_equal(p, before, sizeof(p));
		eg_checksum_complete(p, &pkt);
		assert_memory_equal(p, before, sizeof(p));
		p[at] ^= 1;
		eg_put16(before + at, (uint16_t)~sum_of(p, &pkt, 0));
		assert_int_equal(eg_checksum_is_partial(p, &pkt),
				 eg_get16(p + at) == eg_get16(before + at));
		pkt.frag = EG_FRAG_FIRST;
		eg_put16(p + at, eg_get16(before + at));
		assert_false(eg_checksum_is_partial(p, &pkt));
		memcpy(before, p, sizeof(p));
		eg_checksum_complete(p, &pkt);
		assert_memory_equal(p, before, sizeof(p));
	}
}

/* A UDP checksum that comes out as 0 is sent as 0xffff. */
static void test_zero(void **state)
{
	struct rng rng = rng_start("zero");
	uint8_t p[40 + LEN_MAX];
	struct eg_pkt pkt;

	(void)state;
	for (unsigned version = 4; version <= 6; version += 2) {
		unsigned at = make(&rng, version, 17, 64, p, &pkt), last = pkt.len - 2u;

		eg_put16(p + at, 0);
		eg_put16(p + last, 0);
		eg_put16(p + last, sum_of(p, &pkt, 64));
		eg_checksum_complete(p, &pkt);
		assert_int_equal(eg_get16(p + at), 0xffff);
	}
}

/* SCTP uses CRC32c; its check value for "123456789" is 0xe3069283. */
static void test_sctp(void **state)
{
	uint8_t p[20 + 100] = {0x45};
	struct eg_pkt pkt;
	uint32_t crc = UINT32_MAX;

	(void)state;
	eg_put16(p + 2, sizeof(p));
	p[9] = 132;
	for (unsigned i = 20; i < sizeof(p); i++)
		p[i] = (uint8_t)(i * 11);
	eg_put32(p + 28, 0);
	net_fix_checksum(p, sizeof(p));
	assert_int_equal(eg_parse_ip(p, sizeof(p), &pkt), EG_PASS);
	assert_true(eg_checksum_is_partial(p, &pkt));
	for (unsigned i = 20; i < sizeof(p); i++) {
		crc ^= p[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	eg_checksum_complete(p, &pkt);
	for (unsigned i = 0; i < 4; i++) /* least significant byte first (RFC 9260 appendix A) */
		assert_int_equal(p[28 + i], (uint8_t)(~crc >> 8 * i));
	assert_false(eg_checksum_is_partial(p, &pkt));
	/* The old value of the field does not matter. */
	memcpy(&crc, p + 28, 4);
	eg_put32(p + 28, 0x01020304);
	eg_checksum_complete(p, &pkt);
	assert_memory_equal(p + 28, &crc, 4);
	/* Other protocols are left alone. */
	pkt.proto = 47;
	eg_put32(p + 28, 0);
	assert_false(eg_checksum_is_partial(p, &pkt));
	eg_checksum_complete(p, &pkt);
	assert_int_equal(eg_get32(p + 28), 0);
}

int run_partial_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_sctp),
	};

	return cmocka_run_group_tests_name("net partial checksums", tests, NULL, NULL);
}
