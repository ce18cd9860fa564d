/* Makes every single allocation fail in turn, from reading a dump to explaining a packet: nothing
 * crashes or leaks (under ASan), and every failure is reported. */
#include "k8s_tests.h"

#include <string.h>

#include "policy/explain.h"
#include "policy/prove.h"

static long until_failure = -1; /* allocations that still succeed; negative: no limit */
static long n_allocations;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

static bool fails(void)
{
	n_allocations++;
	return until_failure >= 0 && until_failure-- == 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

static const char text[] =
	"apiVersion: v1\n"
	"kind: List\n"
	"items:\n"
	"- {apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {team: t}}}\n"
	"- {apiVersion: v1, kind: Node, metadata: {name: n1},\n"
	"   status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}}\n"
	"- {apiVersion: v1, kind: Pod, metadata: {name: w, namespace: a, labels: {app: web}},\n"
	"   spec: {nodeName: n1, containers: [{ports: [{name: dns, containerPort: 53}]}]},\n"
	"   status: {podIPs: [{ip: 10.1.2.3}, {ip: 'fd00::1'}]}}\n"
	"- {apiVersion: v1, kind: Pod, metadata: {name: d, namespace: a}, status: {podIP: "
	"10.1.2.4}}\n"
	"- apiVersion: networking.k8s.io/v1\n"
	"  kind: NetworkPolicy\n"
	"  metadata: {name: p, namespace: a}\n"
	"  spec:\n"
	"    podSelector: {matchLabels: {app: web}}\n"
	"    policyTypes: [Ingress, Egress]\n"
	"    ingress:\n"
	"    - from:\n"
	"      - podSelector: {matchExpressions: [{key: app, operator: In, values: [x, z]}]}\n"
	"        namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}\n"
	"      - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.2.0/24]}\n"
	"      ports: [{port: 80, endPort: 90}, {port: dns}, {protocol: SCTP}]\n"
	"    egress: [{ports: [{port: dns}]}]\n"
	/* an address shared by two pods, and quarantined objects */
	"- {apiVersion: v1, kind: Pod, metadata: {name: e, namespace: a}, status: {podIP: "
	"10.1.2.4}}\n"
	"- {apiVersion: v1, kind: Pod, metadata: {name: f, namespace: a}, status: {podIPs: [{ip: "
	"10.1.2.5}, {ip: x}]}}\n"
	"- {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: q, namespace: "
	"a}, spec: {egres: []}}\n"
	"- {apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: q, namespace: "
	"a}}\n"
	"- {apiVersion: v1, kind: Service, metadata: {name: \"s\\0\x7f\", namespace: a}}\n";

static void explain(const struct eg_policy *policy)
{
	const struct eg_cluster *cluster = eg_policy_cluster(policy);
	struct eg_packet_key key = {cluster->pods.v[1].ips.v[0], cluster->pods.v[0].ips.v[0], 80,
				    EG_PROTO_TCP};
	struct eg_explanation explanation;
	struct eg_buf out = {0};

	if (!eg_policy_explain(policy, &key, &explanation)) {
		assert_false(explanation.allowed);
		eg_explanation_text(&explanation, &out);
		eg_explanation_json(&explanation, &out);
	}
	eg_buf_free(&out);
	eg_explanation_free(&explanation);
}

static void use(const struct eg_cluster *cluster, struct eg_errs *errs)
{
	struct eg_policy_options options = {0};
	struct eg_policy *policy = eg_policy_compile(cluster, &options, errs);
	struct eg_proof proof;

	if (!policy) {
		assert_int_not_equal(errs->n_errors, 0);
		return;
	}
	if (!eg_policy_prove(policy, 0, &proof))
		assert_int_equal(proof.n_disagreements, 0);
	explain(policy);
	eg_policy_free(policy);
}

static void read_and_use(bool *read)
{
	static const struct eg_k8s_options options = {.source = EG_K8S_POLICIES,
						      .quarantine = true};
	struct eg_cluster cluster = {0};
	struct eg_errs errs = {0};
	struct eg_k8s *k8s = eg_k8s_new(&cluster, &errs);

	if (!k8s)
		return;
	eg_k8s_set_options(k8s, &options);
	eg_k8s_add_text(k8s, text, strlen(text), "t");
	*read = !eg_k8s_finish(k8s);
	if (*read)
		use(&cluster, &errs);
	else
		assert_int_not_equal(errs.n_errors, 0);
	eg_k8s_free(k8s);
	eg_cluster_free(&cluster);
	eg_errs_free(&errs);
}

static void test_every_allocation(void **state)
{
	bool read = false;
	long n;

	(void)state;
	n_allocations = 0;
	read_and_use(&read);
	assert_true(read);
	n = n_allocations;
	assert_true(n > 100);
	for (long i = 0; i < n; i++) {
		until_failure = i;
		read_and_use(&read);
	}
	until_failure = -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_allocation),
	};

	return cmocka_run_group_tests_name("k8s memory", tests, NULL, NULL);
}
