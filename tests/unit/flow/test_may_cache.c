/* Which connections a worker may pass without a lookup: each state and end, generations, and that a
 * packet that passes so would have changed nothing. */
#include "flow_tests.h"

#define CLIENT 0
#define SERVER 1

struct fixture {
	struct eg_flow_table *table;
	struct eg_flow *worker;
	struct eg_flow_now now;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){.table = eg_flow_table_new(1024),
			      .now = {.generation = 7, .s = 1000}};
	f->worker = aligned_alloc(64, sizeof(struct eg_flow));
	memset(f->worker, 0, sizeof(struct eg_flow));
	eg_flow_init(f->worker, f->table);
}

static void teardown(struct fixture *f)
{
	free(f->worker);
	eg_flow_table_free(f->table);
}

static struct eg_lookup find(struct fixture *f, uint8_t proto, unsigned from,
			     enum eg_conn_event event, struct eg_segment segment)
{
	static const uint8_t client[4] = {10, 0, 0, 9}, server[4] = {10, 0, 0, 1};
	const struct eg_flow_tuple there = {client, server, 40000, 80, proto, 4},
				   back = {server, client, 80, 40000, proto, 4};
	struct eg_lookup lookup;

	eg_lookup_make(&lookup, f->worker, from == CLIENT ? &there : &back, event);
	lookup.segment = segment;
	eg_flow_find(f->worker, &lookup, 1, &f->now);
	return lookup;
}

static bool may_cache(const struct fixture *f, const struct eg_lookup *lookup, uint32_t *next)
{
	*next = 0xdead;
	return eg_flow_may_cache(f->worker, lookup, &f->now, next);
}

static struct eg_conn *conn_of(const struct fixture *f, const struct eg_lookup *lookup)
{
	assert_true(lookup->conn < f->table->n_numbers);
	return &f->table->conns[lookup->conn];
}

/* A connection that the client opened, found by a packet from `from`; its state and generation are
 * set by the test. */
static struct eg_lookup found(struct fixture *f, uint8_t proto, unsigned from, uint8_t state,
			      uint32_t generation)
{
	struct eg_lookup lookup = find(f, proto, CLIENT, EG_EVENT_DATA, (struct eg_segment){0, 0});
	struct eg_standing standing;
	struct eg_conn *conn;

	if (lookup.need == EG_FLOW_DECIDE)
		assert_int_equal(eg_flow_allow(f->worker, &lookup, &f->now), EG_FLOW_OPENED);
	conn = conn_of(f, &lookup);
	standing = eg_conn_standing(conn);
	standing.state = state;
	standing.generation = generation;
	atomic_store(&conn->standing, standing);
	lookup.side ^= from == SERVER;
	lookup.need = EG_FLOW_PASS;
	return lookup;
}

/* clang-format off */
static const struct {
	uint8_t state;
	bool handshake[2]; /* TCP, SCTP: the opener's packets, the responder's */
	bool other[2];     /* other protocols */
} states[EG_CONN_STATES] = {
	{EG_CONN_DEAD,          {false, false}, {false, false}},
	{EG_CONN_DENIED,        {false, false}, {false, false}},
	{EG_CONN_NEW,           {false, false}, {true,  false}},
	{EG_CONN_ANSWERED,      {false, true},  {false, true}},
	{EG_CONN_ESTABLISHED,   {true,  true},  {true,  true}},
	{EG_CONN_OPENER_FIN,    {false, false}, {false, false}},
	{EG_CONN_RESPONDER_FIN, {false, false}, {false, false}},
	{EG_CONN_CLOSED,        {false, false}, {false, false}},
};
/* clang-format on */

static void test_states(void **state)
{
	static const uint8_t protos[] = {6, 132, 17, 1, 58, 47};

	(void)state;
	for (unsigned p = 0; p < COUNT(protos); p++) {
		for (unsigned row = 0; row < 2u * EG_CONN_STATES; row++) {
			unsigned s = row / 2, from = row % 2;
			bool want = p < 2 ? states[s].handshake[from] : states[s].other[from];
			struct eg_lookup lookup;
			struct fixture f;
			uint32_t next;

			setup(&f);
			lookup = found(&f, protos[p], from, states[s].state, 7);
			if (may_cache(&f, &lookup, &next) != want)
				fail_msg("protocol %u, state %u, from %u: not %d", protos[p], s,
					 from, want);
			teardown(&f);
		}
	}
}

/* What the lookup says of the packet. */
static void test_lookups(void **state)
{
	struct eg_lookup lookup, opens;
	struct fixture f;
	uint32_t next;

	(void)state;
	setup(&f);
	opens = find(&f, 17, CLIENT, EG_EVENT_DATA, (struct eg_segment){0, 0});
	assert_int_equal(opens.conn, EG_CONN_NONE);
	assert_false(may_cache(&f, &opens, &next)); /* nothing is decided yet */
	lookup = opens;
	lookup.need = EG_FLOW_PASS; /* it passed without an entry in the table */
	assert_false(may_cache(&f, &lookup, &next));
	assert_int_equal(eg_flow_allow(f.worker, &opens, &f.now), EG_FLOW_OPENED);
	assert_false(may_cache(&f, &opens, &next)); /* it opened the connection */
	f.now.s++;
	lookup = find(&f, 17, CLIENT, EG_EVENT_DATA, (struct eg_segment){0, 0});
	assert_int_equal(lookup.need, EG_FLOW_PASS);
	assert_true(may_cache(&f, &lookup, &next));
	assert_int_equal(next, 0);

	/* Policy has changed: not before it is decided again, nor for the packet that asks. */
	f.now.generation = 8;
	lookup = find(&f, 17, CLIENT, EG_EVENT_DATA, (struct eg_segment){0, 0});
	assert_int_equal(lookup.need, EG_FLOW_REDECIDE);
	assert_false(may_cache(&f, &lookup, &next));
	assert_int_equal(eg_flow_allow(f.worker, &lookup, &f.now), EG_FLOW_JOINED);
	assert_false(may_cache(&f, &lookup, &next));
	f.now.s++;
	lookup = find(&f, 17, CLIENT, EG_EVENT_DATA, (struct eg_segment){0, 0});
	assert_true(may_cache(&f, &lookup, &next));
	teardown(&f);
}

static void test_generations(void **state)
{
	static const struct {
		uint32_t standing, now;
		bool keep_existing, want;
	} rows[] = {
		{7, 7, false, true},           {6, 7, false, false}, {6, 7, true, true},
		{8, 7, false, true},           /* another worker has the newer snapshot already */
		{UINT32_MAX, 0, false, false}, /* wrapped */
		{0, UINT32_MAX, false, true},
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(rows); i++) {
		struct eg_lookup lookup;
		struct fixture f;
		uint32_t next;

		setup(&f);
		f.now.generation = rows[i].now;
		f.now.keep_existing = rows[i].keep_existing;
		lookup = found(&f, 6, SERVER, EG_CONN_ESTABLISHED, rows[i].standing);
		if (may_cache(&f, &lookup, &next) != rows[i].want)
			fail_msg("row %u: not %d", i, rows[i].want);
		teardown(&f);
	}
}

/* The numbers of a TCP connection: each end gets its own. */
static void test_numbers(void **state)
{
	struct eg_lookup lookup;
	struct fixture f;
	uint32_t next;

	(void)state;
	setup(&f);
	lookup = find(&f, 6, CLIENT, EG_EVENT_OPEN, (struct eg_segment){1001, 0});
	eg_flow_allow(f.worker, &lookup, &f.now);
	f.now.s++;
	lookup = find(&f, 6, SERVER, EG_EVENT_DATA, (struct eg_segment){5001, 1001});
	assert_true(may_cache(&f, &lookup, &next)); /* SYN with ACK; it may come again */
	assert_int_equal(next, 5001);
	f.now.s++;
	lookup = find(&f, 6, CLIENT, EG_EVENT_DATA, (struct eg_segment){1501, 5001});
	assert_int_equal(eg_conn_standing(conn_of(&f, &lookup)).state, EG_CONN_ESTABLISHED);
	assert_true(may_cache(&f, &lookup, &next));
	assert_int_equal(next, 1501);
	f.now.s++;
	lookup = find(&f, 6, SERVER, EG_EVENT_DATA, (struct eg_segment){6001, 1501});
	assert_true(may_cache(&f, &lookup, &next));
	assert_int_equal(next, 6001);
	/* A stray segment passes, but the number is still that of the real ones. */
	f.now.s++;
	lookup = find(&f, 6, SERVER, EG_EVENT_DATA, (struct eg_segment){0x70000000, 0x60000000});
	assert_true(may_cache(&f, &lookup, &next));
	assert_int_equal(next, 6001);
	f.now.s++;
	lookup = find(&f, 6, SERVER, EG_EVENT_FIN, (struct eg_segment){6002, 1501});
	assert_false(may_cache(&f, &lookup, &next));
	teardown(&f);
}

/* Random connections: whenever a packet's connection may be cached, a plain packet that ends near
 * the number would have passed, and the entry's standing would have stayed the same. */
static void test_changes_nothing(void **state)
{
	struct rng rng = rng_start("flow may cache");
	unsigned cached[2] = {0, 0};

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		uint8_t proto = rng_below(&rng, 2) ? 6 : 17;
		uint32_t seq[2] = {(uint32_t)rng_below(&rng, UINT32_MAX), 0x50000000};
		struct fixture f;

		setup(&f);
		for (unsigned step = 0; step < 60; step++) {
			unsigned from = (unsigned)rng_below(&rng, 2), e = 0;
			struct eg_segment segment = {0, 0};
			struct eg_lookup lookup;
			uint32_t next;

			f.now.s++;
			f.now.generation += rng_below(&rng, 20) == 0;
			f.now.keep_existing = rng_below(&rng, 4) == 0;
			if (proto == 6) {
				e = rng_below(&rng, 8) ? 0 : (unsigned)rng_below(&rng, 4);
				seq[from] += (uint32_t)rng_below(&rng, 4000);
				segment = (struct eg_segment){seq[from], seq[!from]};
			}
			lookup = find(&f, proto, from, (enum eg_conn_event)e, segment);
			if (may_cache(&f, &lookup, &next)) {
				struct eg_standing was = eg_conn_standing(conn_of(&f, &lookup)), is;

				cached[from]++;
				if (proto == 6)
					segment.end = next + (uint32_t)rng_below(&rng, EG_TCP_STEP);
				lookup = find(&f, proto, from, EG_EVENT_DATA, segment);
				assert_int_equal(lookup.need, EG_FLOW_PASS);
				is = eg_conn_standing(conn_of(&f, &lookup));
				assert_memory_equal(&is, &was, sizeof(is));
			} else if (lookup.need != EG_FLOW_PASS) {
				if (rng_below(&rng, 4))
					eg_flow_allow(f.worker, &lookup, &f.now);
				else
					eg_flow_deny(f.worker, &lookup, &f.now);
			}
		}
		teardown(&f);
	}
	assert_true(cached[CLIENT] > 500 && cached[SERVER] > 500);
}

int run_may_cache_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),          cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_generations),     cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
