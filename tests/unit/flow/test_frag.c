/* Which first fragment a later one finds. */
#include "flow_tests.h"

static const uint8_t src[16] = {10, 0, 0, 1}, dst[16] = {10, 0, 0, 2};
static const struct eg_flow_tuple base = {src, dst, 1000, 80, 17, 4};

static struct eg_frags *new_frags(void)
{
	return calloc(1, sizeof(struct eg_frags));
}

static void test_lookup(void **state)
{
	struct eg_frags *frags = new_frags();
	struct eg_flow_tuple later = base, other;
	struct eg_frag_entry *first;

	(void)state;
	later.sport = later.dport = 0; /* later fragments have no ports */
	assert_null(eg_frag_get(frags, &later, 7, 100));
	first = eg_frag_put(frags, &base, 7, 100);
	assert_ptr_equal(eg_frag_get(frags, &later, 7, 100), first);
	assert_int_equal(first->sport, 1000);
	assert_int_equal(first->dport, 80);
	assert_null(eg_frag_get(frags, &later, 8, 100));
	other = later;
	other.src = dst;
	other.dst = src;
	assert_null(eg_frag_get(frags, &other, 7, 100));
	other = later;
	other.proto = 6;
	assert_null(eg_frag_get(frags, &other, 7, 100));
	other = later;
	other.version = 6;
	assert_null(eg_frag_get(frags, &other, 7, 100));
	free(frags);
}

static void test_timeout(void **state)
{
	static const struct {
		int number;
		uint32_t put_s, get_s;
		bool there;
	} rows[] = {
		{1, 100, 100, true}, {2, 100, 130, true},       {3, 100, 131, false},
		{4, 100, 99, false}, {5, 0xfffffff0, 14, true}, {6, 0xfffffff0, 15, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct eg_frags *frags = new_frags();

		eg_frag_put(frags, &base, 7, rows[i].put_s);
		if (!eg_frag_get(frags, &base, 7, rows[i].get_s) != !rows[i].there)
			fail_msg("row %d", rows[i].number);
		free(frags);
	}
}

/* A reused identification (it wraps) belongs to the newer packet; its ports may differ. */
static void test_reused_id(void **state)
{
	struct eg_frags *frags = new_frags();
	struct eg_flow_tuple newer = base;
	struct eg_frag_entry *first = eg_frag_put(frags, &base, 7, 100);

	(void)state;
	newer.dport = 443;
	assert_ptr_equal(eg_frag_put(frags, &newer, 7, 101), first);
	assert_int_equal(eg_frag_get(frags, &base, 7, 101)->dport, 443);
	free(frags);
}

/* A flood of first fragments: the table is bounded, and the last one put is found. */
static void test_eviction(void **state)
{
	struct eg_frags *frags = new_frags();
	unsigned kept = 0;

	(void)state;
	for (uint32_t id = 0; id < 100000; id++) {
		eg_frag_put(frags, &base, id, 100 + id / 10000);
		assert_non_null(eg_frag_get(frags, &base, id, 100 + id / 10000));
	}
	for (uint32_t id = 0; id < 100000; id++)
		kept += eg_frag_get(frags, &base, id, 109) != NULL;
	assert_int_equal(kept, EG_FRAG_SETS * EG_FRAG_WAYS);
	/* With as many concurrent packets as a quarter of the slots, hardly any is lost. */
	memset(frags, 0, sizeof(*frags));
	for (uint32_t id = 0; id < 256; id++)
		eg_frag_put(frags, &base, id, 100);
	kept = 0;
	for (uint32_t id = 0; id < 256; id++)
		kept += eg_frag_get(frags, &base, id, 100) != NULL;
	assert_true(kept >= 250);
	free(frags);
}

int run_frag_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_reused_id),
		cmocka_unit_test(test_eviction),
	};

	return cmocka_run_group_tests_name("fragments", tests, NULL, NULL);
}
