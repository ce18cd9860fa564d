/* Keys: both directions are equal and their sides opposite. Hashes: evenly distributed even if
 * addresses are not. */
#include "flow_tests.h"

static void random_ends(struct rng *rng, uint8_t src[16], uint8_t dst[16])
{
	rng_fill(rng, src, 16);
	rng_fill(rng, dst, 16);
	switch (rng_below(rng, 4)) {
	case 0: /* adjacent addresses */
		memcpy(dst, src, 16);
		dst[rng_below(rng, 16)] ^= 1;
		break;
	case 1: /* the same address */
		memcpy(dst, src, 16);
		break;
	default:
		break;
	}
}

static void test_symmetry(void **state)
{
	struct rng rng = rng_start("keys");
	const struct eg_flow_seed seed = {
		{rng_next(&rng), rng_next(&rng), rng_next(&rng), rng_next(&rng)}};

	(void)state;
	for (int round = 0; round < 1000000; round++) {
		uint8_t src[16], dst[16];
		struct eg_flow_tuple there, back;
		struct eg_flow_key a, b;
		unsigned side_a, side_b, bytes;

		random_ends(&rng, src, dst);
		there = (struct eg_flow_tuple){.src = src,
					       .dst = dst,
					       .sport = (uint16_t)rng_below(&rng, 3),
					       .dport = (uint16_t)rng_below(&rng, 3),
					       .proto = (uint8_t)rng_next(&rng),
					       .version = rng_below(&rng, 2) ? 4 : 6};
		back = there;
		back.src = dst;
		back.dst = src;
		back.sport = there.dport;
		back.dport = there.sport;
		memset(&a, 0xa5, sizeof(a)); /* nothing of the old content may remain */
		memset(&b, 0x5a, sizeof(b));
		side_a = eg_flow_key_make(&a, &there);
		side_b = eg_flow_key_make(&b, &back);
		bytes = there.version == 4 ? 4 : 16;
		assert_true(eg_flow_key_equal(&a, &b));
		assert_true(eg_flow_hash(&a, &seed) == eg_flow_hash(&b, &seed));
		/* A packet from an end to itself on the same port has no other direction. */
		if (!memcmp(src, dst, bytes) && there.sport == there.dport)
			assert_int_equal(side_a, side_b);
		else
			assert_int_equal(side_a, !side_b);
		assert_memory_equal(a.addr[side_a], src, bytes);
		assert_memory_equal(a.addr[!side_a], dst, bytes);
		assert_int_equal(a.port[side_a], there.sport);
		assert_int_equal(a.port[!side_a], there.dport);
	}
}

/* Every part matters. */
static void test_parts(void **state)
{
	uint8_t src[16] = {10, 0, 0, 1}, dst[16] = {10, 0, 0, 2};
	struct eg_flow_tuple base = {src, dst, 1000, 80, 6, 4}, other;
	struct eg_flow_key a, b;

	(void)state;
	eg_flow_key_make(&a, &base);
	other = base;
	other.proto = 17;
	eg_flow_key_make(&b, &other);
	assert_false(eg_flow_key_equal(&a, &b));
	other = base;
	other.version = 6; /* same bytes after it */
	eg_flow_key_make(&b, &other);
	assert_false(eg_flow_key_equal(&a, &b));
	other = base;
	other.sport = 80; /* ports belong to ends, not to the pair */
	other.dport = 1000;
	eg_flow_key_make(&b, &other);
	assert_false(eg_flow_key_equal(&a, &b));
	for (unsigned i = 0; i < 4; i++) {
		uint8_t moved[16];

		memcpy(moved, dst, 16);
		moved[i] ^= 0x80;
		other = base;
		other.dst = moved;
		eg_flow_key_make(&b, &other);
		assert_false(eg_flow_key_equal(&a, &b));
	}
}

/* Sequences that a cluster produces, or an attacker who wants to fill one bucket. */
enum pattern {
	PORTS,      /* one pair of hosts, consecutive source ports */
	BOTH_PORTS, /* both ports consecutive */
	HOSTS,      /* one server, consecutive hosts */
	PAIRS,      /* consecutive hosts on both ends */
	HIGH_BITS,  /* only the first bits of the address differ */
	STRIDE,     /* hosts and ports in steps of 256 */
	MIRROR,     /* both ends differ in the same way: XOR would cancel out */
	PATTERNS,
};

static struct eg_flow_tuple tuple_of(enum pattern pattern, unsigned version, uint32_t n,
				     uint8_t src[16], uint8_t dst[16])
{
	struct eg_flow_tuple t = {src, dst, 40000, 443, 6, (uint8_t)version};
	unsigned last = version == 4 ? 0 : 12;
	uint32_t from = 0x0a000001, to = 0x0b000001;

	switch (pattern) {
	case PORTS:
		t.sport = (uint16_t)n;
		t.dport = (uint16_t)(443 + (n >> 16));
		break;
	case BOTH_PORTS:
		t.sport = (uint16_t)(n & 1023);
		t.dport = (uint16_t)(n >> 10);
		break;
	case HOSTS:
		from += n;
		break;
	case PAIRS:
		from += n & 1023;
		to += n >> 10;
		break;
	case HIGH_BITS:
		from = n << 12 | 1;
		break;
	case STRIDE:
		from += (n & 4095) << 8;
		t.sport = (uint16_t)((n >> 12) << 8);
		break;
	case MIRROR:
		from += n;
		to += n;
		break;
	case PATTERNS:
		break;
	}
	memset(src, 0, 16);
	memset(dst, 0, 16);
	src[0] = dst[0] = 0xfd;
	from = htobe32(from);
	to = htobe32(to);
	memcpy(src + last, &from, 4);
	memcpy(dst + last, &to, 4);
	return t;
}

#define FLOWS   (1u << 17)
#define BUCKETS (FLOWS / 8)

/* Unevenness: the sum of squares over buckets relative to a random distribution (1: random). */
static double unevenness(const uint32_t *count, uint32_t n)
{
	double mean = (double)FLOWS / n, sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += ((double)count[i] - mean) * ((double)count[i] - mean);
	return sum / n / mean;
}

static void check_spread(const struct eg_flow_seed *seed, enum pattern pattern, unsigned version)
{
	static uint32_t buckets[BUCKETS], tags[256];
	uint32_t fullest = 0;

	memset(buckets, 0, sizeof(buckets));
	memset(tags, 0, sizeof(tags));
	for (uint32_t n = 0; n < FLOWS; n++) {
		uint8_t src[16], dst[16];
		struct eg_flow_tuple t = tuple_of(pattern, version, n, src, dst);
		struct eg_flow_key key;
		uint64_t hash;

		eg_flow_key_make(&key, &t);
		hash = eg_flow_hash(&key, seed);
		buckets[hash % BUCKETS]++;
		tags[hash >> 56]++;
	}
	for (uint32_t i = 0; i < BUCKETS; i++)
		fullest = buckets[i] > fullest ? buckets[i] : fullest;
	/* Random: 1 +- sqrt(2 / n): 0.011 for buckets, 0.09 for tags. */
	if (unevenness(buckets, BUCKETS) > 1.1 || unevenness(tags, 256) > 1.7 || fullest > 32)
		fail_msg("pattern %d v%u: buckets %.3f, tags %.3f, fullest %u", pattern, version,
			 unevenness(buckets, BUCKETS), unevenness(tags, 256), fullest);
}

static void test_spread(void **state)
{
	struct rng rng = rng_start("hash spread");

	(void)state;
	for (int round = 0; round < 4; round++) {
		const struct eg_flow_seed seed = {
			{rng_next(&rng), rng_next(&rng), rng_next(&rng), rng_next(&rng)}};

		for (enum pattern pattern = 0; pattern < PATTERNS; pattern++) {
			check_spread(&seed, pattern, 4);
			check_spread(&seed, pattern, 6);
		}
	}
}

int run_key_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symmetry),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests_name("flow keys", tests, NULL, NULL);
}
