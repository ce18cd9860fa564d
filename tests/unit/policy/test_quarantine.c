/* A quarantined object denies what it selects or owns, is reported, and changes nothing else;
 * tables and reference model agree on it as on any policy. */
#include "policy_tests.h"

#include <string.h>

#include "policy/explain.h"
#include "policy/quarantine.h"

#define POLICY(name, spec)                                                                         \
	"---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: " name      \
	", namespace: shop}, spec: {" spec "}}\n"

static void expect(const struct eg_cluster *cluster, const char *const *probes)
{
	struct eg_policy *policy = compile(cluster);
	struct eg_proof proof;

	for (; *probes; probes++) {
		char verdict[8];
		struct eg_packet_key key = probe_key(*probes, verdict);
		bool pass = eg_ref_evaluate(cluster, EG_INGRESS, &key).why != EG_REF_DENIED &&
			    eg_ref_evaluate(cluster, EG_EGRESS, &key).why != EG_REF_DENIED;

		if (pass != !strcmp(verdict, "yes"))
			fail_msg("%s", *probes);
		assert_agree(policy, &key);
	}
	assert_int_equal(eg_policy_prove(policy, 0, &proof), 0);
	assert_int_equal(proof.n_disagreements, 0);
	eg_policy_free(policy);
}

static void expect_listed(const struct eg_cluster *cluster, size_t i, const char *words)
{
	struct eg_buf text = {0};

	eg_describe_quarantined(cluster, &cluster->quarantined.v[i], &text);
	assert_string_equal(text.v, words);
	eg_buf_free(&text);
}

static void test_policy(void **state)
{
	static const char *const before[] = {"10.0.0.1 10.0.0.2 TCP 80 yes",
					     "10.0.0.2 10.0.0.3 TCP 80 yes", NULL};
	/* Isolated in one direction only, with its own node still allowed; all others as before. */
	static const char *const after[] = {
		"10.0.0.1 10.0.0.2 TCP 80 no",     "fd00::11 fd00::1 TCP 80 yes",
		"192.168.0.1 10.0.0.2 TCP 80 yes", "10.0.0.2 10.0.0.3 TCP 80 yes",
		"10.0.0.2 8.8.8.8 UDP 53 yes",     NULL};
	struct eg_cluster cluster = {0};

	(void)state;
	yaml_cluster(POLICY("p", "podSelector: {matchLabels: {app: db}}, ingress: [{}]"), &cluster);
	expect(&cluster, before);
	assert_int_equal(eg_cluster_quarantine_policy(&cluster, 0, "it costs too much"), 0);
	assert_int_equal(eg_cluster_quarantine_policy(&cluster, 0, "again"), 0);
	assert_int_equal(eg_cluster_index(&cluster), 0);
	expect(&cluster, after);
	assert_int_equal(cluster.quarantined.n, 1);
	assert_true(cluster.policies.v[0].quarantined);
	expect_listed(&cluster, 0, "NetworkPolicy shop/p (policies.yaml:2): it costs too much");
	eg_cluster_free(&cluster);
}

/* A policy that isolates in no direction isolates in both after quarantine. */
static void test_no_direction(void **state)
{
	static const char *const after[] = {"10.0.0.1 10.0.0.2 TCP 80 no",
					    "10.0.0.2 8.8.8.8 UDP 53 no",
					    "10.0.0.1 10.0.0.3 TCP 80 yes", NULL};
	struct eg_cluster cluster = {0};

	(void)state;
	yaml_cluster(POLICY("p", "podSelector: {matchLabels: {app: db}}"), &cluster);
	cluster.policies.v[0].isolates[EG_INGRESS] = cluster.policies.v[0].isolates[EG_EGRESS] =
		false;
	assert_int_equal(eg_cluster_quarantine_policy(&cluster, 0, "unreadable"), 0);
	assert_int_equal(eg_cluster_index(&cluster), 0);
	expect(&cluster, after);
	eg_cluster_free(&cluster);
}

/* Nothing may enter or leave through either address, not even from its node; the other pods of its
 * namespace are not affected, and its port name is undefined. */
static void test_pod(void **state)
{
	static const char *const after[] = {"10.0.0.1 10.0.0.2 TCP 80 no",
					    "10.0.0.2 10.0.0.1 TCP 80 no",
					    "fd00::11 fd00::1 TCP 80 no",
					    "192.168.0.1 10.0.0.1 TCP 80 no",
					    "8.8.8.8 10.0.0.1 UDP 1 no",
					    "10.0.0.2 10.0.0.3 TCP 1 yes",
					    "10.0.0.3 10.0.1.1 TCP 1 yes",
					    "10.0.0.2 8.8.8.8 ICMP 0 yes",
					    NULL};
	struct eg_cluster cluster = {0};

	(void)state;
	yaml_cluster(POLICY("p", "podSelector: {matchLabels: {app: web}}, ingress: [{}]"),
		     &cluster);
	assert_int_equal(eg_cluster_quarantine_pod(&cluster, 0, "unreadable"), 0);
	assert_int_equal(eg_cluster_quarantine_pod(&cluster, 0, "unreadable"), 0);
	assert_int_equal(eg_cluster_index(&cluster), 0);
	expect(&cluster, after);
	assert_int_equal(cluster.quarantined.n, 1);
	expect_listed(&cluster, 0, "Pod shop/web (inventory.yaml:12): unreadable");
	eg_cluster_free(&cluster);
}

/* Policies that select every pod of its namespace, or all that lack a label, allow it nothing,
 * because its real labels are unknown. They still allow the other pods. */
static void test_broad_selectors(void **state)
{
	static const char *const allowing[] = {
		"podSelector: {}, ingress: [{}], egress: [{}]",
		"podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}, "
		"ingress: [{}], egress: [{}]",
		"podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [x]}]}, "
		"ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: 0.0.0.0/0}}]}], "
		"egress: [{to: [{namespaceSelector: {}}, {ipBlock: {cidr: 0.0.0.0/0}}]}]",
	};
	static const char *const after[] = {
		"10.0.0.1 10.0.0.2 TCP 80 no", "10.0.0.2 10.0.0.1 TCP 80 no",
		"10.0.0.1 8.8.8.8 UDP 53 no",  "8.8.8.8 10.0.0.1 TCP 80 no",
		"10.0.0.2 10.0.0.3 TCP 1 yes", NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(allowing) / sizeof(*allowing); i++) {
		struct eg_cluster cluster = {0};
		char policy[512];

		snprintf(policy, sizeof(policy), POLICY("p", "%s"), allowing[i]);
		yaml_cluster(policy, &cluster);
		assert_int_equal(eg_cluster_quarantine_pod(&cluster, 0, "unreadable"), 0);
		assert_int_equal(eg_cluster_index(&cluster), 0);
		expect(&cluster, after);
		eg_cluster_free(&cluster);
	}
}

int run_quarantine_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_no_direction),
		cmocka_unit_test(test_pod),
		cmocka_unit_test(test_broad_selectors),
	};

	return cmocka_run_group_tests_name("policy quarantine", tests, NULL, NULL);
}
