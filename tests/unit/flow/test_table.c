/* Limits of the table: how full it gets, what happens then, and which connections are still found.
 */
#include "flow_tests.h"

#define NOW_S 1000

/* Not evictable, where eviction is not what is tested. */
static const struct eg_standing born = {
	.generation = 1, .state = EG_CONN_ESTABLISHED, .opener = 1 /* the client */};

/* Without a limit per source. */
static struct eg_flow_table *new_table(uint32_t n)
{
	struct eg_flow_table *table = eg_flow_table_new(n);

	assert_non_null(table);
	eg_flow_limit_source(table, UINT32_MAX);
	return table;
}

/* Key n of a sequence: one server and its clients. */
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
	struct eg_standing is = eg_conn_standing(&table->conns[conn]);

	is.state = (uint8_t)state;
	is.generation = 0;
	atomic_store(&table->conns[conn].standing, is);
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

/* Every number is used before the table refuses: no pair of buckets is full earlier. Further keys
 * are refused, and no existing connection is lost. */
static void test_full(void **state)
{
	static const uint32_t sizes[] = {1024, 1u << 14, 1u << 20};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct eg_flow_table *table = new_table(sizes[i]);
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

/* Two full buckets refuse although the table is not full; their connections stay. */
static void test_full_buckets(void **state)
{
	struct eg_flow_table *table = new_table(1024);
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
	/* Refused connections do not leak their numbers. */
	for (uint32_t n = 1000000; eg_flow_in_use(table) < table->n_conns; n++)
		insert(table, n);
	eg_flow_table_free(table);
}

/* Refused when full, accepted once there is space: after the sweep, not before the grace period. */
static void test_reuse_after_grace(void **state)
{
	struct eg_flow_table *table = new_table(1024);
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
	/* Swept numbers are not reused before the grace period. */
	for (uint32_t k = 0; k < 50; k++)
		assert_true(insert(table, 200000 + k) >= n);
	assert_true(eg_flow_reclaim_begin(table));
	assert_false(eg_flow_reclaim_begin(table));
	for (uint32_t k = 50; k < 90; k++)
		assert_true(insert(table, 200000 + k) >= n);
	eg_flow_reclaim_finish(table);
	for (uint32_t k = 0; k < 10; k++)
		assert_true(insert(table, 100000 + k) < n);
	eg_flow_table_free(table);
}

/* Fill a table with established connections of keys 0, 1, ...; returns their number. */
static uint32_t fill(struct eg_flow_table *table)
{
	uint32_t n = 0;

	while (eg_flow_in_use(table) < table->n_conns)
		insert(table, n++);
	return n;
}

static bool in_own_buckets(const struct eg_flow_table *table, uint64_t a, uint64_t b)
{
	uint32_t a1 = eg_flow_bucket1(table, a), a2 = eg_flow_bucket2(table, a);
	uint32_t b1 = eg_flow_bucket1(table, b);

	return b1 == a1 || b1 == a2;
}

/* In a full table the oldest evictable connection near the new one is evicted; if there is none,
 * the new one is refused. */
static void test_evictable(void **state)
{
	static const struct {
		int number;
		enum eg_conn_state near[3]; /* states of three neighbours */
		uint32_t idle_s[3];         /* and their idle times */
		int goes; /* the evicted one; -1: none, and the new one is refused */
	} rows[] = {
		{1, {EG_CONN_NEW, EG_CONN_NEW, EG_CONN_NEW}, {3, 9, 5}, 1},
		{2, {EG_CONN_ANSWERED, EG_CONN_NEW, EG_CONN_ESTABLISHED}, {7, 6, 500}, 0},
		{3, {EG_CONN_ESTABLISHED, EG_CONN_DENIED, EG_CONN_OPENER_FIN}, {500, 50, 50}, -1},
		{4, {EG_CONN_RESPONDER_FIN, EG_CONN_CLOSED, EG_CONN_DENIED}, {99, 1, 99}, 1},
		{5, {EG_CONN_NEW, EG_CONN_ESTABLISHED, EG_CONN_ESTABLISHED}, {0, 0, 0}, 0},
		{6, {EG_CONN_NEW, EG_CONN_NEW, EG_CONN_DEAD}, {(uint32_t)-1, 1, 99}, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct eg_flow_table *table = new_table(1024);
		uint32_t n = fill(table), near[3], found = 0, conn;
		struct eg_flow_key key;
		uint64_t hash = make_key(table, 5000000, &key);

		for (uint32_t k = 0; k < n && found < 3; k++) {
			struct eg_flow_key other;
			uint64_t there = make_key(table, k, &other);

			if (in_own_buckets(table, hash, there) && find(table, k) != EG_CONN_NONE)
				near[found++] = k;
		}
		assert_int_equal(found, 3);
		for (unsigned k = 0; k < 3; k++)
			set_standing(table, find(table, near[k]), rows[i].near[k],
				     NOW_S - rows[i].idle_s[k]);
		conn = insert(table, 5000000);
		if ((conn == EG_CONN_NONE) != (rows[i].goes < 0))
			fail_msg("row %d: refused or not", rows[i].number);
		for (int k = 0; k < 3; k++) {
			bool gone = find(table, near[k]) == EG_CONN_NONE;

			if (gone != (k == rows[i].goes || rows[i].near[k] == EG_CONN_DEAD))
				fail_msg("row %d: neighbour %d", rows[i].number, k);
		}
		assert_int_equal(eg_flow_evicted(table), rows[i].goes >= 0);
		assert_int_equal(eg_flow_in_use(table), 1024);
		eg_flow_table_free(table);
	}
}

/* Nothing is evicted unless the table is full, and all evicted numbers are reusable after the grace
 * period, none before. */
static void test_flooded(void **state)
{
	struct eg_flow_table *table = new_table(1024);
	uint32_t numbers = table->n_numbers, taken = 0;

	(void)state;
	for (uint32_t n = 0; n < 1024 - 100; n++)
		set_standing(table, insert(table, n), EG_CONN_NEW, NOW_S);
	assert_int_equal(eg_flow_evicted(table), 0);
	for (uint32_t n = 1024 - 100; n < 3 * numbers; n++) {
		uint32_t conn = insert(table, n);

		if (conn != EG_CONN_NONE)
			set_standing(table, conn, EG_CONN_NEW, NOW_S);
		taken += conn != EG_CONN_NONE;
		assert_true(eg_flow_in_use(table) <= 1024);
	}
	/* Every number once. */
	assert_int_equal(taken, numbers - (1024 - 100));
	assert_true(eg_flow_evicted(table) >= numbers - 1024);
	assert_true(eg_flow_reclaim_begin(table));
	assert_int_equal(insert(table, 1), EG_CONN_NONE);
	eg_flow_reclaim_finish(table);
	for (uint32_t n = 0; n < 1000; n++) {
		uint32_t conn = insert(table, 4 * numbers + n);

		assert_int_not_equal(conn, EG_CONN_NONE);
		set_standing(table, conn, EG_CONN_NEW, NOW_S);
	}
	eg_flow_table_free(table);
}

/* Each source has its own limit: at its limit it opens nothing while all others do; ended
 * connections no longer count. */
static void test_source_limit(void **state)
{
	struct eg_flow_table *table = eg_flow_table_new(1024);
	struct eg_flow_key key;
	uint64_t hash;
	bool fresh;

	(void)state;
	for (uint32_t n = 0; n < 1024 / EG_FLOW_SOURCE_PART; n++)
		assert_int_not_equal(insert(table, n), EG_CONN_NONE);
	for (uint32_t n = 1000; n < 1100; n++) {
		hash = make_key(table, n, &key);
		assert_int_equal(eg_conn_insert(table, &key, hash, born, NOW_S, &fresh),
				 EG_CONN_LIMITED);
		assert_false(fresh);
	}
	for (uint32_t n = 1; n < 300; n++) /* other sources to the same server */
		assert_int_not_equal(insert(table, n << 16), EG_CONN_NONE);
	for (uint32_t n = 0; n < 10; n++)
		set_standing(table, find(table, n), EG_CONN_CLOSED, NOW_S - 10);
	assert_int_equal(eg_flow_sweep(table, table->bucket_mask + 1, NOW_S), 10);
	for (uint32_t n = 1000; n < 1010; n++)
		assert_int_not_equal(insert(table, n), EG_CONN_NONE);
	hash = make_key(table, 1010, &key);
	assert_int_equal(eg_conn_insert(table, &key, hash, born, NOW_S, &fresh), EG_CONN_LIMITED);
	eg_flow_limit_source(table, 1024);
	assert_int_not_equal(insert(table, 1010), EG_CONN_NONE);
	/* Everything counted is uncounted. */
	eg_flow_sweep(table, table->bucket_mask + 1, NOW_S + 100000);
	for (unsigned i = 0; i < 2 * EG_SOURCE_CELLS; i++)
		assert_int_equal(atomic_load(&table->sources->cell[0][0] + i), 0);
	eg_flow_table_free(table);
}

/* A source that shares a counter with a source at its limit has another one of its own. */
static void test_shared_counter(void **state)
{
	struct eg_flow_table *table = eg_flow_table_new(1024);

	(void)state;
	for (int row = 0; row < 2; row++) {
		for (unsigned i = 0; i < EG_SOURCE_CELLS; i++)
			atomic_store(&table->sources->cell[row][i], 1u << 20);
		assert_int_not_equal(insert(table, (uint32_t)row), EG_CONN_NONE);
		memset(table->sources->cell[row], 0, sizeof(table->sources->cell[row]));
	}
	eg_flow_table_free(table);
}

static unsigned used_slots(const struct eg_bucket *bucket)
{
	unsigned used = 0;

	for (unsigned i = 0; i < EG_BUCKET_SLOTS; i++)
		used += atomic_load(&bucket->slot[i]) != 0;
	return used;
}

/* New connections in a flooded table do not evict each other from one slot: of eight in one bucket
 * most stay, on average. */
static void test_newcomers(void **state)
{
	struct eg_flow_table *table = new_table(1024);
	uint32_t next = 0, buckets = 0, stay = 0, keys[8];
	struct eg_flow_key key;

	(void)state;
	while (eg_flow_in_use(table) < table->n_conns)
		set_standing(table, insert(table, next++), EG_CONN_NEW, NOW_S);
	for (uint32_t at = 0; at <= table->bucket_mask && buckets < 8; at++) {
		if (used_slots(&table->buckets[at]) < 10)
			continue;
		for (uint32_t n = 0; n < COUNT(keys); next++) {
			if (eg_flow_bucket1(table, make_key(table, next, &key)) != at)
				continue;
			set_standing(table, insert(table, next), EG_CONN_NEW, NOW_S);
			keys[n++] = next;
		}
		for (uint32_t n = 0; n < COUNT(keys); n++)
			stay += find(table, keys[n]) != EG_CONN_NONE;
		buckets++;
	}
	print_message("of %u newcomers %u stay\n", 8 * buckets, stay);
	assert_int_equal(buckets, 8);
	assert_true(stay >= 24); /* 8 if they did */
	eg_flow_table_free(table);
}

/* A worker's clock one second ahead of the sweep's, and a clock that wraps. */
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
		struct eg_flow_table *table = new_table(1024);

		set_standing(table, insert(table, 1), EG_CONN_NEW, rows[i].seen_s);
		if (eg_flow_sweep(table, table->bucket_mask + 1, rows[i].now_s) != rows[i].goes)
			fail_msg("row %d", rows[i].number);
		eg_flow_table_free(table);
	}
}

/* Worker A has inserted a key. Worker B, which did not find it before, inserts the same key into an
 * earlier slot that the sweep has freed meanwhile. */
static void test_duplicate_in_earlier_slot(void **state)
{
	struct eg_flow_table *table = new_table(1024);
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
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_buckets),
		cmocka_unit_test(test_reuse_after_grace),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_duplicate_in_earlier_slot),
		cmocka_unit_test(test_evictable),
		cmocka_unit_test(test_flooded),
		cmocka_unit_test(test_source_limit),
		cmocka_unit_test(test_shared_counter),
		cmocka_unit_test(test_newcomers),
	};

	return cmocka_run_group_tests_name("flow table", tests, NULL, NULL);
}
