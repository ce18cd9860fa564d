/* The table against a naive list searched from end to end; its limits; and readers concurrent with
 * the resolver, which may find nothing but never another neighbour's MAC. */
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
		assert_int_equal(eg_neigh_peek(neighs, &key, &known), in[i]);
		if (in[i])
			assert_int_equal(known, want[i]);
		assert_int_equal(eg_neigh_lookup_mac(neighs, &key), want[i]);
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

static struct eg_neigh_key nth(unsigned port, unsigned i)
{
	uint8_t address[4] = {10, 1, (uint8_t)(i >> 8), (uint8_t)i};

	return eg_neigh_key_make(port, 4, address);
}

/* Learn a neighbour at that time; NULL if the table refuses it. */
static struct eg_neigh *learn(struct eg_neighs *neighs, unsigned port, unsigned i, uint64_t at_ms)
{
	struct eg_neigh_key key = nth(port, i);
	struct eg_neigh *neigh = eg_neigh_add(neighs, &key);
	uint8_t mac[6];

	if (!neigh)
		return NULL;
	make_mac(i, port, mac);
	eg_neigh_set_mac(neigh, mac);
	eg_neigh_set_state(neighs, neigh, EG_NEIGH_REACHABLE);
	neigh->since_ms = at_ms;
	return neigh;
}

static bool knows(const struct eg_neighs *neighs, unsigned port, unsigned i)
{
	struct eg_neigh_key key = nth(port, i);
	uint64_t mac;

	return eg_neigh_peek(neighs, &key, &mac);
}

static void use(struct eg_neighs *neighs, unsigned port, unsigned i)
{
	struct eg_neigh_key key = nth(port, i);

	assert_int_not_equal(eg_neigh_lookup_mac(neighs, &key), 0);
}

/* The same address on two ports is two neighbours. */
static void test_ports(void **state)
{
	struct eg_neighs *neighs = eg_neighs_new();

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		struct eg_neigh_key one = nth(1, i), two = nth(2, i);
		uint8_t mac[6];

		learn(neighs, 1, i, 1);
		assert_int_equal(eg_neigh_lookup_mac(neighs, &two), 0);
		assert_null(eg_neigh_find(neighs, &two));
		learn(neighs, 2, i, 1);
		make_mac(i, 1, mac);
		assert_int_equal(eg_neigh_lookup_mac(neighs, &one), mac_word(mac));
		make_mac(i, 2, mac);
		assert_int_equal(eg_neigh_lookup_mac(neighs, &two), mac_word(mac));
		eg_neigh_remove(neighs, eg_neigh_find(neighs, &one));
		assert_int_equal(eg_neigh_lookup_mac(neighs, &one), 0);
		assert_int_equal(eg_neigh_lookup_mac(neighs, &two), mac_word(mac));
	}
	eg_neighs_free(neighs);
}

/* The same with both in one hash chain, which happens among so many, whatever the seed. */
static void test_ports_in_one_chain(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		struct eg_neighs *neighs = eg_neighs_new();

		for (unsigned i = 0; i < EG_NEIGH_SHARE; i++)
			learn(neighs, 1, i, 1);
		for (unsigned i = 0; i < EG_NEIGH_SHARE; i++) {
			struct eg_neigh_key two = nth(2, i);

			assert_null(eg_neigh_find(neighs, &two));
			assert_false(knows(neighs, 2, i));
		}
		eg_neighs_free(neighs);
	}
}

/* A network scan fills at most a quarter of the table. */
static void test_scan(void **state)
{
	struct eg_neighs *neighs = eg_neighs_new();

	(void)state;
	for (unsigned i = 0; i < 2 * EG_NEIGH_MAX; i++) {
		struct eg_neigh_key key = nth(1, i);

		assert_int_equal(eg_neigh_add(neighs, &key) != NULL, i < EG_NEIGH_INCOMPLETE_MAX);
	}
	assert_int_equal(neighs->n_incomplete[1], EG_NEIGH_INCOMPLETE_MAX);
	assert_int_equal(neighs->evicted, 0);
	assert_non_null(learn(neighs, 2, 1, 1));
	eg_neighs_free(neighs);
}

/* A port at its limit evicts its own oldest unused entry, and no used one. */
static void test_share(void **state)
{
	struct eg_neighs *neighs = eg_neighs_new();

	(void)state;
	for (unsigned i = 0; i < EG_NEIGH_SHARE; i++)
		assert_non_null(learn(neighs, 1, i, i == 77 ? 10 : i == 78 ? 20 : 1000 + i));
	assert_int_equal(neighs->evicted, 0);
	learn(neighs, 2, 0, 1); /* older, but on another port */
	use(neighs, 1, 77);
	assert_non_null(learn(neighs, 1, 5000, 5000));
	assert_false(knows(neighs, 1, 78));
	assert_true(knows(neighs, 1, 77));
	assert_true(knows(neighs, 2, 0));
	assert_int_equal(neighs->evicted, 1);
	assert_int_equal(neighs->n_port[1], EG_NEIGH_SHARE);
	for (unsigned i = 0; i < EG_NEIGH_SHARE; i++) {
		if (i != 78)
			use(neighs, 1, i);
	}
	use(neighs, 1, 5000);
	assert_null(learn(neighs, 1, 5001, 5001)); /* all are in use */
	assert_non_null(learn(neighs, 3, 1, 1));
	eg_neighs_free(neighs);
}

/* In a full table the port with most entries gives up its oldest, used or not, to a port with few.
 */
static void test_full(void **state)
{
	struct eg_neighs *neighs = eg_neighs_new();
	struct eg_neigh_key key = nth(1, 0);
	struct eg_neigh *first;
	char packet;

	(void)state;
	for (unsigned i = 0; i < EG_NEIGH_SHARE; i++)
		learn(neighs, 1, i, 1000 + i);
	for (unsigned i = 0; i < EG_NEIGH_MAX - EG_NEIGH_SHARE; i++)
		learn(neighs, 2, i, 100 + i);
	assert_int_equal(neighs->n_used, EG_NEIGH_MAX);
	for (unsigned i = 0; i < EG_NEIGH_SHARE; i++)
		use(neighs, 1, i);
	first = eg_neigh_find(neighs, &key); /* packets wait for the oldest */
	eg_neigh_hold(neighs, first, &packet);
	assert_non_null(learn(neighs, 2, 9000, 9000));
	assert_int_equal(neighs->n_used, EG_NEIGH_MAX);
	assert_true(knows(neighs, 1, 0));
	assert_false(knows(neighs, 1, 1));
	assert_true(knows(neighs, 2, 0));
	/* The largest port itself evicts no used entry. */
	assert_null(learn(neighs, 1, 9001, 9001));
	for (unsigned i = 9100; i < 9100 + 3 * EG_NEIGH_MAX; i++)
		learn(neighs, 3, i, i);
	/* Nobody takes more than a fair share. */
	assert_true(neighs->n_port[1] >= EG_NEIGH_MAX / 4);
	assert_int_equal(neighs->n_port[1] + neighs->n_port[2] + neighs->n_port[3], EG_NEIGH_MAX);
	eg_neighs_free(neighs);
}

struct reference {
	uint32_t number, seq;
	uint64_t mac;
};

static struct reference refer(struct eg_neighs *neighs, const struct eg_neigh_key *key)
{
	struct reference ref = {.mac = 0};

	ref.number = eg_neigh_reference(neighs, key, &ref.seq, &ref.mac);
	return ref;
}

static bool is_valid(struct eg_neighs *neighs, const struct reference *ref)
{
	return eg_neigh_reference_valid(neighs, ref->number, ref->seq);
}

/* A kept MAC is valid until it changes or the entry is removed, and not again when the entry
 * becomes another neighbour's, or the same one's. */
static void test_reference(void **state)
{
	struct eg_neighs *neighs = eg_neighs_new();
	struct eg_neigh_key one = nth(1, 1), two = nth(1, 2);
	struct eg_neigh *neigh;
	struct reference ref, other, before;
	uint8_t mac[6];

	(void)state;
	assert_int_equal(refer(neighs, &one).number, EG_NEIGH_NONE);
	neigh = eg_neigh_add(neighs, &one);
	assert_int_equal(refer(neighs, &one).number, EG_NEIGH_NONE); /* no MAC is known */
	assert_true(atomic_load(&neigh->used));                      /* but a packet waits for it */
	make_mac(1, 1, mac);
	eg_neigh_set_mac(neigh, mac);
	ref = refer(neighs, &one);
	assert_ptr_equal(&neighs->entry[ref.number], neigh);
	assert_int_equal(ref.mac, mac_word(mac));
	assert_true(is_valid(neighs, &ref));
	eg_neigh_set_mac(neigh, mac); /* the same again */
	eg_neigh_set_state(neighs, neigh, EG_NEIGH_STALE);
	assert_true(is_valid(neighs, &ref));
	learn(neighs, 1, 7, 1); /* another neighbour */
	assert_true(is_valid(neighs, &ref));

	before = ref;
	make_mac(1, 2, mac);
	eg_neigh_set_mac(neigh, mac);
	assert_false(is_valid(neighs, &before));
	ref = refer(neighs, &one);
	assert_int_equal(ref.number, before.number);
	assert_int_equal(ref.mac, mac_word(mac));
	make_mac(1, 1, mac); /* the first one again: what was kept of it is still not valid */
	eg_neigh_set_mac(neigh, mac);
	assert_false(is_valid(neighs, &before));
	assert_false(is_valid(neighs, &ref));

	ref = refer(neighs, &one);
	eg_neigh_remove(neighs, neigh);
	assert_false(is_valid(neighs, &ref));
	assert_int_equal(refer(neighs, &one).number, EG_NEIGH_NONE);
	neigh = learn(neighs, 1, 2, 1);
	other = refer(neighs, &two);
	assert_int_equal(other.number, ref.number); /* the entry is used again */
	assert_false(is_valid(neighs, &ref));
	assert_true(is_valid(neighs, &other));
	eg_neigh_remove(neighs, neigh);
	neigh = learn(neighs, 1, 1, 1); /* the key and MAC that it had at first */
	assert_int_equal(refer(neighs, &one).number, ref.number);
	assert_int_equal(refer(neighs, &one).mac, ref.mac);
	assert_false(is_valid(neighs, &ref));
	assert_false(is_valid(neighs, &other));
	eg_neighs_free(neighs);
}

/* To make and to check a reference counts as use; a reference that is not valid does not. */
static void test_reference_marks(void **state)
{
	struct eg_neighs *neighs = eg_neighs_new();
	struct eg_neigh_key key = nth(1, 1);
	struct eg_neigh *neigh = learn(neighs, 1, 1, 1);
	const uint8_t mac[6] = {2, 9, 9, 9, 9, 9};
	struct reference ref;

	(void)state;
	assert_false(atomic_load(&neigh->used));
	ref = refer(neighs, &key);
	assert_true(atomic_load(&neigh->used));
	atomic_store(&neigh->used, false);
	assert_true(is_valid(neighs, &ref));
	assert_true(atomic_load(&neigh->used));
	atomic_store(&neigh->used, false);
	eg_neigh_set_mac(neigh, mac);
	assert_false(is_valid(neighs, &ref));
	assert_false(atomic_load(&neigh->used));
	eg_neighs_free(neighs);
}

/* Two keys share a few entries, and the resolver moves them. */
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
		struct reference ref = refer(race->neighs, &key);
		uint64_t mac = eg_neigh_lookup_mac(race->neighs, &key);

		if (mac && (mac >> 40 & 0xff) != i) /* the last byte is the number of the key */
			return (void *)UINTPTR_MAX;
		if (ref.number != EG_NEIGH_NONE && (ref.mac >> 40 & 0xff) != i)
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
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_ports_in_one_chain),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_reference_marks),
		cmocka_unit_test(test_readers),
	};

	return cmocka_run_group_tests_name("neighbours: table", tests, NULL, NULL);
}
