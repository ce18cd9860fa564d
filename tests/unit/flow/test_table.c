/* The table's bounds: how full it gets, what happens then, and who is found afterwards. */
#include "flow_tests.h"

#define NOW_S 1000

static const struct eg_standing born = {.generation = 1, .state = EG_CONN_NEW};

/* Key n of a sequence: a server and its clients. */
static uint64_t make_key(const struct eg_flow_table *table, uint32_t n, struct eg_flow_key *key)
{
	const uint8_t dst[4] = {10, 0, 0, 1};
	const uint8_t src[4] = {11, (uint8_t)(n >> 24), (uint8_t)(n >> 16), 1};
	const struct eg_flow_tuple tuple = {src, dst, (uint16_t)n, 443, 6, 4};

	eg_flow_key_make(key, &tuple);
	return eg_flow_hash(key, &table->seed);
}

static uint32_t insert(struct eg_flow_table *table, uint32_t n)
{
	struct eg_flow_key key;
	uint64_t hash = make_key(table, n, &key);
	bool fresh;
	uint32_t conn = eg_conn_insert(table, &key, hash, born, NOW_S, &fresh);

	assert_int_equal(fresh, conn != EG_CONN_NONE);
	return conn;
}

static uint32_t find(const struct eg_flow_table *table, uint32_t n)
{
	struct eg_flow_key key;
	uint64_t hash = make_key(table, n, &key);

	return eg_conn_find(table, &key, hash);
}

static void set_standing(struct eg_flow_table *table, uint32_t conn, enum eg_conn_state state,
			 uint32_t seen_s)
{
	atomic_store(&table->conns[conn].standing, (struct eg_standing){.state = (uint8_t)state});
	atomic_store(&table->conns[conn].seen_s, seen_s);
}

static void test_sizes(void **state)
{
	static const struct {
		uint32_t wanted, got;
	} rows[] = {{0, EG_FLOW_MIN}, {1, EG_FLOW_MIN},     {1024, 1024},
		    {1025, 2048},     {1u << 20, 1u << 20}, {UINT32_MAX, EG_FLOW_MAX}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct eg_flow_table *table = eg_flow_table_new(rows[i].wanted);

		assert_non_null(table);
		assert_int_equal(table->n_conns, rows[i].got);
		eg_flow_table_free(table);
	}
	eg_flow_table_free(NULL);
}

/* Every number is used before the table refuses: no bucket pair is full before. The rest of the
 * keys is refused, and nobody who was there is lost. */
static void test_full(void **state)
{
	static const uint32_t sizes[] = {1024, 1u << 14, 1u << 20};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct eg_flow_table *table = eg_flow_table_new(sizes[i]);
		uint32_t n = 0;

		while (insert(table, n) != EG_CONN_NONE)
			n++;
		print_message("%u connections: the first refusal at %.2f %%\n", sizes[i],
			      100.0 * n / sizes[i]);
		assert_true(n >= sizes[i] / 100 * 95);
		for (uint32_t k = n; k < n + 10000; k++)
			insert(table, k);
		for (uint32_t k = 0; k < n; k++)
			assert_int_not_equal(find(table, k), EG_CONN_NONE);
		assert_true(eg_flow_in_use(table) >= n && eg_flow_in_use(table) <= sizes[i]);
		eg_flow_table_free(table);
	}
}

/* Two full buckets refuse, though the table has room; their sixteen and sixteen stay. */
static void test_full_buckets(void **state)
{
	struct eg_flow_table *table = eg_flow_table_new(1024);
	uint32_t taken = 0, refused = 0, keys[64];
	struct eg_flow_key key;
	uint64_t want = make_key(table, 0, &key);

	(void)state;
	for (uint32_t n = 0; refused < 8; n++) {
		uint64_t hash = make_key(table, n, &key);

		if (eg_flow_bucket1(table, hash) != eg_flow_bucket1(table, want) ||
		    eg_flow_bucket2(table, hash) != eg_flow_bucket2(table, want))
			continue;
		if (insert(table, n) == EG_CONN_NONE)
			refused++;
		else
			keys[taken++] = n;
	}
	assert_int_equal(taken, 2 * EG_BUCKET_SLOTS);
	assert_int_equal(eg_flow_in_use(table), taken);
	for (uint32_t k = 0; k < taken; k++)
		assert_int_not_equal(find(table, keys[k]), EG_CONN_NONE);
	/* The numbers of the refused are not lost. */
	for (uint32_t n = 1000000; eg_flow_in_use(table) < table->n_conns; n++)
		insert(table, n);
	eg_flow_table_free(table);
}

/* Refused for want of room, taken when there is some: swept, not before the grace period. */
static void test_room_again(void **state)
{
	struct eg_flow_table *table = eg_flow_table_new(1024);
	uint32_t n = 0, swept;

	(void)state;
	while (insert(table, n) != EG_CONN_NONE)
		n++;
	assert_int_equal(eg_flow_sweep(table, table->bucket_mask + 1, NOW_S + 29), 0);
	assert_false(eg_flow_reclaim_begin(table));
	for (uint32_t k = 0; k < 100; k++)
		set_standing(table, find(table, k), EG_CONN_CLOSED, NOW_S - 10);
	swept = eg_flow_sweep(table, table->bucket_mask + 1, NOW_S);
	assert_int_equal(swept, 100);
	assert_int_equal(eg_flow_in_use(table), n - 100);
	for (uint32_t k = 0; k < n; k++)
		assert_int_equal(find(table, k) == EG_CONN_NONE, k < 100);
	if (n == table->n_conns) /* all numbers are out: limbo is no room */
		assert_int_equal(insert(table, n), EG_CONN_NONE);
	assert_true(eg_flow_reclaim_begin(table));
	assert_false(eg_flow_reclaim_begin(table));
	if (n == table->n_conns)
		assert_int_equal(insert(table, n), EG_CONN_NONE);
	eg_flow_reclaim_finish(table);
	for (uint32_t k = 0; k < 100; k++)
		assert_int_not_equal(insert(table, 100000 + k), EG_CONN_NONE);
	eg_flow_table_free(table);
}

/* A worker whose clock is a second ahead of the sweep's, and a clock that wraps. */
static void test_clocks(void **state)
{
	static const struct {
		int number;
		uint32_t seen_s, now_s;
		bool goes; /* state new: 30 s */
	} rows[] = {
		{1, 1000, 999, false},       {2, 1000, 1000, false},
		{3, 1000, 1029, false},      {4, 1000, 1030, true},
		{5, 1000, 100000, true},     {6, 0xfffffff0, 0x0d, false},
		{7, 0xfffffff0, 0x0e, true}, {8, 5, 0xffffffff, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct eg_flow_table *table = eg_flow_table_new(1024);

		set_standing(table, insert(table, 1), EG_CONN_NEW, rows[i].seen_s);
		if (eg_flow_sweep(table, table->bucket_mask + 1, rows[i].now_s) != rows[i].goes)
			fail_msg("row %d", rows[i].number);
		eg_flow_table_free(table);
	}
}

/* One worker was done when the other, which had not found it before, inserts the same key into an
 * earlier slot that the sweep has freed meanwhile. */
static void test_twins_in_turn(void **state)
{
	struct eg_flow_table *table = eg_flow_table_new(1024);
	uint32_t bucket, first, second, n = 0;
	struct eg_flow_key key;

	(void)state;
	bucket = eg_flow_bucket1(table, make_key(table, 0, &key));
	for (n = 1; eg_flow_in_use(table) < 3; n++) {
		if (eg_flow_bucket1(table, make_key(table, n, &key)) == bucket)
			set_standing(table, insert(table, n), EG_CONN_CLOSED, 0);
	}
	first = insert(table, 0);
	assert_int_equal(eg_flow_sweep(table, table->bucket_mask + 1, NOW_S), 3);
	second = insert(table, 0);
	assert_int_not_equal(first, second);
	assert_int_equal(find(table, 0), second);
	assert_int_equal(eg_conn_standing(&table->conns[first]).state, EG_CONN_DEAD);
	assert_int_equal(eg_flow_sweep(table, table->bucket_mask + 1, NOW_S), 1);
	assert_int_equal(eg_flow_in_use(table), 1);
	assert_int_equal(find(table, 0), second);
	eg_flow_table_free(table);
}

int run_table_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),        cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_buckets), cmocka_unit_test(test_room_again),
		cmocka_unit_test(test_clocks),       cmocka_unit_test(test_twins_in_turn),
	};

	return cmocka_run_group_tests_name("flow table", tests, NULL, NULL);
}
