/* An unreadable part of an object is an error that names the object. With quarantine, the object
 * denies what it selects or owns, and everything else loads. */
#include "k8s_tests.h"

#include <stdio.h>
#include <string.h>

#include "policy/prove.h"
#include "policy/quarantine.h"
#include "policy/reference.h"

#define CLUSTER                                                                                    \
	"{apiVersion: v1, kind: Namespace, metadata: {name: d}}\n---\n"                            \
	"{apiVersion: v1, kind: Namespace, metadata: {name: e}}\n---\n"                            \
	"{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {addresses: [{type: "          \
	"InternalIP, address: 192.0.2.1}]}}\n---\n"                                                \
	"{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: d, labels: {app: web}}, "    \
	"spec: {nodeName: n1}, status: {podIP: 10.0.0.1}}\n---\n"                                  \
	"{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: d, labels: {app: db}}, "      \
	"spec: {nodeName: n1}, status: {podIP: 10.0.0.2}}\n---\n"                                  \
	"{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: e}, status: {podIP: "          \
	"10.0.0.3}}\n---\n" /* 12 lines; the object under test begins on line 13 */

#define POLICY(metadata, spec)                                                                     \
	"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {" metadata             \
	"}, spec: {" spec "}}\n"

/* Traffic of the pods with the outside: + allowed, - denied. In the order web in, web out, db in,
 * db out, x in, x out. */
static void probe(const struct eg_cluster *cluster, char out[7])
{
	static const char *const pods[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
	struct eg_policy_options options = {0};
	struct eg_errs errs = {0};
	struct eg_policy *policy = eg_policy_compile(cluster, &options, &errs);
	struct eg_proof proof;

	assert_non_null(policy);
	assert_int_equal(eg_policy_prove(policy, 0, &proof), 0);
	assert_int_equal(proof.n_disagreements, 0);
	for (int i = 0; i < 6; i++) {
		struct eg_packet_key key = {.port = 80, .proto = EG_PROTO_TCP};

		assert_int_equal(eg_ip_parse(pods[i / 2], i % 2 ? &key.src : &key.dst), 0);
		assert_int_equal(eg_ip_parse("8.8.8.8", i % 2 ? &key.dst : &key.src), 0);
		out[i] = eg_ref_evaluate(cluster, i % 2 ? EG_EGRESS : EG_INGRESS, &key).why ==
					 EG_REF_DENIED
				 ? '-'
				 : '+';
	}
	out[6] = '\0';
	eg_policy_free(policy);
	eg_errs_free(&errs);
}

static const struct {
	const char *object;
	const char *refused;     /* its first error, without quarantine */
	const char *quarantined; /* the message with quarantine; NULL: still fails the load */
	const char *probes;
} cases[] = {
	/* a policy: its selector and types, as far as they are readable */
	{POLICY("name: p, namespace: d",
		"podSelector: {matchLabels: {app: web}}, ingress: [{}], ports: []"),
	 "t:13: NetworkPolicy d/p: spec: unknown field \"ports\"\n",
	 "t:13: quarantined: NetworkPolicy d/p: spec: unknown field \"ports\": it isolates the "
	 "pods it selects and allows nothing\n",
	 "--++++"},
	{POLICY("name: p, namespace: d",
		"podSelector: {matchLabels: {app: web}}, ingress: [{form: []}]"),
	 "t:13: NetworkPolicy d/p: spec.ingress[0]: unknown field \"form\" (did you mean "
	 "\"from\"?)\n",
	 "t:13: quarantined: NetworkPolicy d/p: spec.ingress[0]: unknown field \"form\" (did "
	 "you mean \"from\"?): it isolates the pods it selects and allows nothing\n",
	 "-+++++"},
	{POLICY("name: p, namespace: d",
		"policyTypes: [Egress], podSelector: {matchLabels: {app: web}}, "
		"egress: [{to: [{}]}, 7]"),
	 "t:13: NetworkPolicy d/p: spec.egress[0].to[0]: empty peer: set podSelector, "
	 "namespaceSelector or ipBlock ({} as podSelector means all pods)\n"
	 "t:13: NetworkPolicy d/p: spec.egress[1]: must be a map ({} allows everything)\n",
	 "t:13: quarantined: NetworkPolicy d/p: spec.egress[0].to[0]: empty peer: set "
	 "podSelector, namespaceSelector or ipBlock ({} as podSelector means all pods) (and 1 more "
	 "errors): it isolates the pods it selects and allows nothing\n",
	 "+-++++"},
	{POLICY("name: p, namespace: d",
		"podSelector: {matchExpressions: [{key: app, operator: Inn, values: [web]}]}"),
	 "t:13: NetworkPolicy d/p: spec.podSelector.matchExpressions[0].operator: unknown \"Inn\" "
	 "(one of: In, NotIn, Exists, DoesNotExist)\n",
	 "t:13: quarantined: NetworkPolicy d/p: spec.podSelector.matchExpressions[0].operator: "
	 "unknown \"Inn\" (one of: In, NotIn, Exists, DoesNotExist): it isolates the pods it "
	 "selects and allows nothing\n",
	 "-+-+++"},
	{POLICY("name: p, namespace: d", "policyTypes: [Egres], podSelector: {}"),
	 "t:13: NetworkPolicy d/p: spec.policyTypes[0]: \"Egres\" is neither Ingress nor "
	 "Egress\n",
	 "t:13: quarantined: NetworkPolicy d/p: spec.policyTypes[0]: \"Egres\" is neither "
	 "Ingress nor Egress: it isolates the pods it selects and allows nothing\n",
	 "----++"},
	{"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: "
	 "d}, Spec: {podSelector: {matchLabels: {app: web}}}}\n",
	 "t:13: NetworkPolicy d/p: unknown field \"Spec\" (did you mean \"spec\"?)\n",
	 "t:13: quarantined: NetworkPolicy d/p: unknown field \"Spec\" (did you mean "
	 "\"spec\"?): "
	 "it isolates the pods it selects and allows nothing\n",
	 "----++"},
	/* one invalid requirement: the valid one must not narrow the selector */
	{POLICY("name: p, namespace: d", "podSelector: {matchLabels: {app: web, tier: 7}}"),
	 "t:13: NetworkPolicy d/p: spec.podSelector.matchLabels.tier: must be a string: put \"7\" "
	 "in quotes\n",
	 "t:13: quarantined: NetworkPolicy d/p: spec.podSelector.matchLabels.tier: must be a "
	 "string: "
	 "put \"7\" in quotes: it isolates the pods it selects and allows nothing\n",
	 "-+-+++"},
	/* a null in a requirement, which once widened the rule */
	{POLICY("name: p, namespace: d",
		"podSelector: {matchExpressions: [{key: null, operator: Exists}]}"),
	 "t:13: NetworkPolicy d/p: spec.podSelector.matchExpressions[0]: key: must not be "
	 "null\n",
	 "t:13: quarantined: NetworkPolicy d/p: spec.podSelector.matchExpressions[0]: key: "
	 "must "
	 "not be null: it isolates the pods it selects and allows nothing\n",
	 "-+-+++"},
	{POLICY("name: p, namespace: d",
		"podSelector: {matchExpressions: [{key: app, operator: null}]}"),
	 "t:13: NetworkPolicy d/p: spec.podSelector.matchExpressions[0]: operator: must not be "
	 "null\n",
	 "t:13: quarantined: NetworkPolicy d/p: spec.podSelector.matchExpressions[0]: "
	 "operator: "
	 "must not be null: it isolates the pods it selects and allows nothing\n",
	 "-+-+++"},
	{POLICY("name: p, namespace: d", "podSelector: {matchExpressions: [null]}"),
	 "t:13: NetworkPolicy d/p: spec.podSelector.matchExpressions[0]: must be a map with "
	 "key, operator and values\n",
	 "t:13: quarantined: NetworkPolicy d/p: spec.podSelector.matchExpressions[0]: must be "
	 "a "
	 "map with key, operator and values: it isolates the pods it selects and allows nothing\n",
	 "-+-+++"},
	{POLICY("name: p, namespace: d",
		"podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 0120}]}]"),
	 "t:13: NetworkPolicy d/p: spec.ingress[0].ports[0].port: \"0120\" is octal to some "
	 "parsers and decimal to others: write the port without leading zeros\n",
	 "t:13: quarantined: NetworkPolicy d/p: spec.ingress[0].ports[0].port: \"0120\" is octal "
	 "to some parsers and decimal to others: write the port without leading zeros: it isolates "
	 "the pods it selects and allows nothing\n",
	 "-+++++"},
	/* a partly unreadable selector must not select fewer pods than intended: all pods */
	{POLICY("name: p, namespace: d",
		"podSelector: {matchLabels: {app: web}, matchExpressions: [null]}"),
	 "t:13: NetworkPolicy d/p: spec.podSelector.matchExpressions[0]: must be a map with "
	 "key, operator and values\n",
	 "t:13: quarantined: NetworkPolicy d/p: spec.podSelector.matchExpressions[0]: must be "
	 "a "
	 "map with key, operator and values: it isolates the pods it selects and allows nothing\n",
	 "-+-+++"},
	/* metadata */
	{POLICY("name: p, namepsace: d", "podSelector: {}"),
	 "t:13: NetworkPolicy p: metadata: unknown field \"namepsace\" (did you mean "
	 "\"namespace\"?)\n",
	 NULL, NULL},
	{POLICY("name: p", "podSelector: {}"),
	 "t:13: NetworkPolicy p: metadata.namespace: missing (policy.default_namespace can supply "
	 "a default)\n",
	 NULL, NULL},
	{POLICY("name: p, namespace: d, label: {}", "podSelector: {matchLabels: {app: web}}"),
	 "t:13: NetworkPolicy d/p: metadata: unknown field \"label\" (did you mean "
	 "\"labels\"?)\n",
	 "t:13: quarantined: NetworkPolicy d/p: metadata: unknown field \"label\" (did you mean "
	 "\"labels\"?): it isolates the pods it selects and allows nothing\n",
	 "-+++++"},
	{POLICY("name: P, namespace: d", "podSelector: {matchLabels: {app: web}}"),
	 "t:13: NetworkPolicy d/P: metadata.name: \"P\" is not a valid name (a-z, 0-9, - and .)\n",
	 "t:13: quarantined: NetworkPolicy d/: metadata.name: \"P\" is not a valid name (a-z, 0-9, "
	 "- and .): it isolates the pods it selects and allows nothing\n",
	 "-+++++"},
	{POLICY("name: p, namespace: d",
		"podSelector: {matchLabels: {app: web}}, ingress: [{}]") "---\n" POLICY("name: p, "
											"namespace:"
											" d",
											"podSelecto"
											"r: "
											"{matchLabe"
											"ls: {app: "
											"db}}, "
											"ingress: "
											"[{}]"),
	 "t:15: NetworkPolicy d/p: duplicate object (first at t:13)\n",
	 "t:15: quarantined: NetworkPolicy d/p: duplicate object (first at t:13): it isolates the "
	 "pods it selects and allows nothing\n",
	 "-+-+++"},
	/* unsupported kinds and versions */
	{"{apiVersion: networking.k8s.io/v1, kind: NetworkPolcy, metadata: {name: p, namespace: "
	 "d}, spec: {podSelector: {matchLabels: {app: web}}}}\n",
	 "t:13: NetworkPolcy d/p: unknown kind (did you mean \"NetworkPolicy\"?)\n",
	 "t:13: quarantined: NetworkPolcy d/p: unknown kind (did you mean \"NetworkPolicy\"?): "
	 "it "
	 "isolates the pods it selects and allows nothing\n",
	 "-+++++"},
	{"{apiVersion: networking.k8s.io/v1beta1, kind: NetworkPolicy, metadata: {name: p, "
	 "namespace: d}, spec: {podSelector: {matchLabels: {app: web}}}}\n",
	 "t:13: NetworkPolicy d/p: apiVersion \"networking.k8s.io/v1beta1\" is not supported: "
	 "convert it to networking.k8s.io/v1\n",
	 "t:13: quarantined: NetworkPolicy d/p: apiVersion \"networking.k8s.io/v1beta1\" is not "
	 "supported: convert it to networking.k8s.io/v1: it isolates the pods it selects and "
	 "allows nothing\n",
	 "-+++++"},
	{"{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: p, namespace: e}, "
	 "spec: {endpointSelector: {}}}\n",
	 "t:13: CiliumNetworkPolicy e/p: kind CiliumNetworkPolicy of apiVersion \"cilium.io/v2\" "
	 "is not enforced: only NetworkPolicy of networking.k8s.io/v1 is\n",
	 "t:13: quarantined: CiliumNetworkPolicy e/p: kind CiliumNetworkPolicy of apiVersion "
	 "\"cilium.io/v2\" is not enforced: only NetworkPolicy of networking.k8s.io/v1 is (and 1 "
	 "more errors): it isolates the pods it selects and allows nothing\n",
	 "++++--"},
	{"{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: p, "
	 "namespace: d}, spec: {}}\n",
	 "t:13: AuthorizationPolicy d/p: kind AuthorizationPolicy of apiVersion "
	 "\"security.istio.io/v1\" is not enforced: only NetworkPolicy of networking.k8s.io/v1 "
	 "is\n",
	 "t:13: quarantined: AuthorizationPolicy d/p: kind AuthorizationPolicy of apiVersion "
	 "\"security.istio.io/v1\" is not enforced: only NetworkPolicy of networking.k8s.io/v1 is: "
	 "it isolates the pods it selects and allows nothing\n",
	 "-+-+++"},
	{"{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {name: p}}\n",
	 "t:13: GlobalNetworkPolicy p: kind GlobalNetworkPolicy of apiVersion "
	 "\"projectcalico.org/v3\" is not enforced: only NetworkPolicy of networking.k8s.io/v1 "
	 "is\n",
	 NULL, NULL},
	{"{apiVersion: v1, kind: Service, metadata: {name: s, namespace: d}}\n",
	 "t:13: Service d/s: kind Service of apiVersion \"v1\" is not enforced: only NetworkPolicy "
	 "of networking.k8s.io/v1 is\n",
	 "t:13: quarantined: Service d/s: kind Service of apiVersion \"v1\" is not enforced: only "
	 "NetworkPolicy of networking.k8s.io/v1 is: it has no effect\n",
	 "++++++"},
	/* not a list, despite its name: it has no items */
	{"{apiVersion: x.io/v1, kind: AllowList, metadata: {name: l, namespace: d}, spec: "
	 "{ingress: "
	 "[]}}\n",
	 "t:13: AllowList d/l: kind AllowList of apiVersion \"x.io/v1\" is not enforced: only "
	 "NetworkPolicy of networking.k8s.io/v1 is\n",
	 "t:13: quarantined: AllowList d/l: kind AllowList of apiVersion \"x.io/v1\" is not "
	 "enforced: only NetworkPolicy of networking.k8s.io/v1 is: it isolates the pods it selects "
	 "and allows nothing\n",
	 "-+-+++"},
	{"{apiVersion: v1, kind: List, item: []}\n", "t:13: items: missing in List\n", NULL, NULL},
	/* a pod is denied with all addresses that it claims, but its node is not */
	{"{apiVersion: v1, kind: Pod, metadata: {name: y, namespace: d}, status: {podIPs: [{ip: "
	 "10.0.0.1}, {ip: 10.0.0.3}, {ip: 192.0.2.1}, {ip: x}]}}\n",
	 "t:13: Pod d/y: status.podIPs[1].ip: more than one IPv4 address\n",
	 "t:13: quarantined: Pod d/y: status.podIPs[1].ip: more than one IPv4 address (and 3 more "
	 "errors): its addresses are denied\n",
	 "--++--"},
	{"{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: d}, status: {podIP: "
	 "10.0.0.1}}\n",
	 "t:13: Pod d/web: duplicate object (first at t:7)\n",
	 "t:13: quarantined: Pod d/web: duplicate object (first at t:7): its addresses are "
	 "denied\n",
	 "--++++"},
	{"{apiVersion: v1, kind: Node, metadata: {name: n2}, status: {addresses: [{type: "
	 "InternalIP, address: x}]}}\n",
	 "t:13: Node n2: status.addresses[0]: must be an IP address\n",
	 "t:13: quarantined: Node n2: status.addresses[0]: must be an IP address: its addresses "
	 "are not treated as a node's\n",
	 "++++++"},
	{"{apiVersion: v1, kind: Namespace, metadata: {name: f, labels: {a: b c}}}\n",
	 "t:13: Namespace f: metadata.labels.a: \"b c\" is not a valid label value\n",
	 "t:13: quarantined: Namespace f: metadata.labels.a: \"b c\" is not a valid label value: "
	 "its labels are treated as unknown\n",
	 "++++++"},
	/* pods of two namespaces */
	{"{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: d}}\n---\n"
	 "{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: e}}\n",
	 "t:13: Pod d/web: duplicate object (first at t:7)\n",
	 "t:13: quarantined: Pod d/web: duplicate object (first at t:7): its addresses are "
	 "denied\n",
	 "--++--"},
};

/* The first message, without its column, which other tests check. */
static void expect_first(const struct eg_errs *errs, const char *wanted)
{
	const char *text = errs->msgs.v[0].text, *place = strstr(text, ": ");
	struct eg_buf got = {0};
	unsigned line;

	assert_int_equal(sscanf(text, "t:%u:", &line), 1);
	eg_buf_add(&got, "t:%u%s\n", line, place);
	if (strncmp(got.v, wanted, got.n))
		fail_msg("%s", got.v);
	eg_buf_free(&got);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct eg_k8s_options options = {.source = EG_K8S_POLICIES};
		struct eg_cluster cluster = {0};
		struct eg_buf text = {0};
		struct eg_errs errs = {0};
		struct eg_k8s *k8s = eg_k8s_new(&cluster, &errs);
		char probes[7];

		eg_buf_add(&text, "%s%s", CLUSTER, cases[i].object);
		eg_k8s_set_options(k8s, &options);
		eg_k8s_add_text(k8s, text.v, text.n, "t");
		assert_int_equal(eg_k8s_finish(k8s), -1);
		expect_first(&errs, cases[i].refused);
		eg_k8s_free(k8s);
		eg_cluster_free(&cluster);
		eg_errs_free(&errs);

		k8s = eg_k8s_new(&cluster, &errs);
		options.quarantine = true;
		eg_k8s_set_options(k8s, &options);
		eg_k8s_add_text(k8s, text.v, text.n, "t");
		assert_int_equal(eg_k8s_finish(k8s), cases[i].quarantined ? 0 : -1);
		assert_int_equal(errs.n_errors != 0, !cases[i].quarantined);
		if (cases[i].quarantined) {
			expect_first(&errs, cases[i].quarantined);
			assert_true(cluster.quarantined.n >= 1);
			probe(&cluster, probes);
			assert_string_equal(probes, cases[i].probes);
		}
		eg_k8s_free(k8s);
		eg_cluster_free(&cluster);
		eg_errs_free(&errs);
		eg_buf_free(&text);
	}
}

/* A quarantined pod does not affect its node, and the default namespace is not used if an unknown
 * field may be a misspelt one. */
static void test_limits(void **state)
{
	static const char pod[] = CLUSTER
		"{apiVersion: v1, kind: Pod, metadata: {name: y, namespace: d}, status: {podIPs: "
		"[{ip: 192.0.2.1}, {ip: x}]}}\n";
	static const char policy[] = CLUSTER POLICY("name: p, namepsace: d", "podSelector: {}");
	struct eg_k8s_options options = {.quarantine = true, .default_namespace = "e"};
	struct eg_cluster cluster = {0};
	struct eg_errs errs = {0};
	struct eg_k8s *k8s = eg_k8s_new(&cluster, &errs);
	struct eg_ip node;

	(void)state;
	eg_k8s_set_options(k8s, &options);
	eg_k8s_add_text(k8s, pod, strlen(pod), "t");
	assert_int_equal(eg_k8s_finish(k8s), 0);
	assert_int_equal(cluster.quarantined.n, 1);
	assert_int_equal(eg_ip_parse("192.0.2.1", &node), 0);
	assert_int_equal(eg_cluster_pod_at(&cluster, &node), EG_NONE);
	eg_k8s_free(k8s);
	eg_cluster_free(&cluster);
	eg_errs_free(&errs);
	k8s = eg_k8s_new(&cluster, &errs);
	eg_k8s_set_options(k8s, &options);
	eg_k8s_add_text(k8s, policy, strlen(policy), "t");
	assert_int_equal(eg_k8s_finish(k8s), -1);
	assert_int_equal(errs.n_errors, 1);
	eg_k8s_free(k8s);
	eg_cluster_free(&cluster);
	eg_errs_free(&errs);
}

/* Read CLUSTER and `objects`, with quarantine. */
static int read_quarantined(const char *objects, const char *default_namespace,
			    struct eg_cluster *cluster)
{
	const struct eg_k8s_options options = {.source = EG_K8S_POLICIES,
					       .default_namespace = default_namespace,
					       .quarantine = true};
	struct eg_errs errs = {0};
	struct eg_k8s *k8s = eg_k8s_new(cluster, &errs);
	struct eg_buf text = {0};
	int err;

	eg_buf_add(&text, "%s%s", CLUSTER, objects);
	eg_k8s_set_options(k8s, &options);
	eg_k8s_add_text(k8s, text.v, text.n, "t");
	err = eg_k8s_finish(k8s);
	eg_k8s_free(k8s);
	eg_errs_free(&errs);
	eg_buf_free(&text);
	return err;
}

static struct eg_ip ip_of(const char *text)
{
	struct eg_ip ip;

	assert_int_equal(eg_ip_parse(text, &ip), 0);
	return ip;
}

/* A Node loses everything, a Namespace keeps its name, and a healthy pod that has its node's
 * address keeps it and its policies. */
static void test_remaining_parts(void **state)
{
	static const char objects[] =
		"{apiVersion: v1, kind: Node, metadata: {name: n2}, status: {addresses: [{type: "
		"InternalIP, address: 192.0.2.2}, {type: InternalIP, address: x}]}}\n---\n"
		"{apiVersion: v1, kind: Namespace, metadata: {name: f, labels: {a: b, c: d e}}}\n"
		"---\n{apiVersion: v1, kind: Pod, metadata: {name: y, namespace: d}, status: "
		"{podIP: 192.0.2.1}}\n";
	struct eg_cluster cluster = {0};
	const struct eg_namespace *f;
	struct eg_ip ip = ip_of("192.0.2.2");

	(void)state;
	assert_int_equal(read_quarantined(objects, NULL, &cluster), 0);
	assert_int_equal(cluster.quarantined.n, 2);
	assert_int_equal(eg_cluster_node_at(&cluster, &ip), EG_NONE);
	f = &cluster.namespaces.v[2];
	assert_string_equal(eg_sym_text(&cluster.syms, f->name), "f");
	assert_true(f->implied);
	assert_int_equal(f->labels.n, 1);
	ip = ip_of("192.0.2.1");
	assert_int_not_equal(eg_cluster_node_at(&cluster, &ip), EG_NONE);
	assert_int_not_equal(eg_cluster_pod_at(&cluster, &ip), EG_NONE);
	eg_cluster_free(&cluster);
}

/* The default namespace replaces a missing one, not a misspelt one. */
static void test_default_namespace(void **state)
{
	struct eg_cluster cluster = {0};

	(void)state;
	assert_int_equal(read_quarantined(POLICY("name: p", "podSelector: {}"), "e", &cluster), 0);
	assert_int_equal(cluster.policies.v[0].ns, 1);
	assert_int_equal(cluster.quarantined.n, 0);
	eg_cluster_free(&cluster);
	assert_int_equal(
		read_quarantined(POLICY("name: p, namepsace: d", "podSelector: {}"), "e", &cluster),
		-1);
	assert_int_equal(cluster.policies.n, 0);
	eg_cluster_free(&cluster);
}

int run_quarantine_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_remaining_parts),
		cmocka_unit_test(test_default_namespace),
	};

	return cmocka_run_group_tests_name("k8s quarantine", tests, NULL, NULL);
}
