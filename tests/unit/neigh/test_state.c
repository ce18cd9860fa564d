/* The state machine as a numbered truth table, its timers, and waiting packets. */
#include "neigh_tests.h"

static const uint8_t known[6] = {2, 0, 0, 0, 0, 1}, other[6] = {2, 0, 0, 0, 0, 2};

#define T0 1000000

static struct eg_neigh *open_entry(struct eg_neighs *neighs, enum eg_neigh_state state)
{
	const uint8_t address[4] = {10, 0, 0, 1};
	struct eg_neigh_key key = eg_neigh_key_make(1, 4, address);
	struct eg_neigh *neigh = eg_neigh_add(neighs, &key);

	assert_non_null(neigh);
	eg_neigh_set_state(neighs, neigh, state);
	neigh->since_ms = T0;
	if (state != EG_NEIGH_INCOMPLETE)
		eg_neigh_set_mac(neigh, known);
	return neigh;
}

enum {
	NONE, /* the message has no MAC */
	KNOWN,
	OTHER,
};

static void test_transitions(void **state)
{
	static const struct {
		enum eg_neigh_state state;
		bool answer, over;
		int mac;
		enum eg_neigh_state next;
		int mac_then;
		enum eg_neigh_action want;
		bool refused;
	} rows[] = {
		/* 0: packets wait */
		{EG_NEIGH_INCOMPLETE, true, true, OTHER, EG_NEIGH_REACHABLE, OTHER,
		 EG_NEIGH_SEND_HELD, false},
		{EG_NEIGH_INCOMPLETE, true, false, OTHER, EG_NEIGH_REACHABLE, OTHER,
		 EG_NEIGH_SEND_HELD, false},
		{EG_NEIGH_INCOMPLETE, false, true, OTHER, EG_NEIGH_PROBE, OTHER, EG_NEIGH_SEND_HELD,
		 false},
		{EG_NEIGH_INCOMPLETE, true, true, NONE, EG_NEIGH_INCOMPLETE, NONE, EG_NEIGH_NOTHING,
		 false},
		/* 4: recently confirmed: nobody can hijack it */
		{EG_NEIGH_REACHABLE, true, true, KNOWN, EG_NEIGH_REACHABLE, KNOWN, EG_NEIGH_NOTHING,
		 false},
		{EG_NEIGH_REACHABLE, false, true, KNOWN, EG_NEIGH_REACHABLE, KNOWN,
		 EG_NEIGH_NOTHING, false},
		{EG_NEIGH_REACHABLE, true, true, OTHER, EG_NEIGH_PROBE, KNOWN,
		 EG_NEIGH_REQUEST_STATION, true},
		{EG_NEIGH_REACHABLE, false, true, OTHER, EG_NEIGH_PROBE, KNOWN,
		 EG_NEIGH_REQUEST_STATION, true},
		{EG_NEIGH_REACHABLE, true, false, OTHER, EG_NEIGH_REACHABLE, KNOWN,
		 EG_NEIGH_NOTHING, true},
		/* 9: stale */
		{EG_NEIGH_STALE, false, true, KNOWN, EG_NEIGH_STALE, KNOWN, EG_NEIGH_NOTHING,
		 false},
		{EG_NEIGH_STALE, false, true, OTHER, EG_NEIGH_PROBE, OTHER,
		 EG_NEIGH_REQUEST_STATION, false},
		{EG_NEIGH_STALE, false, false, OTHER, EG_NEIGH_STALE, KNOWN, EG_NEIGH_NOTHING,
		 true},
		/* 12: probed */
		{EG_NEIGH_PROBE, true, true, KNOWN, EG_NEIGH_REACHABLE, KNOWN, EG_NEIGH_NOTHING,
		 false},
		{EG_NEIGH_PROBE, true, true, NONE, EG_NEIGH_REACHABLE, KNOWN, EG_NEIGH_NOTHING,
		 false},
		{EG_NEIGH_PROBE, false, true, KNOWN, EG_NEIGH_PROBE, KNOWN, EG_NEIGH_NOTHING,
		 false},
		{EG_NEIGH_PROBE, true, true, OTHER, EG_NEIGH_PROBE, KNOWN, EG_NEIGH_NOTHING, true},
		{EG_NEIGH_PROBE, false, true, OTHER, EG_NEIGH_PROBE, KNOWN, EG_NEIGH_NOTHING, true},
	};
	static const uint8_t *const macs[] = {NULL, known, other};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct eg_neighs *neighs = eg_neighs_new();
		struct eg_neigh *neigh = open_entry(neighs, rows[i].state);
		struct eg_neigh_message message = {.has_mac = rows[i].mac,
						   .override = rows[i].over};
		uint64_t mac = 0;
		bool refused = !rows[i].refused;
		enum eg_neigh_action got;

		if (rows[i].mac)
			memcpy(message.mac, macs[rows[i].mac], 6);
		got = eg_neigh_update(neighs, neigh, &message, rows[i].answer, T0 + 7, &refused);
		if (rows[i].mac_then)
			memcpy(&mac, macs[rows[i].mac_then], 6);
		if (got != rows[i].want || neigh->state != rows[i].next ||
		    refused != rows[i].refused || atomic_load(&neigh->mac) != mac)
			fail_msg("row %zu: does %d, state %d, refused %d", i, got, neigh->state,
				 refused);
		/* Only a change of state restarts its clock. */
		assert_int_equal(neigh->since_ms, rows[i].next == rows[i].state ? T0 : T0 + 7);
		eg_neighs_free(neighs);
	}
}

/* Advance the clock and send every request, as the resolver does. */
static unsigned run_until_gone(struct eg_neighs *neighs, struct eg_neigh *neigh, uint64_t *now,
			       enum eg_neigh_action request)
{
	unsigned asked = 0;

	for (;; *now += 100) {
		enum eg_neigh_action what = eg_neigh_tick(neighs, neigh, *now);

		if (what == EG_NEIGH_GIVE_UP)
			return asked;
		if (what == EG_NEIGH_NOTHING)
			continue;
		assert_int_equal(what, request);
		eg_neigh_requested(neigh, *now);
		asked++;
	}
}

static void test_nobody_answers(void **state)
{
	struct eg_neighs *neighs = eg_neighs_new();
	struct eg_neigh *neigh = open_entry(neighs, EG_NEIGH_INCOMPLETE);
	uint64_t now = T0;

	(void)state;
	assert_int_equal(run_until_gone(neighs, neigh, &now, EG_NEIGH_REQUEST_ALL), EG_NEIGH_TRIES);
	assert_int_equal(now, T0 + EG_NEIGH_TRIES * EG_NEIGH_RETRY_MS);
	eg_neighs_free(neighs);
}

static void test_ageing(void **state)
{
	struct eg_neighs *neighs = eg_neighs_new();
	struct eg_neigh *neigh = open_entry(neighs, EG_NEIGH_REACHABLE);
	struct eg_neigh_key key = eg_neigh_key_of(neigh);
	uint64_t now = T0 + EG_NEIGH_REACHABLE_MS - 1;

	(void)state;
	assert_int_not_equal(eg_neigh_lookup_mac(neighs, &key), 0);
	assert_int_equal(eg_neigh_tick(neighs, neigh, now), EG_NEIGH_NOTHING);
	assert_int_equal(neigh->state, EG_NEIGH_REACHABLE);
	assert_int_equal(eg_neigh_tick(neighs, neigh, ++now), EG_NEIGH_NOTHING);
	assert_int_equal(neigh->state, EG_NEIGH_STALE);
	/* Nobody used it since: it stays until it is too old. */
	assert_int_equal(eg_neigh_tick(neighs, neigh, now + EG_NEIGH_STALE_MS - 1),
			 EG_NEIGH_NOTHING);
	assert_int_equal(eg_neigh_tick(neighs, neigh, now + EG_NEIGH_STALE_MS), EG_NEIGH_GIVE_UP);
	/* A packet triggers a probe, and packets are still sent meanwhile. */
	assert_int_not_equal(eg_neigh_lookup_mac(neighs, &key), 0);
	assert_int_equal(eg_neigh_tick(neighs, neigh, now), EG_NEIGH_REQUEST_STATION);
	assert_int_equal(neigh->state, EG_NEIGH_PROBE);
	eg_neigh_requested(neigh, now);
	assert_int_not_equal(eg_neigh_lookup_mac(neighs, &key), 0);
	assert_int_equal(run_until_gone(neighs, neigh, &now, EG_NEIGH_REQUEST_STATION),
			 EG_NEIGH_TRIES - 1);
	eg_neigh_remove(neighs, neigh);
	assert_int_equal(eg_neigh_lookup_mac(neighs, &key), 0);
	eg_neighs_free(neighs);
}

static void test_held(void **state)
{
	struct eg_neighs *neighs = eg_neighs_new();
	char packets[EG_NEIGH_HELD_ALL + 1];
	void *out[EG_NEIGH_HELD_MAX];
	unsigned held = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		const uint8_t address[4] = {10, 0, 0, (uint8_t)i};
		struct eg_neigh_key key = eg_neigh_key_make(0, 4, address);
		struct eg_neigh *neigh = eg_neigh_add(neighs, &key);

		for (unsigned k = 0; k < EG_NEIGH_HELD_MAX + 1; k++)
			held += eg_neigh_hold(neighs, neigh, &packets[held]);
		if (i == 0)
			assert_int_equal(held, EG_NEIGH_HELD_MAX);
	}
	assert_int_equal(held, EG_NEIGH_HELD_ALL);
	assert_int_equal(neighs->n_held, held);
	for (unsigned i = 0; i < EG_NEIGH_MAX; i++) {
		unsigned n = eg_neigh_release(neighs, &neighs->entry[i], out);

		held -= n;
		for (unsigned k = 1; k < n; k++)
			assert_ptr_equal(out[k], (char *)out[0] + k); /* in order */
	}
	assert_int_equal(held, 0);
	assert_int_equal(neighs->n_held, 0);
	eg_neighs_free(neighs);
}

int run_state_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transitions),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_ageing),
		cmocka_unit_test(test_held),
	};

	return cmocka_run_group_tests_name("neighbours: states", tests, NULL, NULL);
}
