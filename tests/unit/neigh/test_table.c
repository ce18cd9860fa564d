/* The table against a list that is searched from end to end; its bounds; and readers beside the
 * keeper, who may find nothing but never another's MAC. */
#include "neigh_tests.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/random.h"

#define KEYS  600
#define STEPS 100000

static struct eg_neigh_key make_key(unsigned i)
{
	uint8_t address[16] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};

	return eg_neigh_key_make(i % 3, i % 2 ? 4 : 6, address);
}

static void make_mac(unsigned i, unsigned turn, uint8_t mac[6])
{
	const uint8_t bytes[6] = {2, (uint8_t)turn, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};

	memcpy(mac, bytes, 6);
}

static uint64_t mac_word(const uint8_t mac[6])
{
	uint64_t word = 0;

	memcpy(&word, mac, 6);
	return word;
}

static void test_oracle(void **state)
{
	struct eg_neighs *neighs = eg_neighs_new();
	uint64_t want[KEYS] = {0};
	bool in[KEYS] = {0};
	struct rng rng = rng_start("neighbours");
	unsigned n = 0;

	(void)state;
	assert_non_null(neighs);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = (unsigned)rng_below(&rng, KEYS);
		struct eg_neigh_key key = make_key(i);
		struct eg_neigh *found = eg_neigh_find(neighs, &key);
		uint64_t known;
		uint8_t mac[6];

		assert_int_equal(found != NULL, in[i]);
		assert_int_equal(eg_neigh_known(neighs, &key, &known), in[i]);
		if (in[i])
			assert_int_equal(known, want[i]);
		assert_int_equal(eg_neigh_mac(neighs, &key), want[i]);
		if (!found) {
			found = eg_neigh_add(neighs, &key);
			assert_non_null(found);
			assert_int_equal(found->state, EG_NEIGH_INCOMPLETE);
			in[i] = true;
			n++;
		} else if (rng_below(&rng, 3)) {
			make_mac(i, step, mac);
			eg_neigh_set_mac(found, mac);
			eg_neigh_set_state(neighs, found, EG_NEIGH_REACHABLE);
			want[i] = mac_word(mac);
		} else {
			eg_neigh_remove(neighs, found);
			in[i] = false;
			want[i] = 0;
			n--;
		}
		assert_int_equal(neighs->n_used, n);
	}
	eg_neighs_free(neighs);
}

/* Who scans a network fills a quarter; what was learned fills all, and no more. */
static void test_full(void **state)
{
	struct eg_neighs *neighs = eg_neighs_new();
	uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 2 * EG_NEIGH_MAX; i++) {
		uint8_t address[4] = {10, 1, (uint8_t)(i >> 8), (uint8_t)i};
		struct eg_neigh_key key = eg_neigh_key_make(i < 2000 ? 1 : 2, 4, address);
		struct eg_neigh *neigh = eg_neigh_add(neighs, &key);

		if (i == 1999)
			assert_int_equal(n, EG_NEIGH_INCOMPLETE_MAX);
		if (!neigh)
			continue;
		n++;
		if (i >= 2000) {
			eg_neigh_set_mac(neigh, mac);
			eg_neigh_set_state(neighs, neigh, EG_NEIGH_REACHABLE);
		}
	}
	assert_int_equal(n, EG_NEIGH_MAX);
	assert_int_equal(neighs->n_incomplete[1], EG_NEIGH_INCOMPLETE_MAX);
	assert_int_equal(neighs->n_incomplete[2], 0);
	eg_neighs_free(neighs);
}

/* Two keys share few entries, and the keeper moves them about. */
struct race {
	struct eg_neighs *neighs;
	_Atomic bool end;
};

static void *read_on(void *arg)
{
	struct race *race = arg;
	uint64_t found = 0;

	for (unsigned i = 0; !atomic_load(&race->end); i = (i + 1) % 8) {
		struct eg_neigh_key key = make_key(i);
		uint64_t mac = eg_neigh_mac(race->neighs, &key);

		if (mac && (mac >> 40 & 0xff) != i) /* the last byte is the key's number */
			return (void *)UINTPTR_MAX;
		found += mac != 0;
	}
	return (void *)(uintptr_t)(found != 0);
}

static void test_readers(void **state)
{
	struct race race = {.neighs = eg_neighs_new()};
	pthread_t reader;
	void *result;

	(void)state;
	assert_int_equal(pthread_create(&reader, NULL, read_on, &race), 0);
	for (unsigned step = 0; step < 300000; step++) {
		unsigned i = step * 5 % 8;
		struct eg_neigh_key key = make_key(i);
		struct eg_neigh *found = eg_neigh_find(race.neighs, &key);
		uint8_t mac[6];

		if (found && step % 3) {
			eg_neigh_remove(race.neighs, found);
		} else if (!found) {
			make_mac(i, step, mac);
			eg_neigh_set_mac(eg_neigh_add(race.neighs, &key), mac);
		}
	}
	atomic_store(&race.end, true);
	pthread_join(reader, &result);
	assert_ptr_not_equal(result, (void *)UINTPTR_MAX);
	eg_neighs_free(race.neighs);
}

int run_table_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_readers),
	};

	return cmocka_run_group_tests_name("neighbours: table", tests, NULL, NULL);
}
