/* Explanations are compared word by word: operators rely on them when something is broken. */
#include "policy_tests.h"

#include "policy/explain.h"
#include "policy/quarantine.h"

static const char policies[] =
	"apiVersion: networking.k8s.io/v1\n"
	"kind: NetworkPolicy\n"
	"metadata: {name: deny, namespace: shop}\n"
	"spec: {podSelector: {}, policyTypes: [Ingress]}\n"
	"---\n"
	"apiVersion: networking.k8s.io/v1\n"
	"kind: NetworkPolicy\n"
	"metadata: {name: web, namespace: shop}\n"
	"spec:\n"
	"  podSelector: {matchLabels: {app: web}}\n"
	"  ingress:\n"
	"  - from:\n"
	"    - podSelector: {matchLabels: {app: db}}\n"
	"    - ipBlock: {cidr: 10.0.1.0/24, except: [10.0.1.0/30]}\n"
	"    ports: [{port: 443}]\n"
	"  - from: [{namespaceSelector: {matchLabels: {team: bank}}}]\n"
	"    ports: [{port: http}, {protocol: UDP, port: 53, endPort: 54}]\n";

static const char *pod_network;    /* policies of the cluster, or NULL */
static uint32_t bad_pod = EG_NONE; /* quarantined object, or NULL */

static struct eg_buf explain(const char *probe, bool json)
{
	struct eg_cluster cluster = {0};
	struct eg_explanation explanation;
	struct eg_policy *policy;
	struct eg_buf out = {0};
	char verdict[8];
	struct eg_packet_key key = probe_key(probe, verdict);

	yaml_cluster(policies, &cluster);
	if (pod_network) {
		eg_prefix_parse(pod_network, eg_vec_add(&cluster.pod_networks));
		assert_int_equal(eg_cluster_index(&cluster), 0);
	}
	if (bad_pod != EG_NONE) {
		assert_int_equal(eg_cluster_quarantine_pod(&cluster, bad_pod, "unreadable"), 0);
		assert_int_equal(eg_cluster_index(&cluster), 0);
	}
	policy = compile(&cluster);
	assert_int_equal(eg_policy_explain(policy, &key, &explanation), 0);
	assert_true(explanation.tables_agree);
	assert_int_equal(explanation.allowed, !strcmp(verdict, "yes"));
	if (json)
		eg_explanation_json(&explanation, &out);
	else
		eg_explanation_text(&explanation, &out);
	eg_explanation_free(&explanation);
	eg_policy_free(policy);
	eg_cluster_free(&cluster);
	return out;
}

static void assert_explained(const char *probe, const char *text)
{
	struct eg_buf out = explain(probe, false);

	assert_string_equal(out.v, text);
	eg_buf_free(&out);
}

static void test_denied(void **state)
{
	(void)state;
	assert_explained("10.0.1.1 10.0.0.1 TCP 443 no",
			 "10.0.1.1 -> 10.0.0.1 TCP 443: DENIED\n"
			 "source 10.0.1.1: pod bank/web {app=web} on node n2 (class 6)\n"
			 "destination 10.0.0.1: pod shop/web {app=web} on node n1 (class 3)\n"
			 "egress of the source: allowed, no policy isolates it\n"
			 "ingress of the destination: DENIED\n"
			 "  isolated by shop/deny (policies.yaml:1)\n"
			 "  isolated by shop/web (policies.yaml:6)\n"
			 "  no match: shop/web ingress[1] (policies.yaml:16): ports: TCP 443 is "
			 "not among TCP http (80 there), UDP 53-54\n"
			 "  no match: shop/web ingress[0] (policies.yaml:12): from[0]: podSelector "
			 "without namespaceSelector applies to namespace shop, but the pod is in "
			 "bank; from[1]: ipBlock excludes 10.0.1.0/30, which contains 10.0.1.1\n");
	assert_explained("10.0.1.1 10.0.0.2 TCP 443 no",
			 "10.0.1.1 -> 10.0.0.2 TCP 443: DENIED\n"
			 "source 10.0.1.1: pod bank/web {app=web} on node n2 (class 6)\n"
			 "destination 10.0.0.2: pod shop/db {app=db} on node n1 (class 4)\n"
			 "egress of the source: allowed, no policy isolates it\n"
			 "ingress of the destination: DENIED\n"
			 "  isolated by shop/deny (policies.yaml:1)\n"
			 "  these policies have no ingress rule: they deny all\n");
}

/* db would be allowed by its label, if it still had it. */
static void test_quarantined(void **state)
{
	(void)state;
	bad_pod = 1;
	assert_explained("10.0.0.2 10.0.0.1 TCP 443 no",
			 "10.0.0.2 -> 10.0.0.1 TCP 443: DENIED\n"
			 "source 10.0.0.2: pod shop/db {(quarantined)=(quarantined)} (class 4)\n"
			 "destination 10.0.0.1: pod shop/web {app=web} on node n1 (class 3)\n"
			 "egress of the source: DENIED\n"
			 "  isolated by shop/(quarantined pods)\n"
			 "  these policies have no egress rule: they deny all\n"
			 "ingress of the destination: DENIED\n"
			 "  isolated by shop/deny (policies.yaml:1)\n"
			 "  isolated by shop/web (policies.yaml:6)\n"
			 "  no match: shop/web ingress[0] (policies.yaml:12): from[0]: pod shop/db "
			 "is quarantined, so no selector matches it; from[1]: ipBlock 10.0.1.0/24 "
			 "does not contain 10.0.0.2\n"
			 "  no match: shop/web ingress[1] (policies.yaml:16): from[0]: pod shop/db "
			 "is quarantined, so no selector matches it; ports: TCP 443 is not among "
			 "TCP http (80 there), UDP 53-54\n");
	bad_pod = EG_NONE;
}

static void test_allowed(void **state)
{
	(void)state;
	assert_explained("10.0.1.2 10.0.0.1 TCP 80 yes",
			 "10.0.1.2 -> 10.0.0.1 TCP 80: ALLOWED\n"
			 "source 10.0.1.2: pod bank/db {app=db} on node n2 (class 6)\n"
			 "destination 10.0.0.1: pod shop/web {app=web} on node n1 (class 3)\n"
			 "egress of the source: allowed, no policy isolates it\n"
			 "ingress of the destination: allowed by shop/web ingress[1] "
			 "(policies.yaml:16)\n"
			 "  isolated by shop/deny (policies.yaml:1)\n"
			 "  isolated by shop/web (policies.yaml:6)\n");
	assert_explained("192.168.0.1 10.0.0.2 ICMP 0 yes",
			 "192.168.0.1 -> 10.0.0.2 ICMP: ALLOWED\n"
			 "source 192.168.0.1: node n1 (class 2)\n"
			 "destination 10.0.0.2: pod shop/db {app=db} on node n1 (class 4)\n"
			 "egress of the source: allowed, no policy isolates it\n"
			 "ingress of the destination: allowed, it comes from the pod's own node\n"
			 "  isolated by shop/deny (policies.yaml:1)\n");
}

static void test_json(void **state)
{
	struct eg_buf out = explain("10.0.0.3 10.0.0.1 UDP 54 no", true);

	(void)state;
	assert_string_equal(
		out.v,
		"{\"allowed\":false,\"tables_agree\":true,\"protocol\":17,\"port\":54,\"source\":{"
		"\"ip\":\"10.0.0.3\",\"class\":5,\"pod\":{\"namespace\":\"shop\",\"name\":"
		"\"cache\",\"labels\":{\"app\":\"cache\"},\"node\":\"n2\"}},\"destination\":{"
		"\"ip\":\"10.0.0.1\",\"class\":3,\"pod\":{\"namespace\":\"shop\",\"name\":\"web\","
		"\"labels\":{\"app\":\"web\"},\"node\":\"n1\"}},\"egress\":{\"allowed\":true,"
		"\"reason\":\"not-isolated\",\"isolated_by\":[]},\"ingress\":{\"allowed\":false,"
		"\"reason\":\"denied\",\"isolated_by\":[{\"namespace\":\"shop\",\"policy\":"
		"\"deny\",\"file\":\"policies.yaml\",\"line\":1},{\"namespace\":\"shop\","
		"\"policy\":\"web\",\"file\":\"policies.yaml\",\"line\":6}],\"misses\":[{"
		"\"namespace\":\"shop\",\"policy\":\"web\",\"rule\":1,\"file\":\"policies.yaml\","
		"\"line\":16,\"miss\":\"peer\",\"text\":\"from[0]: namespaceSelector: team=bank is "
		"not met: it has "
		"team=shop\"},{\"namespace\":\"shop\",\"policy\":\"web\",\"rule\":0,\"file\":"
		"\"policies.yaml\",\"line\":12,\"miss\":\"both\",\"text\":\"from[0]: podSelector: "
		"app=db is not met: it has app=cache; from[1]: ipBlock 10.0.1.0/24 does not "
		"contain 10.0.0.3; ports: UDP 54 is not among TCP 443\"}]}}");
	eg_buf_free(&out);
}

static void test_unknown(void **state)
{
	struct eg_buf out;

	(void)state;
	pod_network = "10.0.0.0/8";
	assert_explained("10.0.1.99 10.0.0.1 TCP 443 no",
			 "10.0.1.99 -> 10.0.0.1 TCP 443: DENIED\n"
			 "source 10.0.1.99: UNKNOWN, in pod network 10.0.0.0/8, but no pod or node "
			 "in the inventory has it (class 1)\n"
			 "destination 10.0.0.1: pod shop/web {app=web} on node n1 (class 3)\n"
			 "egress of the source: DENIED as unknown_pod, the source is unknown "
			 "(policy.unknown_pods)\n"
			 "ingress of the destination: DENIED as unknown_pod, the source is unknown "
			 "(policy.unknown_pods)\n"
			 "  isolated by shop/deny (policies.yaml:1)\n"
			 "  isolated by shop/web (policies.yaml:6)\n");
	out = explain("10.0.0.1 10.0.1.99 TCP 443 no", true);
	assert_non_null(strstr(out.v, "\"destination\":{\"ip\":\"10.0.1.99\",\"class\":1,"
				      "\"unknown\":true}"));
	assert_non_null(strstr(out.v, "\"egress\":{\"allowed\":false,\"reason\":\"unknown-pod\""));
	eg_buf_free(&out);
	pod_network = NULL;
}

int run_explain_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_denied),  cmocka_unit_test(test_quarantined),
		cmocka_unit_test(test_allowed), cmocka_unit_test(test_json),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests_name("policy explain", tests, NULL, NULL);
}
