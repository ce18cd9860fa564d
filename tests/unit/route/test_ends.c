/* Which peers a packet between two outer addresses may belong to, against a list. */
#include "route/route_tests.h"

#include <stdlib.h>

#include "common/random.h"
#include "route/ends.h"

#define PEERS 24

/* Few addresses, so that pairs repeat and slots collide: both families, which must not mix. */
static struct eg_ip random_end(struct rng *rng)
{
	uint8_t bytes[16] = {192, 0, 2, (uint8_t)rng_below(rng, 6)};

	return eg_ip_from(rng_below(rng, 2) ? 6 : 4, bytes);
}

/* All peers between exactly these ends, each once, in any order; nobody else. */
static void check_pair(const struct eg_ends *ends, const struct eg_tunnel *peers, uint32_t n,
		       const struct eg_ip *local, const struct eg_ip *remote)
{
	bool found[PEERS] = {false};
	const struct eg_tunnel *peer;
	uint32_t at = 0;

	while ((peer = eg_ends_next(ends, peers, local, remote, &at))) {
		size_t i = (size_t)(peer - peers);

		assert_true(i < n && !found[i]);
		found[i] = true;
	}
	for (uint32_t i = 0; i < n; i++) {
		bool between = eg_ip_equal(&peers[i].local, local) &&
			       eg_ip_equal(&peers[i].remote, remote);

		if (found[i] != between)
			fail_msg("peer %u of %u: found %d, between these ends %d", i, n, found[i],
				 between);
	}
}

static void test_random(void **state)
{
	struct rng rng = rng_start("ends");

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		uint32_t n = (uint32_t)rng_below(&rng, PEERS + 1);
		struct eg_tunnel *peers = eg_tunnels_new(n);
		struct eg_ends ends;

		assert_non_null(peers);
		for (uint32_t i = 0; i < n; i++) {
			peers[i].local = random_end(&rng);
			peers[i].remote = random_end(&rng);
		}
		assert_int_equal(eg_ends_build(&ends, peers, n), 0);
		assert_true(2 * n <= ends.mask + 1); /* else a search might not end */
		for (unsigned i = 0; i < 200; i++) {
			struct eg_ip local = random_end(&rng), remote = random_end(&rng);

			check_pair(&ends, peers, n, &local, &remote);
		}
		eg_ends_free(&ends);
		free(peers);
	}
}

/* One peer, and packets from its remote end to 4,096 addresses that are not its local end (and to
 * its local end from as many others): whatever slot they are looked for in, they are nobody's. */
static void test_foreign(void **state)
{
	struct eg_tunnel *peer = eg_tunnels_new(1);
	struct eg_ends ends;
	uint32_t at = 0;

	(void)state;
	assert_non_null(peer);
	eg_ip_parse("192.0.2.1", &peer->local);
	eg_ip_parse("192.0.2.2", &peer->remote);
	assert_int_equal(eg_ends_build(&ends, peer, 1), 0);
	assert_ptr_equal(eg_ends_next(&ends, peer, &peer->local, &peer->remote, &at), peer);
	for (unsigned i = 0; i < 4096; i++) {
		const uint8_t bytes[4] = {198, 51, (uint8_t)(i >> 8), (uint8_t)i};
		struct eg_ip other = eg_ip_from(4, bytes);

		at = 0;
		assert_null(eg_ends_next(&ends, peer, &other, &peer->remote, &at));
		at = 0;
		assert_null(eg_ends_next(&ends, peer, &peer->local, &other, &at));
	}
	eg_ends_free(&ends);
	free(peer);
}

int run_end_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_foreign),
	};

	return cmocka_run_group_tests_name("ends", tests, NULL, NULL);
}
