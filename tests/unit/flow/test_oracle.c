/* The table against a list that remembers everything: random inserts, finds, expiries, sweeps,
 * reclaims and evictions, with readers that hold numbers as workers do between quiescent states. */
#include "flow_tests.h"

#define STEPS   1500000
#define KEYS    1800 /* more than the 1024 connections of the table */
#define READERS 3

struct known {
	bool present;
	uint32_t conn;
	uint32_t seen_s;
	enum eg_conn_state state;
	uint8_t proto;
	struct eg_flow_key key;
	uint64_t hash;
};

/* A reader holds what it found within a burst. */
struct reader {
	bool inside;
	uint32_t holds[8];
	unsigned n;
	bool waited_for; /* by the reclaim in progress */
};

struct world {
	struct rng rng;
	struct eg_flow_table *table;
	struct known known[KEYS];
	struct reader readers[READERS];
	uint32_t present, limbo, waiting, now_s;
	bool reclaiming;
	uint64_t inserted, refused, swept, reclaimed, evicted;
	struct known **by_conn; /* the owner of each number */
};

static void make_keys(struct world *world)
{
	static const uint8_t protos[] = {6, 17, 132, 1, 47};

	for (unsigned i = 0; i < KEYS; i++) {
		struct known *known = &world->known[i];
		uint8_t src[16], dst[16];
		struct eg_flow_tuple t = {src, dst, 0, 0, protos[i % 5], i % 2 ? 4 : 6};

		rng_fill(&world->rng, src, 16);
		rng_fill(&world->rng, dst, 16);
		t.sport = (uint16_t)rng_next(&world->rng);
		t.dport = (uint16_t)rng_next(&world->rng);
		known->proto = t.proto;
		eg_flow_key_make(&known->key, &t);
		known->hash = eg_flow_hash(&known->key, &world->table->seed);
	}
}

static void check_find(struct world *world, struct known *known)
{
	uint32_t conn = eg_conn_find(world->table, &known->key, known->hash);
	struct reader *reader = &world->readers[rng_below(&world->rng, READERS)];
	bool liveness = known->present && known->state != EG_CONN_DEAD;

	assert_int_equal(conn, liveness ? known->conn : EG_CONN_NONE);
	if (liveness && reader->inside && reader->n < COUNT(reader->holds))
		reader->holds[reader->n++] = conn;
}

/* Do the key's own buckets contain an evictable connection? */
static bool has_victim(const struct world *world, const struct known *known)
{
	const uint32_t buckets[2] = {eg_flow_bucket1(world->table, known->hash),
				     eg_flow_bucket2(world->table, known->hash)};

	for (unsigned at = 0; at < 2 * EG_BUCKET_SLOTS; at++) {
		uint32_t slot = world->table->buckets[buckets[at / EG_BUCKET_SLOTS]]
					.slot[at % EG_BUCKET_SLOTS] &
				0xffffff;

		if (slot && world->by_conn[slot - 1]->present &&
		    eg_conn_is_evictable(world->by_conn[slot - 1]->state))
			return true;
	}
	return false;
}

/* Evicted connections were evictable, and no more were evicted than necessary. */
static void check_evicted(struct world *world, uint64_t before, bool had_room)
{
	uint64_t n = eg_flow_evicted(world->table) - before;
	struct known *victim;

	assert_true(n <= 2); /* one for the table, one for the buckets */
	assert_true(!n || !had_room);
	world->evicted += n;
	for (uint32_t at = world->table->evicted_list; n--;
	     at = world->table->conns[at - 1].next + 1) {
		victim = world->by_conn[at - 1];
		assert_true(victim->present && eg_conn_is_evictable(victim->state));
		victim->present = false;
		world->present--;
		world->limbo++;
	}
}

static unsigned free_slots(const struct world *world, const struct known *known)
{
	const uint32_t buckets[2] = {eg_flow_bucket1(world->table, known->hash),
				     eg_flow_bucket2(world->table, known->hash)};
	unsigned n = 0;

	for (unsigned at = 0; at < 2 * EG_BUCKET_SLOTS; at++)
		n += !world->table->buckets[buckets[at / EG_BUCKET_SLOTS]]
			      .slot[at % EG_BUCKET_SLOTS];
	return n;
}

static void check_insert(struct world *world, struct known *known)
{
	const struct eg_standing born = {.state = EG_CONN_NEW,
					 .opener = (uint8_t)rng_below(&world->rng, 2)};
	uint64_t evicted = eg_flow_evicted(world->table);
	bool had_room = world->present < world->table->n_conns && free_slots(world, known);
	bool had_victim = has_victim(world, known);
	uint32_t conn;
	bool fresh;

	if (known->present)
		return;
	conn = eg_conn_insert(world->table, &known->key, known->hash, born, world->now_s, &fresh);
	check_evicted(world, evicted, had_room);
	if (conn == EG_CONN_NONE) {
		world->refused++;
		assert_false(had_room || had_victim);
		return;
	}
	assert_true(fresh);
	for (unsigned r = 0; r < READERS; r++) {
		for (unsigned k = 0; k < world->readers[r].n; k++)
			assert_int_not_equal(world->readers[r].holds[k], conn);
	}
	known->present = true;
	known->conn = conn;
	known->seen_s = world->now_s;
	known->state = EG_CONN_NEW;
	world->by_conn[conn] = known;
	world->present++;
	world->inserted++;
}

static void change(struct world *world, struct known *known)
{
	static const enum eg_conn_state lasting[] = {EG_CONN_ESTABLISHED, EG_CONN_DENIED,
						     EG_CONN_OPENER_FIN};
	struct eg_conn *conn = &world->table->conns[known->conn];
	struct eg_standing is = eg_conn_standing(conn);

	if (!known->present || known->state == EG_CONN_DEAD)
		return;
	/* Mostly to states that are not evictable: otherwise the table would never refuse. */
	known->state = rng_below(&world->rng, 24)
			       ? lasting[rng_below(&world->rng, COUNT(lasting))]
			       : (enum eg_conn_state)rng_below(&world->rng, EG_CONN_STATES);
	known->seen_s = world->now_s;
	is.state = (uint8_t)known->state;
	atomic_store(&conn->standing, is);
	atomic_store(&conn->seen_s, known->seen_s);
}

static bool is_due(const struct world *world, const struct known *known)
{
	return world->now_s - known->seen_s >= eg_conn_timeout_s(known->proto, known->state);
}

static bool in_table(const struct world *world, const struct known *known)
{
	const uint32_t buckets[2] = {eg_flow_bucket1(world->table, known->hash),
				     eg_flow_bucket2(world->table, known->hash)};

	for (unsigned at = 0; at < 2 * EG_BUCKET_SLOTS; at++) {
		uint32_t slot = world->table->buckets[buckets[at / EG_BUCKET_SLOTS]]
					.slot[at % EG_BUCKET_SLOTS];

		if ((slot & 0xffffff) == known->conn + 1)
			return true;
	}
	return false;
}

/* A sweep only takes expired connections, and a sweep of the whole table takes all of them. */
static void check_sweep(struct world *world)
{
	bool all = rng_below(&world->rng, 2);
	uint32_t n = all ? world->table->bucket_mask + 1 : (uint32_t)rng_below(&world->rng, 40);
	uint32_t swept = eg_flow_sweep(world->table, n, world->now_s), gone = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		struct known *known = &world->known[i];

		if (!known->present)
			continue;
		if (in_table(world, known)) {
			assert_false(all && is_due(world, known));
			continue;
		}
		assert_true(is_due(world, known));
		known->present = false;
		gone++;
	}
	assert_int_equal(swept, gone);
	world->present -= gone;
	world->limbo += gone;
	world->swept += gone;
	assert_int_equal(eg_flow_in_use(world->table), world->present);
}

/* The control thread's half of QSBR: begin records which readers are inside; finish waits for all
 * of them. */
static void step_reclaim(struct world *world)
{
	if (!world->reclaiming) {
		world->reclaiming = eg_flow_reclaim_begin(world->table);
		assert_int_equal(world->reclaiming, world->limbo > 0);
		world->waiting = world->limbo;
		world->limbo = 0;
		for (unsigned r = 0; world->reclaiming && r < READERS; r++)
			world->readers[r].waited_for = world->readers[r].inside;
		return;
	}
	for (unsigned r = 0; r < READERS; r++) {
		if (world->readers[r].waited_for)
			return;
	}
	eg_flow_reclaim_finish(world->table);
	world->reclaiming = false;
	world->waiting = 0;
	world->reclaimed++;
}

static void step_reader(struct world *world)
{
	struct reader *reader = &world->readers[rng_below(&world->rng, READERS)];

	if (reader->inside)
		*reader = (struct reader){0};
	else
		reader->inside = true;
}

static void step(struct world *world)
{
	struct known *known = &world->known[rng_below(&world->rng, KEYS)];
	uint64_t dice = rng_below(&world->rng, 1000);

	if (dice < 250)
		check_find(world, known);
	else if (dice < 500)
		check_insert(world, known);
	else if (dice < 940)
		change(world, known);
	else if (dice < 970)
		step_reader(world);
	else if (dice < 990)
		step_reclaim(world);
	else if (dice < 994)
		check_sweep(world);
	else
		world->now_s += (uint32_t)rng_below(&world->rng, 8);
}

static void test_oracle(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	(void)state;
	assert_non_null(world);
	world->rng = rng_start("flow oracle");
	world->table = eg_flow_table_new(1024);
	eg_flow_limit_source(world->table, UINT32_MAX);
	world->by_conn = calloc(world->table->n_numbers, sizeof(*world->by_conn));
	world->now_s = 0xffffff00; /* the clock wraps during the test */
	make_keys(world);
	for (unsigned n = 0; n < STEPS; n++)
		step(world);
	for (unsigned i = 0; i < KEYS; i++)
		check_find(world, &world->known[i]);
	print_message("%u steps: %llu inserted, %llu refused, %llu swept, %llu evicted, %llu "
		      "reclaims\n",
		      STEPS, (unsigned long long)world->inserted,
		      (unsigned long long)world->refused, (unsigned long long)world->swept,
		      (unsigned long long)world->evicted, (unsigned long long)world->reclaimed);
	assert_true(world->inserted > 10000 && world->refused > 50 && world->reclaimed > 1000 &&
		    world->evicted > 1000);
	/* Whoever removed a connection uncounted it from its source. */
	eg_flow_sweep(world->table, world->table->bucket_mask + 1, world->now_s + 100000);
	for (unsigned i = 0; i < 2 * EG_SOURCE_CELLS; i++)
		assert_int_equal(atomic_load(&world->table->sources->cell[0][0] + i), 0);
	eg_flow_table_free(world->table);
	free(world->by_conn);
	free(world);
}

int run_oracle_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oracle),
	};

	return cmocka_run_group_tests_name("flow oracle", tests, NULL, NULL);
}
