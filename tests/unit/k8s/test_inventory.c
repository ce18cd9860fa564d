/* Namespaces, pods and nodes as kubectl prints them, in lists and documents, and the checks across
 * objects. */
#include "k8s_tests.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS(name) "{apiVersion: v1, kind: Namespace, metadata: {name: " name "}}\n---\n"

static const struct eg_pod *pod_of(const struct eg_cluster *cluster, const char *name)
{
	eg_vec_foreach (pod, &cluster->pods)
		if (!strcmp(eg_sym_text(&cluster->syms, pod->name), name))
			return pod;
	fail_msg("no pod %s", name);
	return NULL;
}

static bool has_port(const struct eg_cluster *cluster, const char *pod, const char *name,
		     uint8_t proto, uint16_t port)
{
	return eg_pod_has_port(pod_of(cluster, pod), eg_sym_find(&cluster->syms, name), proto,
			       port);
}

/* As printed by `kubectl get ns,nodes,pods -o yaml`, including fields that are not used. */
static void test_kubectl_list(void **state)
{
	static const char text[] =
		"apiVersion: v1\n"
		"kind: List\n"
		"metadata: {resourceVersion: \"\"}\n"
		"items:\n"
		"- apiVersion: v1\n"
		"  kind: Namespace\n"
		"  metadata:\n"
		"    creationTimestamp: \"2024-01-01T00:00:00Z\"\n"
		"    labels: {kubernetes.io/metadata.name: shop, team: blue}\n"
		"    name: shop\n"
		"  spec: {finalizers: [kubernetes]}\n"
		"  status: {phase: Active}\n"
		"- apiVersion: v1\n"
		"  kind: Node\n"
		"  metadata: {name: n1}\n"
		"  status:\n"
		"    addresses:\n"
		"    - {address: 192.0.2.1, type: InternalIP}\n"
		"    - {address: 198.51.100.1, type: ExternalIP}\n"
		"    - {address: n1.example, type: Hostname}\n"
		"- apiVersion: v1\n"
		"  kind: Pod\n"
		"  metadata:\n"
		"    labels: {app: web, pod-template-hash: 6d4cf56db6}\n"
		"    name: web\n"
		"    namespace: shop\n"
		"  spec:\n"
		"    containers:\n"
		"    - name: a\n"
		"      ports:\n"
		"      - {containerPort: 8080, name: http, protocol: TCP}\n"
		"      - {containerPort: 8081, name: http, protocol: UDP}\n"
		"      - {containerPort: 9}\n"
		"    - name: b\n"
		"      ports: [{containerPort: 8082, name: http}]\n"
		"    initContainers:\n"
		"    - {restartPolicy: Always, ports: [{containerPort: 15090, name: mesh}]}\n"
		"    - {ports: [{containerPort: 7, name: once}]}\n"
		"    nodeName: n1\n"
		"  status:\n"
		"    hostIP: 192.0.2.9\n"
		"    phase: Running\n"
		"    podIP: 10.0.0.1\n"
		"    podIPs: [{ip: 10.0.0.1}, {ip: \"fd00::1\"}]\n"
		"- apiVersion: v1\n"
		"  kind: Pod\n"
		"  metadata: {name: done, namespace: shop}\n"
		"  status: {phase: Failed, podIP: 10.0.0.1}\n"
		"- apiVersion: v1\n"
		"  kind: Pod\n"
		"  metadata: {name: host, namespace: shop}\n"
		"  spec: {hostNetwork: true, nodeName: n1}\n"
		"  status: {phase: Running, podIP: 192.0.2.1}\n"
		"- apiVersion: v1\n"
		"  kind: Pod\n"
		"  metadata: {name: pending, namespace: shop}\n"
		"  status: {phase: Pending}\n"
		"- apiVersion: apps/v1\n"
		"  kind: Deployment\n"
		"  metadata: {name: web}\n"
		"- apiVersion: management.example/v3\n"
		"  kind: Node\n"
		"  metadata: {name: not-ours}\n";
	struct eg_cluster cluster = {0};
	const struct eg_pod *web;

	(void)state;
	read_cluster(text, &cluster, "");
	assert_int_equal(cluster.namespaces.n, 1);
	assert_int_equal(cluster.namespaces.v[0].labels.n, 2);
	assert_int_equal(cluster.nodes.n, 1);
	assert_int_equal(cluster.nodes.v[0].ips.n, 3);
	assert_int_equal(cluster.pods.n, 4);
	web = pod_of(&cluster, "web");
	assert_int_equal(web->ips.n, 2);
	assert_int_equal(web->node, 0);
	assert_int_equal(web->labels.n, 2);
	assert_true(has_port(&cluster, "web", "http", EG_PROTO_TCP, 8080));
	assert_true(
		has_port(&cluster, "web", "http", EG_PROTO_TCP, 8082)); /* of another container */
	assert_true(has_port(&cluster, "web", "http", EG_PROTO_UDP, 8081));
	assert_false(has_port(&cluster, "web", "http", EG_PROTO_TCP, 8081));
	assert_true(has_port(&cluster, "web", "mesh", EG_PROTO_TCP, 15090));
	assert_false(has_port(&cluster, "web", "once", EG_PROTO_TCP, 7));
	assert_int_equal(web->ports.n, 4);
	assert_true(pod_of(&cluster, "done")->finished);
	assert_true(pod_of(&cluster, "host")->host_network);
	assert_int_equal(pod_of(&cluster, "pending")->ips.n, 0);
	eg_cluster_free(&cluster);
}

/* As returned by the API: items of a PodList have no kind. */
static void test_typed_list_json(void **state)
{
	static const char text[] =
		"{\"kind\": \"PodList\", \"apiVersion\": \"v1\", \"items\": [\n"
		"  {\"metadata\": {\"name\": \"a\"}, \"status\": {\"podIP\": \"10.0.0.1\"}}]}\n"
		"---\n"
		"{\"kind\": \"NetworkPolicyList\", \"apiVersion\": \"networking.k8s.io/v1\",\n"
		" \"items\": [{\"metadata\": {\"name\": \"p\"}, \"spec\": {\"podSelector\": "
		"{}}}]}\n"
		"---\n" NS("default");
	struct eg_cluster cluster = {0};

	(void)state;
	read_cluster(text, &cluster, "");
	assert_int_equal(cluster.pods.n, 1);
	assert_int_equal(cluster.policies.n, 1);
	assert_int_equal(cluster.namespaces.n, 1);
	assert_int_equal(cluster.policies.v[0].ns, 0);
	assert_true(cluster.policies.v[0].isolates[EG_INGRESS]);
	assert_false(cluster.policies.v[0].isolates[EG_EGRESS]);
	assert_int_equal(cluster.policies.v[0].pos.line, 5);
	eg_cluster_free(&cluster);
}

static const struct {
	const char *text, *messages;
} cases[] = {
	{"", ""},
	{"a: b\n", "t:1:1: not a Kubernetes object: kind is missing\n"},
	{"- a\n", "t:1:1: must be a Kubernetes object\n"},
	{"kind: List\nitems: [7]\n", "t:2:9: items[0]: must be a Kubernetes object\n"},
	{"kind: List\nitems: {}\n", "t:2:8: items: must be a list\n"},
	{"kind: List\nitems: null\n", ""},
	{"kind: List\nitem: []\n", "t:1:1: items: missing in List\n"},
	{"kind: NetworkPolicyList\n", "t:1:1: items: missing in NetworkPolicyList\n"},
	{"apiVersion: x.io/v1\nkind: AllowList\nmetadata: {name: a}\n", ""},
	{"kind: null\n", "t:1:1: not a Kubernetes object: kind is missing\n"},
	{"kind: ''\n", "t:1:1: not a Kubernetes object: kind is missing\n"},
	{"{apiVersion: v1, kind: Pod}\n", "t:1:1: Pod: metadata.name: missing\n"},
	{"{apiVersion: v1, kind: Pod, metadata: {name: ''}}\n",
	 "t:1:39: Pod: metadata.name: missing\n"},
	{NS("default") "{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n"
		       "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: default}}\n",
	 "t:5:1: Pod default/a: duplicate object (first at t:3)\n"},
	{NS("default") "{apiVersion: v1, kind: Pod, metadata: {name: a, creationTimestamp: "
		       "'2024-01-31T12:00:00+02:00'}}\n",
	 "t:3:68: Pod a: metadata: creationTimestamp: must be a time like "
	 "2024-01-31T12:00:00Z\n"},
	{NS("a") NS("a"), "t:3:1: Namespace a: duplicate object (first at t:1)\n"},
	{NS("default") "{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {podIP: x}}\n",
	 "t:3:66: Pod default/a: status.podIP: must be an IP address\n"},
	{NS("default") "{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {podIP: "
		       "'::ffff:10.0.0.1'}}\n",
	 "t:3:66: Pod default/a: status.podIP: write IPv4-mapped addresses as IPv4\n"},
	{NS("default") "{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {podIPs: [{ip: "
		       "10.0.0.1}, {ip: 10.0.0.2}]}}\n",
	 "t:3:89: Pod default/a: status.podIPs[1].ip: more than one IPv4 address\n"},
	{"{apiVersion: v1, kind: Node, metadata: {name: n}, spec: {podCIDR: 10.1.0.0/24, podCIDRs: "
	 "[10.1.0.0/24, \"fd00::/64\"]}}\n",
	 ""},
	{"{apiVersion: v1, kind: Node, metadata: {name: n}, spec: {podCIDRs: [10.1.0.0/24, "
	 "ten]}}\n",
	 "t:1:82: Node n: spec.podCIDRs[1]: \"ten\" is not a valid prefix (ADDRESS/LENGTH)\n"},
	{NS("default") "{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {podIP: "
		       "10.0.0.1}}\n"
		       "---\n{apiVersion: v1, kind: Pod, metadata: {name: b}, status: {podIP: "
		       "10.0.0.1}}\n",
	 "t:5:1: warning: Pod default/b: shares the address 10.0.0.1 with Pod default/a (t:3): the "
	 "policies of both apply to it\n"},
	{"{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x}}\n",
	 "t:1:1: warning: namespace x is not in the inventory: assumed to have only the label "
	 "kubernetes.io/metadata.name\n"},
	{"{apiVersion: extensions/v1beta1, kind: NetworkPolicy, metadata: {name: p}}\n",
	 "t:1:1: NetworkPolicy p: apiVersion \"extensions/v1beta1\" is not supported: convert it "
	 "to networking.k8s.io/v1\n"},
	{"{apiVersion: networking.k8s.io/v2, kind: NetworkPolicy, metadata: {name: p}}\n",
	 "t:1:1: NetworkPolicy p: apiVersion \"networking.k8s.io/v2\" is not supported: convert it "
	 "to networking.k8s.io/v1\n"},
	{"{kind: NetworkPolicy, metadata: {name: p}}\n",
	 "t:1:1: NetworkPolicy p: apiVersion is missing (expected networking.k8s.io/v1)\n"},
	{"{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {name: p}}\n",
	 "t:1:1: warning: NetworkPolicy: apiVersion \"projectcalico.org/v3\" is not enforced\n"},
	{"{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: p}}\n",
	 "t:1:1: warning: kind CiliumNetworkPolicy is not enforced\n"},
	{"{apiVersion: networking.k8s.io/v1, kind: networkpolicy, metadata: {name: p}}\n",
	 "t:1:1: networkpolicy p: unknown kind (did you mean \"NetworkPolicy\"?)\n"},
	{NS("default") "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: "
		       "p},"
		       " Spec: {}}\n",
	 "t:3:78: NetworkPolicy default/p: unknown field \"Spec\" (did you mean \"spec\"?)\n"},
	{NS("default") "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: "
		       "p},"
		       " spec: {podSelector: {}, podSelector: {}}}\n",
	 "t:3:102: duplicate key \"podSelector\" (first on line 3)\n"},
};

static void test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct eg_cluster cluster = {0};

		read_cluster(cases[i].text, &cluster, cases[i].messages);
		eg_cluster_free(&cluster);
	}
}

/* Two pods with one address: the owner, and the message. */
static void test_one_address(void **state)
{
	static const struct {
		const char *a, *b;   /* metadata */
		unsigned n_a, n_b;   /* addresses that each pod keeps, out of two */
		const char *warning; /* NULL: none */
	} rows[] = {
		{"", "", 2, 2,
		 "b: shares the address 10.0.0.1 with Pod d/a (t:3): the policies of both "},
		{"deletionTimestamp: \"2024-01-01T00:00:00Z\"", "", 0, 2,
		 "a: is being deleted, so 10.0.0.1 belongs to Pod d/b (t:5)"},
		{"", "deletionTimestamp: \"2024-01-01T00:00:00Z\"", 2, 0,
		 "b: is being deleted, so 10.0.0.1 belongs to Pod d/a (t:3)"},
		{"creationTimestamp: \"2024-01-01T00:00:00Z\"",
		 "creationTimestamp: \"2024-01-01T00:00:01Z\"", 0, 2,
		 "a: is older, so 10.0.0.1 belongs to Pod d/b (t:5)"},
		{"creationTimestamp: \"2025-01-01T00:00:00Z\"",
		 "creationTimestamp: \"2024-12-31T23:59:59Z\"", 2, 0,
		 "b: is older, so 10.0.0.1 belongs to Pod d/a (t:3)"},
		{"creationTimestamp: \"2024-01-01T00:00:00Z\"",
		 "creationTimestamp: \"2024-01-01T00:00:00Z\"", 2, 2,
		 "b: shares the address 10.0.0.1 with Pod d/a (t:3): the policies of both "},
		{"deletionTimestamp: null", "", 2, 2,
		 "b: shares the address 10.0.0.1 with Pod d/a (t:3): the policies of both "},
		{"creationTimestamp: \"2024-01-01T00:00:00Z\"", "", 2, 2,
		 "b: shares the address 10.0.0.1 with Pod d/a (t:3): the policies of both "},
		/* deletion takes precedence over age; if equal, age decides */
		{"creationTimestamp: \"2024-01-01T00:00:00Z\"",
		 "creationTimestamp: \"2025-01-01T00:00:00Z\", deletionTimestamp: "
		 "\"2025-01-02T00:00:00Z\"",
		 2, 0, "b: is being deleted, so 10.0.0.1 belongs to Pod d/a (t:3)"},
		{"creationTimestamp: \"2024-01-01T00:00:00Z\", deletionTimestamp: "
		 "\"2025-01-02T00:00:00Z\"",
		 "creationTimestamp: \"2025-01-01T00:00:00Z\", deletionTimestamp: "
		 "\"2025-01-02T00:00:00Z\"",
		 0, 2, "a: is older, so 10.0.0.1 belongs to Pod d/b (t:5)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct eg_cluster cluster = {0};
		struct eg_errs errs = {0};
		struct eg_k8s *k8s = eg_k8s_new(&cluster, &errs);
		struct eg_buf text = {0};

		eg_buf_add(&text,
			   NS("d") "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: d, "
				   "%s}, status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}}\n"
				   "---\n{apiVersion: v1, kind: Pod, metadata: {name: b, "
				   "namespace: d, %s}, status: {podIPs: [{ip: 10.0.0.1}, {ip: "
				   "'fd00::1'}]}}\n",
			   rows[i].a, rows[i].b);
		eg_k8s_add_text(k8s, text.v, text.n, "t");
		assert_int_equal(eg_k8s_finish(k8s), 0);
		assert_int_equal(pod_of(&cluster, "a")->ips.n, rows[i].n_a);
		assert_int_equal(pod_of(&cluster, "b")->ips.n, rows[i].n_b);
		assert_int_equal(errs.n_warnings, 2); /* one per family */
		if (!strstr(errs.msgs.v[0].text, rows[i].warning))
			fail_msg("%s", errs.msgs.v[0].text);
		assert_non_null(strstr(errs.msgs.v[1].text, "fd00::1"));
		assert_int_equal(cluster.pod_ips.n, rows[i].n_a + rows[i].n_b);
		eg_k8s_free(k8s);
		eg_cluster_free(&cluster);
		eg_errs_free(&errs);
		eg_buf_free(&text);
	}
}

/* The ports of a name: those of containers and sidecars, in an unambiguous notation. */
static void test_port_names(void **state)
{
	struct eg_cluster cluster = {0};
	const struct eg_pod *pod;

	(void)state;
	read_cluster(NS("d") "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: d}, spec: "
			     "{containers: [{ports: [{name: web, containerPort: 80}, {name: web, "
			     "containerPort: 0120}, {name: web, containerPort: 65536}, {name: web, "
			     "containerPort: 0}, {containerPort: 81}]}], initContainers: [{ports: "
			     "[{name: web, containerPort: 82}]}, {restartPolicy: Never, ports: "
			     "[{name: web, containerPort: 83}]}, {restartPolicy: Always, ports: "
			     "[{name: web, containerPort: 84, protocol: UDP}]}]}}\n",
		     &cluster, "");
	pod = pod_of(&cluster, "a");
	assert_int_equal(pod->ports.n, 2);
	assert_true(has_port(&cluster, "a", "web", EG_PROTO_TCP, 80));
	assert_true(has_port(&cluster, "a", "web", EG_PROTO_UDP, 84));
	eg_cluster_free(&cluster);
}

/* Old dumps have only podCIDR. */
static void test_pod_cidr(void **state)
{
	struct eg_cluster cluster = {0};
	struct eg_prefix prefix;

	(void)state;
	read_cluster("{apiVersion: v1, kind: Node, metadata: {name: n}, spec: {podCIDR: "
		     "10.1.0.0/24}}\n",
		     &cluster, "");
	assert_int_equal(cluster.nodes.v[0].pod_cidrs.n, 1);
	assert_int_equal(eg_prefix_parse("10.1.0.0/24", &prefix), 0);
	assert_memory_equal(&cluster.nodes.v[0].pod_cidrs.v[0], &prefix, sizeof(prefix));
	eg_cluster_free(&cluster);
}

/* hostIPs is used like hostIP, in addition to the Node's addresses. */
static void test_host_ips(void **state)
{
	struct eg_cluster cluster = {0};
	struct eg_ip ip;

	(void)state;
	read_cluster(
		NS("d") "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: d}, spec: "
			"{nodeName: n1}, status: {podIP: 10.0.0.1, hostIP: 192.0.2.1, hostIPs: "
			"[{ip: 192.0.2.1}, {ip: '2001:db8::1'}]}}\n",
		&cluster, "");
	assert_int_equal(cluster.nodes.n, 1);
	assert_int_equal(cluster.nodes.v[0].ips.n, 2);
	assert_int_equal(eg_ip_parse("2001:db8::1", &ip), 0);
	assert_true(eg_cluster_node_has(&cluster, 0, &ip));
	eg_cluster_free(&cluster);
}

static void write_file(const char *directory, const char *name, const char *text)
{
	struct eg_buf path = {0};
	FILE *file;

	eg_buf_add(&path, "%s/%s", directory, name);
	file = fopen(path.v, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	eg_buf_free(&path);
}

static void remove_file(const char *directory, const char *name)
{
	struct eg_buf path = {0};

	eg_buf_add(&path, "%s/%s", directory, name);
	assert_int_equal(unlink(path.v), 0);
	eg_buf_free(&path);
}

/* All three suffixes, ordered by name; hidden files (as in a mounted ConfigMap) and others are
 * skipped. */
static void test_directory(void **state)
{
	static const char *const names[] = {"c.yaml", "a.json", "b.yml", ".hidden.yaml",
					    "notes.txt"};
	char directory[] = "/tmp/eg-k8s-XXXXXX";
	struct eg_errs errs = {0};
	struct eg_cluster cluster = {0};
	struct eg_k8s *k8s;

	(void)state;
	assert_non_null(mkdtemp(directory));
	write_file(directory, names[0], NS("from-c"));
	write_file(directory, names[1],
		   "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":"
		   "{\"name\":\"from-a\"}}");
	write_file(directory, names[2], NS("from-b"));
	write_file(directory, names[3], "broken: [");
	write_file(directory, names[4], "broken: [");
	k8s = eg_k8s_new(&cluster, &errs);
	assert_int_equal(eg_k8s_add_path(k8s, directory), 0);
	assert_int_equal(eg_k8s_finish(k8s), 0);
	assert_int_equal(cluster.namespaces.n, 3);
	assert_string_equal(eg_sym_text(&cluster.syms, cluster.namespaces.v[0].name), "from-a");
	assert_string_equal(eg_sym_text(&cluster.syms, cluster.namespaces.v[1].name), "from-b");
	assert_string_equal(eg_sym_text(&cluster.syms, cluster.namespaces.v[2].name), "from-c");
	eg_k8s_free(k8s);
	eg_cluster_free(&cluster);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		remove_file(directory, names[i]);
	k8s = eg_k8s_new(&cluster, &errs);
	assert_int_equal(eg_k8s_add_path(k8s, directory), 0);
	assert_int_equal(errs.n_warnings, 1);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(eg_k8s_add_path(k8s, directory), -1);
	assert_int_equal(errs.n_errors, 1);
	assert_int_equal(eg_k8s_finish(k8s), -1);
	eg_k8s_free(k8s);
	eg_cluster_free(&cluster);
	eg_errs_free(&errs);
}

int run_inventory_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kubectl_list), cmocka_unit_test(test_typed_list_json),
		cmocka_unit_test(test_messages),     cmocka_unit_test(test_one_address),
		cmocka_unit_test(test_port_names),   cmocka_unit_test(test_pod_cidr),
		cmocka_unit_test(test_host_ips),     cmocka_unit_test(test_directory),
	};

	return cmocka_run_group_tests_name("k8s inventory", tests, NULL, NULL);
}
