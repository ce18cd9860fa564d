/* The forwarding cache's table: keys, epochs, places, size (path/cache.h). What makes an entry
 * invalid in a running gateway: test_invalidation.c. */
#include "path/path_tests.h"

#include "path/cache.h"
#include "tunnel/tunnel.h"

static const struct eg_flow_seed seed = {{0x9e3779b97f4a7c15ull, 0xc2b2ae3d27d4eb4full,
					  0x165667b19e3779f9ull, 0x27d4eb2f165667c5ull}};

static struct eg_cache_entry entry_of(uint64_t addr, uint32_t ports)
{
	return (struct eg_cache_entry){
		.addr = {addr},
		.ports = ports,
		.input = eg_cache_input(17, 4, 0),
		.from = EG_TUNNEL_NONE,
		.kind = EG_CACHED_TUNNEL,
		.to.tunnel = ports,
	};
}

static uint64_t hash_of(const struct eg_cache *cache, const struct eg_cache_entry *entry)
{
	return eg_cache_hash4(cache, entry->addr[0], entry->ports, entry->input);
}

static void store(struct eg_cache *cache, const struct eg_cache_entry *entry)
{
	eg_cache_store(cache, hash_of(cache, entry), entry);
}

/* The value stored for the key; UINT32_MAX: none that is valid. */
static uint32_t find(const struct eg_cache *cache, const struct eg_cache_entry *key)
{
	const struct eg_cache_entry *found = eg_cache_find(cache, hash_of(cache, key));

	if (memcmp(found->addr, key->addr, sizeof(key->addr)) || found->ports != key->ports ||
	    found->input != key->input || found->from != key->from ||
	    !eg_cache_is_current(cache, found))
		return UINT32_MAX;
	return found->to.tunnel;
}

static unsigned count_found(const struct eg_cache *cache, uint32_t n)
{
	unsigned found = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct eg_cache_entry key = entry_of(i, i);

		found += find(cache, &key) == i;
	}
	return found;
}

static void store_many(struct eg_cache *cache, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct eg_cache_entry entry = entry_of(i, i);

		store(cache, &entry);
	}
}

static void next_second(struct eg_cache *cache, struct eg_cache_state *now)
{
	now->second++;
	eg_cache_sync(cache, now);
}

/* Each field of what a burst depends on, and whom a change of it concerns. */
static void test_epochs(void **state)
{
	static const struct {
		struct eg_cache_state then;
		bool plain, grouped; /* still valid */
	} rows[] = {
		{{7, 8, 9, 10}, true, true},    {{6, 8, 9, 10}, false, false},
		{{7, 9, 9, 10}, false, false},  {{7, 0, 9, 10}, false, false},
		{{7, 8, 10, 10}, false, false}, {{7, 8, 9, 11}, true, false},
	};
	struct eg_cache *cache = eg_cache_new(EG_CACHE_MIN, &seed);
	struct eg_cache_entry plain = entry_of(1, 1), grouped = entry_of(2, 2);

	(void)state;
	assert_non_null(cache);
	grouped.grouped = true;
	assert_int_equal(find(cache, &plain), UINT32_MAX);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct eg_cache_state before = {7, 8, 9, 10};

		eg_cache_sync(cache, &before);
		store(cache, &plain);
		store(cache, &grouped);
		assert_int_equal(find(cache, &plain), 1);
		assert_int_equal(find(cache, &grouped), 2);
		eg_cache_sync(cache, &rows[i].then);
		if ((find(cache, &plain) == 1) != rows[i].plain ||
		    (find(cache, &grouped) == 2) != rows[i].grouped)
			fail_msg("row %zu", i);
		/* And back: what was invalid stays so. */
		eg_cache_sync(cache, &before);
		if ((find(cache, &plain) == 1) != rows[i].plain ||
		    (find(cache, &grouped) == 2) != rows[i].grouped)
			fail_msg("row %zu, back again", i);
	}
	eg_cache_free(cache);
}

/* A second entry for the same key takes the first one's place; every field of the key counts. */
static void test_keys(void **state)
{
	struct eg_cache *cache = eg_cache_new(EG_CACHE_MIN, &seed);
	struct eg_cache_entry base = entry_of(5, 5), other;

	(void)state;
	store(cache, &base);
	base.to.tunnel = 6;
	store(cache, &base);
	assert_int_equal(find(cache, &base), 6);
	assert_int_equal(cache->stored, 1);
	other = base;
	other.from = 3;
	assert_int_equal(find(cache, &other), UINT32_MAX);
	other = base;
	other.input = eg_cache_input(6, 4, 0);
	assert_int_equal(find(cache, &other), UINT32_MAX);
	other = base;
	other.addr[0]++;
	assert_int_equal(find(cache, &other), UINT32_MAX);
	/* The same hash, as if by chance: side by side in one set. */
	for (uint32_t from = 0; from < EG_CACHE_WAYS - 1; from++) {
		other = base;
		other.from = from;
		eg_cache_store(cache, hash_of(cache, &base) ^ (uint64_t)(from + 1) << 50, &other);
	}
	assert_int_equal(cache->stored, EG_CACHE_WAYS);
	assert_int_equal(cache->refused, 0);
	assert_int_equal(find(cache, &base), 6);
	/* The set is full of valid entries: a fifth one displaces none. */
	other.from = 77;
	eg_cache_store(cache, hash_of(cache, &base) ^ 5ull << 53, &other);
	assert_int_equal(cache->refused, 1);
	assert_int_equal(find(cache, &base), 6);
	/* One that has become invalid makes room. */
	eg_cache_invalidate(eg_cache_find(cache, hash_of(cache, &base)));
	eg_cache_store(cache, hash_of(cache, &base) ^ 5ull << 53, &other);
	assert_int_equal(cache->refused, 1);
	assert_int_equal(find(cache, &base), UINT32_MAX);
	eg_cache_free(cache);
}

/* It grows while many find no place, up to its maximum, and shrinks when few are in use. */
static void test_size(void **state)
{
	enum {
		MANY = 4 * EG_CACHE_MIN
	};
	struct eg_cache *cache = eg_cache_new(8 * EG_CACHE_MIN, &seed);
	struct eg_cache_state now = {1, 1, 1, 1};
	uint32_t fewest = EG_CACHE_MIN / EG_CACHE_WAYS;

	(void)state;
	eg_cache_sync(cache, &now);
	assert_int_equal(cache->sets, fewest);
	for (unsigned s = 0; s < 6; s++) {
		store_many(cache, 0, MANY);
		next_second(cache, &now);
	}
	assert_true(cache->sets == 4 * fewest || cache->sets == 8 * fewest);
	store_many(cache, 0, MANY);
	assert_true(count_found(cache, MANY) > MANY / 100 * 95);
	for (unsigned s = 0; s < 6; s++) {
		store_many(cache, 0, 4 * MANY);
		next_second(cache, &now);
	}
	assert_int_equal(cache->sets, 8 * fewest); /* the maximum */
	for (unsigned s = 0; s < 100; s++) {
		store_many(cache, 0, 100);
		assert_int_equal(count_found(cache, 100), 100);
		next_second(cache, &now);
	}
	assert_int_equal(cache->sets, fewest);
	eg_cache_free(cache);
}

/* A scan stores what it can, and established connections stay. */
static void test_scan(void **state)
{
	enum {
		ESTABLISHED = 8192
	};
	struct eg_cache *cache = eg_cache_new(EG_CACHE_MIN, &seed);

	(void)state;
	store_many(cache, 0, ESTABLISHED);
	assert_true(count_found(cache, ESTABLISHED) > ESTABLISHED / 100 * 99);
	store_many(cache, ESTABLISHED, 100 * ESTABLISHED);
	assert_true(count_found(cache, ESTABLISHED) > ESTABLISHED / 100 * 99);
	eg_cache_free(cache);
}

/* Epochs are 32 bits: after the last one nothing of the first ones is valid again. */
static void test_wrap(void **state)
{
	struct eg_cache *cache = eg_cache_new(EG_CACHE_MIN, &seed);
	struct eg_cache_state now = {1, 1, 1, 1};
	struct eg_cache_entry old = entry_of(1, 1), fresh = entry_of(2, 2);

	(void)state;
	store(cache, &old); /* of epoch 1 */
	cache->last_epoch = UINT32_MAX - 3;
	for (unsigned i = 0; i < 8; i++) {
		next_second(cache, &now);
		assert_int_equal(find(cache, &old), UINT32_MAX);
		assert_true(cache->epoch[0] && cache->epoch[1]);
		assert_true(cache->epoch[0] != cache->epoch[1]);
		store(cache, &fresh);
		assert_int_equal(find(cache, &fresh), 2);
	}
	assert_true(cache->last_epoch < 32);
	eg_cache_free(cache);
}

int run_cache_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_epochs), cmocka_unit_test(test_keys),
		cmocka_unit_test(test_size),   cmocka_unit_test(test_scan),
		cmocka_unit_test(test_wrap),
	};

	return cmocka_run_group_tests_name("path cache", tests, NULL, NULL);
}
