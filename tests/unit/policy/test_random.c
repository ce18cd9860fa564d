/* Compiled tables against the reference model on random clusters. EG_SEED repeats a run, EG_PROBES
 * makes it longer. */
#include "policy_tests.h"

#include <time.h>

#define PROBES           1100000
#define PROBES_A_CLUSTER 400

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void test_random_clusters(void **state)
{
	uint64_t seed = from_env("EG_SEED", (uint64_t)time(NULL));
	uint64_t probes = from_env("EG_PROBES", PROBES), done = 0, clusters = 0;
	uint64_t passed = 0, by_rule = 0;

	(void)state;
	print_message("EG_SEED=%llu\n", (unsigned long long)seed);
	for (; done < probes; clusters++) {
		struct rng rng = {seed + clusters};
		struct eg_cluster cluster = {0};
		struct eg_policy *policy;

		random_cluster(&rng, &cluster);
		policy = compile(&cluster);
		for (int i = 0; i < PROBES_A_CLUSTER; i++, done++) {
			struct eg_packet_key key = random_key(&rng, &cluster);
			struct eg_ref_side in = eg_ref_evaluate(&cluster, EG_INGRESS, &key);
			struct eg_ref_side out = eg_ref_evaluate(&cluster, EG_EGRESS, &key);

			assert_agree(policy, &key);
			passed += eg_ref_passes(in.why) && eg_ref_passes(out.why);
			by_rule += in.why == EG_REF_RULE || out.why == EG_REF_RULE;
		}
		eg_policy_free(policy);
		eg_cluster_free(&cluster);
	}
	print_message("%llu probes in %llu clusters: %llu pass, %llu by a rule\n",
		      (unsigned long long)done, (unsigned long long)clusters,
		      (unsigned long long)passed, (unsigned long long)by_rule);
	/* A generator whose packets are nearly all allowed proves nothing. */
	assert_in_range(passed * 100 / done, 10, 90);
	assert_in_range(by_rule * 100 / done, 5, 95);
}

/* The load-time proof finds no disagreement in correct clusters, and tests every pair. */
static void test_exhaustive_proof(void **state)
{
	uint64_t seed = from_env("EG_SEED", (uint64_t)time(NULL));

	(void)state;
	print_message("EG_SEED=%llu\n", (unsigned long long)seed);
	for (int i = 0; i < 25; i++) {
		struct rng rng = {seed + (uint64_t)i};
		struct eg_cluster cluster = {0};
		struct eg_policy *policy;
		struct eg_proof proof;

		random_cluster(&rng, &cluster);
		policy = compile(&cluster);
		assert_int_equal(eg_policy_prove(policy, 0, &proof), 0);
		if (proof.n_disagreements)
			assert_agree(policy, &proof.first.key);
		assert_int_equal(proof.n_pairs_done, proof.n_pairs);
		assert_int_equal(proof.n_addresses_done, proof.n_addresses);
		eg_policy_free(policy);
		eg_cluster_free(&cluster);
	}
}

int run_random_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_clusters),
		cmocka_unit_test(test_exhaustive_proof),
	};

	return cmocka_run_group_tests_name("policy random", tests, NULL, NULL);
}
