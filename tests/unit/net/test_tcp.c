/* MSS clamping: a table of option lists, random lists against a naive parser, and the checksum
 * against a freshly computed one. */
#include "net/net_tests.h"

#include "common/hex.h"
#include "common/random.h"
#include "net/bytes.h"
#include "net/tcp.h"

/* A SYN with these options, checksummed without a pseudo-header. Returns its length. */
static size_t make_syn(const char *options, uint8_t *out)
{
	size_t n = hex_bytes(options, out + 20, 40);

	memset(out, 0, 20);
	eg_put32(out, 0x1234abcd);
	out[12] = (uint8_t)((20 + n) / 4 << 4);
	out[13] = EG_TCP_SYN;
	eg_put16(out + 16, net_naive_checksum(out, 20 + n));
	return 20 + n;
}

static void test_table(void **state)
{
	static const struct {
		const char *what, *options;
		unsigned at; /* of the value; 0: unchanged */
	} rows[] = {
		{"none", "", 0},
		{"larger", "020405b4", 22},
		{"equal", "02040400", 0},
		{"smaller", "02040200", 0},
		{"after other options", "0103030a 020405b4", 26},
		{"at an odd offset", "01 020405b4 010101", 23},
		{"Linux's", "020405b4 0402080a 00000001 00000000 01030307", 22},
		{"after the end of options", "00000000 020405b4", 0},
		{"of length 3", "02030501", 0},
		{"option of length 0", "0500 020405b4 0000", 0},
		{"option beyond the end", "0101 0509 020405b4", 0},
		{"length cut off", "01010102", 0},
		{"value cut off", "01010204", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t bytes[60], *tcp, want[60];
		size_t n = make_syn(rows[i].options, bytes);
		bool changed;

		tcp = net_exact_copy(bytes, n);
		memcpy(want, bytes, n);
		changed = eg_tcp_clamp_mss(tcp, (uint32_t)n, 1024);
		if (changed != (rows[i].at != 0))
			fail_msg("%s: %s", rows[i].what, changed ? "changed" : "left");
		if (changed)
			eg_put16(want + rows[i].at, 1024);
		assert_memory_equal(tcp + 18, want + 18, n - 18);
		assert_int_equal(net_naive_checksum(tcp, n), 0);
		free(tcp);
	}
}

/* Offset of the value, found by a parser that copies what it reads. */
static size_t naive_find(const uint8_t *tcp, size_t n)
{
	size_t end = (tcp[12] >> 4) * 4u;

	for (size_t at = 20; at < end && at < n;) {
		uint8_t kind = tcp[at], size = at + 1 < n ? tcp[at + 1] : 0;

		if (kind == 0)
			return 0;
		if (kind == 1) {
			at++;
			continue;
		}
		if (at + 1 >= end || size < 2 || at + size > end || at + size > n)
			return 0;
		if (kind == 2 && size == 4)
			return at + 2;
		at += size;
	}
	return 0;
}

static void test_random(void **state)
{
	struct rng rng = rng_start("MSS");

	(void)state;
	for (unsigned turn = 0; turn < 200000; turn++) {
		size_t n = 20 + rng_below(&rng, 41), at;
		uint8_t bytes[60] = {0}, *tcp;
		uint16_t most = (uint16_t)rng_below(&rng, 1500), old = 0;
		bool changed;

		rng_fill(&rng, bytes, n);
		for (size_t i = 20; i < n; i++) { /* mostly option kinds and lengths */
			if (rng_below(&rng, 4))
				bytes[i] = (uint8_t)rng_below(&rng, 6);
		}
		n -= n % 2; /* whole words, for the sum */
		eg_put16(bytes + 16, 0);
		eg_put16(bytes + 16, net_naive_checksum(bytes, n));
		at = naive_find(bytes, n);
		if (at)
			old = eg_get16(bytes + at);
		tcp = net_exact_copy(bytes, n);
		changed = eg_tcp_clamp_mss(tcp, (uint32_t)n, most);
		assert_int_equal(changed, at && old > most);
		if (changed)
			assert_int_equal(eg_get16(tcp + at), most);
		assert_int_equal(net_naive_checksum(tcp, n), 0);
		free(tcp);
	}
}

int run_tcp_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("net TCP", tests, NULL, NULL);
}
