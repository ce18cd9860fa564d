/* All cases of cyclonus (see tests/vectors/CYCLONUS.md), through the reader, the reference model
 * and the compiled tables. The steps of a case are changes of the cluster. */
#include "k8s_tests.h"

#include "common/cyclonus.h"

#include "policy/prove.h"

static bool is_true(const struct eg_node *probe, const char *field)
{
	return !strcmp(cyclonus_text(probe, field), "true");
}

struct tally {
	size_t probes, self;
};

static void check_probe(const struct eg_policy *policy, const struct eg_node *step,
			const struct eg_node *probe, struct tally *tally)
{
	const struct eg_cluster *cluster = eg_policy_cluster(policy);
	const char *from = cyclonus_text(probe, "From"), *to = cyclonus_text(probe, "To");
	const char *proto = cyclonus_text(probe, "Protocol");
	struct eg_packet_key key = {
		.src = cyclonus_ip(step, from),
		.dst = cyclonus_ip(step, to),
		.port = (uint16_t)atoi(cyclonus_text(probe, "Port")),
		.proto = *proto == 'T'   ? EG_PROTO_TCP
			 : *proto == 'U' ? EG_PROTO_UDP
					 : EG_PROTO_SCTP,
	};
	bool self = !strcmp(from, to);
	struct eg_policy_packet packet = {key.src.bytes, key.dst.bytes, key.port, key.proto, 4};
	struct eg_policy_verdict verdict;

	/* Upstream gives the result of the rules alone for a pod that talks to itself. */
	assert_int_equal(eg_ref_passes(eg_ref_rules(cluster, EG_INGRESS, &key).why),
			 is_true(probe, "Ingress"));
	assert_int_equal(eg_ref_passes(eg_ref_rules(cluster, EG_EGRESS, &key).why),
			 is_true(probe, "Egress"));
	assert_true(eg_prove_packet(policy, &key, NULL));
	eg_policy_evaluate(policy, &packet, &verdict, 1);
	assert_int_equal(eg_policy_passes(&verdict), self || is_true(probe, "Allowed"));
	tally->probes++;
	tally->self += self;
}

static void check_step(const struct eg_node *step, void *arg)
{
	struct tally *tally = arg;
	struct eg_policy_options options = {0};
	struct eg_cluster cluster = {0};
	struct eg_errs errs = {0};
	struct eg_policy *policy;
	struct eg_proof proof;

	cyclonus_cluster(step, &cluster);
	policy = eg_policy_compile(&cluster, &options, &errs);
	assert_non_null(policy);
	for (const struct eg_node *it = eg_node_get(step, "Probes")->child; it; it = it->next)
		check_probe(policy, step, it, tally);
	assert_int_equal(eg_policy_prove(policy, 0, &proof), 0);
	assert_int_equal(proof.n_disagreements, 0);
	eg_policy_free(policy);
	eg_cluster_free(&cluster);
}

static void test_cyclonus(void **state)
{
	struct tally tally = {0};

	(void)state;
	cyclonus_steps(check_step, &tally);
	print_message("%zu probes, %zu of a pod to itself\n", tally.probes, tally.self);
	assert_int_equal(tally.probes, CYCLONUS_PROBES);
	assert_int_equal(tally.self, CYCLONUS_SELF_PROBES);
}

int run_cyclonus_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cyclonus),
	};

	return cmocka_run_group_tests_name("cyclonus", tests, NULL, NULL);
}
