/* lib/route/lpm: the compressed trie against a linear scan of all prefixes. EG_SEED repeats a run.
 */
#include "route/route_tests.h"

#include <errno.h>
#include <time.h>

#include "route/lpm.h"

#define NONE EG_LPM_VALUE_MAX

static unsigned long below(unsigned long n)
{
	return (unsigned long)random() % n;
}

static uint32_t naive_lookup(const struct eg_lpm_entry *entries, size_t n, const struct eg_ip *ip)
{
	const struct eg_lpm_entry *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (eg_prefix_contains(&entries[i].prefix, ip) &&
		    (!best || entries[i].prefix.len >= best->prefix.len))
			best = &entries[i];
	return best ? best->value : NONE;
}

/* Prefixes that share bytes with earlier ones, as the pods of a cluster do: nested ones and long
 * chains. */
static struct eg_prefix random_prefix(const struct eg_lpm_entry *before, size_t n)
{
	struct eg_prefix p = {.ip.family = below(2) ? 4 : 6};
	unsigned bytes = eg_ip_bits(&p.ip) / 8, keep = 0;

	if (n && below(4)) {
		p.ip = before[below(n)].prefix.ip;
		bytes = eg_ip_bits(&p.ip) / 8;
		keep = (unsigned)below(bytes + 1);
	}
	for (unsigned b = keep; b < bytes; b++)
		p.ip.bytes[b] = (uint8_t)below(below(2) ? 3 : 256);
	p.len = (uint8_t)(below(3) ? below(bytes * 8 + 1) : bytes * 8);
	return p;
}

/* A random address, one bit next to a prefix's boundary, or exactly on it. */
static struct eg_ip random_probe(const struct eg_lpm_entry *entries, size_t n)
{
	struct eg_prefix p;

	if (!n || !below(8))
		return random_prefix(entries, n).ip;
	p = entries[below(n)].prefix;
	eg_prefix_mask(&p);
	if (below(2)) {
		unsigned bit = (unsigned)below(eg_ip_bits(&p.ip));

		p.ip.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	}
	return p.ip;
}

static void test_random(void **state)
{
	const char *given = getenv("EG_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);

	(void)state;
	print_message("EG_SEED=%u\n", seed);
	srandom(seed);
	for (int round = 0; round < 60; round++) {
		size_t n = below(round % 10 ? 60 : 600);
		struct eg_lpm_entry *entries = calloc(n + 1, sizeof(*entries));
		struct eg_lpm *lpm;

		for (size_t i = 0; i < n; i++)
			entries[i] = (struct eg_lpm_entry){random_prefix(entries, i), (uint32_t)i};
		lpm = eg_lpm_build(entries, n, NONE);
		assert_non_null(lpm);
		for (int i = 0; i < 5000; i++) {
			struct eg_ip ip = random_probe(entries, n);

			assert_int_equal(eg_lpm_lookup(lpm, &ip), naive_lookup(entries, n, &ip));
		}
		eg_lpm_free(lpm);
		free(entries);
	}
}

static void test_cases(void **state)
{
	static const char *const prefixes[] = {
		"0.0.0.0/0",          "10.0.0.0/8",    "10.244.0.0/16",    "10.244.1.0/24",
		"10.244.1.7/32",      "10.244.1.8/29", "fd00:10:244::/48", "fd00:10:244::1/128",
		"255.255.255.255/32", "10.0.0.0/8",
	};
	static const struct {
		const char *ip;
		uint32_t value;
	} cases[] = {
		{"0.0.0.0", 0},        {"11.0.0.0", 0},         {"9.255.255.255", 0},
		{"10.0.0.0", 9},       {"10.243.255.255", 9},   {"10.244.0.0", 2},
		{"10.244.1.0", 3},     {"10.244.1.6", 3},       {"10.244.1.7", 4},
		{"10.244.1.8", 5},     {"10.244.1.15", 5},      {"10.244.1.16", 3},
		{"10.244.2.7", 2},     {"255.255.255.255", 8},  {"255.255.255.254", 0},
		{"::", NONE},          {"fd00:10:244::", 6},    {"fd00:10:244::1", 7},
		{"fd00:10:244::2", 6}, {"fd00:10:244:1::1", 6}, {"fd00:10:245::1", NONE},
		{"fd00::1", NONE},
	};
	struct eg_lpm_entry entries[10];
	struct eg_lpm *lpm;

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		entries[i].value = i;
		assert_int_equal(eg_prefix_parse(prefixes[i], &entries[i].prefix), 0);
	}
	lpm = eg_lpm_build(entries, 10, NONE);
	assert_non_null(lpm);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct eg_ip ip;

		assert_int_equal(eg_ip_parse(cases[i].ip, &ip), 0);
		assert_int_equal(eg_lpm_lookup(lpm, &ip), cases[i].value);
	}
	eg_lpm_free(lpm);
}

static void test_refused(void **state)
{
	struct eg_lpm_entry e = {.prefix = {.ip.family = 4, .len = 33}};

	(void)state;
	assert_null(eg_lpm_build(&e, 1, 0));
	assert_int_equal(errno, EINVAL);
	e.prefix.len = 32;
	e.value = EG_LPM_VALUE_MAX + 1;
	assert_null(eg_lpm_build(&e, 1, 0));
	e.value = 0;
	assert_null(eg_lpm_build(&e, 1, EG_LPM_VALUE_MAX + 1));
	e.prefix.ip.family = 0;
	assert_null(eg_lpm_build(&e, 1, 0));
	eg_lpm_free(NULL);
}

/* 10,000 IPv6 pods with random host parts need little memory: skip nodes, not chains of tables. */
static void test_memory(void **state)
{
	struct eg_lpm_entry *entries = calloc(10000, sizeof(*entries));
	struct eg_lpm *lpm;

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		struct eg_prefix *p = &entries[i].prefix;

		*p = (struct eg_prefix){.ip = {{0xfd}, 6}, .len = 128};
		p->ip.bytes[7] = (uint8_t)(i % 100);
		for (int b = 8; b < 16; b++)
			p->ip.bytes[b] = (uint8_t)random();
		entries[i].value = i;
	}
	lpm = eg_lpm_build(entries, 10000, NONE);
	assert_non_null(lpm);
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(eg_lpm_lookup(lpm, &entries[i].prefix.ip), i);
	assert_true(eg_lpm_bytes(lpm) < 8 << 20);
	eg_lpm_free(lpm);
	free(entries);
}

int run_lpm_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests_name("lpm", tests, NULL, NULL);
}
