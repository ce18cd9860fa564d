/* One tenant's policies must not be expensive for everyone: ports are merged, exceptions cost as
 * much as their text, the proof respects its time budget, and exactly the policies that exceed
 * their share are found. */
#include "policy_tests.h"

#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "policy/budget.h"
#include "policy/port_ranges.h"

#define HEAD(ns, name)                                                                             \
	"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"                             \
	"metadata: {name: " name ", namespace: " ns "}\nspec:\n  podSelector: {}\n"

#define MIB ((size_t)1 << 20)

static size_t resident_bytes(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (size_t)usage.ru_maxrss << 10;
}

/* A rule with n single ports, starting at `first`, `step` apart. */
static void add_ports(struct eg_buf *text, int n, int first, int step)
{
	eg_buf_add(text, "  ingress:\n  - ports:\n");
	for (int i = 0; i < n; i++)
		eg_buf_add(text, "    - {port: %d}\n", first + i * step);
}

static void assert_verdict(const struct eg_policy *policy, const char *probe)
{
	char verdict[8];
	struct eg_packet_key key = probe_key(probe, verdict);
	struct eg_policy_packet packet = {key.src.bytes, key.dst.bytes, key.port, key.proto,
					  key.src.family};
	struct eg_policy_verdict out;

	eg_policy_evaluate(policy, &packet, &out, 1);
	if (eg_policy_passes(&out) != !strcmp(verdict, "yes"))
		fail_msg("%s", probe);
	assert_agree(policy, &key);
}

/* The attack: 16,000 consecutive ports are 16,000 entries but one range. */
static void test_ports_merge(void **state)
{
	const struct eg_policy_options options = {.max_rules = 4};
	struct eg_buf text = {0};
	struct eg_cluster cluster = {0};
	struct eg_errs errs = {0};
	struct eg_policy *policy;

	(void)state;
	eg_buf_add(&text, HEAD("shop", "ports"));
	add_ports(&text, 16000, 1, 1);
	yaml_cluster(text.v, &cluster);
	policy = eg_policy_compile(&cluster, &options, &errs);
	eg_errs_print(&errs, stderr);
	assert_non_null(policy);
	assert_int_equal(eg_policy_stats(policy)->n_rule_pairs, 1);
	assert_verdict(policy, "10.0.0.2 10.0.0.1 TCP 1 yes");
	assert_verdict(policy, "10.0.0.2 10.0.0.1 TCP 16000 yes");
	assert_verdict(policy, "10.0.0.2 10.0.0.1 TCP 16001 no");
	assert_verdict(policy, "10.0.0.2 10.0.0.1 UDP 80 no");
	eg_policy_free(policy);
	eg_cluster_free(&cluster);
	eg_buf_free(&text);
}

/* Merged ranges contain exactly the entries, sorted and not adjacent. */
static void test_merge_random(void **state)
{
	static const uint8_t protos[] = {EG_PROTO_TCP, EG_PROTO_UDP, EG_PROTO_SCTP};
	static bool naive[EG_PORT_KEYS], merged[EG_PORT_KEYS];
	struct rng rng = {11};

	(void)state;
	for (int n = 0; n < 200; n++) {
		struct eg_key_ranges ranges = {0};
		struct eg_rule rule = {0};

		memset(naive, 0, sizeof(naive));
		memset(merged, 0, sizeof(merged));
		for (uint32_t i = rng_below(&rng, 12); i-- > 0;) {
			struct eg_port *port = eg_vec_add(&rule.ports);
			uint16_t first = (uint16_t)(rng_below(&rng, 8) * 9362 + rng_below(&rng, 4));
			uint32_t last = first + rng_below(&rng, 9000);

			*port = (struct eg_port){
				.kind = rng_below(&rng, 8) ? EG_PORT_RANGE : EG_PORT_ALL,
				.proto = protos[rng_below(&rng, 3)],
				.first = first,
				.last = (uint16_t)(last > UINT16_MAX ? UINT16_MAX : last)};
			if (port->kind == EG_PORT_ALL)
				port->first = 0, port->last = UINT16_MAX;
			for (uint32_t p = port->first; p <= port->last; p++)
				naive[eg_port_key(port->proto, (uint16_t)p)] = true;
		}
		assert_int_equal(eg_ports_merge(&rule, &ranges), 0);
		for (size_t r = 0; r < ranges.n; r++) {
			if (r)
				assert_true(ranges.v[r].first > ranges.v[r - 1].last + 1);
			memset(merged + ranges.v[r].first, true,
			       ranges.v[r].last - ranges.v[r].first + 1);
		}
		assert_memory_equal(naive, merged, sizeof(naive));
		eg_vec_free(&ranges);
		eg_vec_free(&rule.ports);
	}
}

/* The attack: 20,000 exceptions took 3 GiB, because each region listed 19,999 blocks. */
static void test_exceptions(void **state)
{
	const struct eg_policy_options options = {.max_rules = 100000};
	struct eg_buf text = {0};
	struct eg_cluster cluster = {0};
	struct eg_errs errs = {0};
	struct eg_policy *policy;
	struct eg_proof proof;
	size_t before;

	(void)state;
	eg_buf_add(&text, HEAD("shop", "everywhere") "  ingress:\n  - from:\n");
	for (int i = 0; i < 10000; i++)
		eg_buf_add(&text, "    - ipBlock: {cidr: 0.0.0.0/0, except: [11.%d.%d.1/32]}\n",
			   i / 250, i % 250);
	eg_buf_add(&text, HEAD("bank", "here") "  ingress:\n");
	for (int i = 0; i < 10000; i++)
		eg_buf_add(&text,
			   "  - from: [{ipBlock: {cidr: 12.0.0.0/8, except: [12.%d.%d.0/24]}}]\n"
			   "    ports: [{port: %d}]\n",
			   i / 250, i % 250, i % 5 + 1);
	yaml_cluster(text.v, &cluster);
	before = resident_bytes();
	policy = eg_policy_compile(&cluster, &options, &errs);
	eg_errs_print(&errs, stderr);
	assert_non_null(policy);
	assert_in_range(resident_bytes() - before, 0, 400 * MIB);
	assert_verdict(policy, "11.3.7.1 10.0.0.1 TCP 80 yes"); /* another block contains it */
	assert_verdict(policy, "8.8.8.8 10.0.0.1 TCP 80 yes");
	assert_verdict(policy, "12.0.3.9 10.0.1.1 TCP 4 yes");
	assert_verdict(policy, "12.0.3.9 10.0.1.1 TCP 6 no");
	assert_verdict(policy, "11.0.0.2 10.0.1.1 TCP 4 no");
	assert_int_equal(eg_policy_prove(policy, 300 * EG_NS_PER_MS, &proof), 0);
	assert_int_equal(proof.n_disagreements, 0);
	assert_true(proof.n_probes > 0);
	eg_policy_free(policy);
	eg_cluster_free(&cluster);
	eg_buf_free(&text);
}

/* The attack: ports that cannot be merged kept the proof busy for a minute, despite its budget. */
static void test_proof_time(void **state)
{
	struct eg_buf text = {0};
	struct eg_cluster cluster = {0};
	struct eg_policy *policy;
	struct eg_proof proof;
	uint64_t start_ns, took_ns;
	size_t different = 0, first = SIZE_MAX;

	(void)state;
	eg_buf_add(&text, HEAD("shop", "odd"));
	add_ports(&text, 16000, 1, 2);
	yaml_cluster(text.v, &cluster);
	policy = compile(&cluster);
	for (int i = 0; i < 8; i++) {
		start_ns = eg_mono_ns();
		assert_int_equal(eg_policy_prove(policy, 40 * EG_NS_PER_MS, &proof), 0);
		took_ns = eg_mono_ns() - start_ns;
		assert_int_equal(proof.n_disagreements, 0);
		/* Allows for a busy machine and sanitizers; it used to take a minute. */
		assert_in_range(took_ns, 0, 2 * EG_NS_PER_S);
		assert_true(proof.n_ports_done < proof.n_ports);
		different += proof.start != first;
		first = proof.start;
	}
	assert_true(different > 1); /* it starts somewhere else each time */
	eg_policy_free(policy);
	eg_cluster_free(&cluster);
	eg_buf_free(&text);
}

static void test_coverage(void **state)
{
	const struct eg_proof all = {.n_probes = 9,
				     .n_addresses = 4,
				     .n_addresses_done = 4,
				     .n_pairs = 5,
				     .n_pairs_done = 5,
				     .n_ports = 6,
				     .n_ports_done = 6};
	const struct eg_proof some = {.n_probes = 9,
				      .n_addresses = 4,
				      .n_addresses_done = 1,
				      .n_pairs = 5,
				      .n_pairs_done = 2,
				      .n_ports = 80,
				      .n_ports_done = 10};
	struct eg_buf text = {0};

	(void)state;
	eg_proof_describe(&all, &text);
	assert_string_equal(text.v, "9 probes: 4 of 4 addresses, 5 of 5 pairs of classes");
	eg_buf_cut(&text, 0);
	eg_proof_describe(&some, &text);
	assert_string_equal(
		text.v,
		"9 probes: 1 of 4 addresses, 2 of 5 pairs of classes, 12.5 % of their ports");
	eg_buf_free(&text);
}

/* For each policy its namespace and cost; the limits; and the policies removed, in order. */
struct excess_case {
	const char *what;
	uint32_t ns[8];
	uint64_t cost[8];
	size_t n;
	uint64_t each_max, total_max;
	int gone[8]; /* ends with -1 */
};

static const struct excess_case excess_cases[] = {
	{"all fit", {0, 1}, {5, 5}, 2, 5, 10, {-1}},
	{"one is over its share", {0, 1, 1}, {6, 5, 5}, 3, 5, 100, {0, -1}},
	{"the total: the dearest of the dearest namespace",
	 {0, 1, 1, 2},
	 {7, 4, 5, 3},
	 4,
	 10,
	 15,
	 {2, -1}},
	{"many small ones of one tenant, not the large one of another",
	 {0, 1, 1, 1, 1, 1},
	 {9, 3, 3, 3, 3, 3},
	 6,
	 10,
	 20,
	 {5, 4, -1}},
	{"a share first, then the total", {0, 0, 1, 1}, {20, 3, 6, 6}, 4, 10, 10, {0, 3, -1}},
	{"of equal namespaces the first, of equal policies the last",
	 {1, 0, 1, 0},
	 {2, 2, 2, 2},
	 4,
	 10,
	 5,
	 {3, 2, -1}},
};

static void test_excess(void **state)
{
	(void)state;
	for (size_t c = 0; c < sizeof(excess_cases) / sizeof(*excess_cases); c++) {
		const struct excess_case *it = &excess_cases[c];
		struct eg_costly_policies out = {0};
		struct eg_cluster cluster = {0};

		for (int ns = 0; ns < 3; ns++)
			assert_non_null(eg_vec_add(&cluster.namespaces));
		for (size_t p = 0; p < it->n; p++)
			*eg_vec_add(&cluster.policies) = (struct eg_netpol){.ns = it->ns[p]};
		assert_int_equal(
			eg_budget_excess(&cluster, it->cost, it->each_max, it->total_max, &out), 0);
		for (size_t i = 0; i <= out.n; i++) {
			int got = i < out.n ? (int)out.v[i].policy : -1;

			if (got != it->gone[i])
				fail_msg("%s: place %zu: %d, not %d", it->what, i, got,
					 it->gone[i]);
		}
		eg_vec_free(&out);
		eg_cluster_free(&cluster);
	}
}

/* A pair of a peer and a port range counts 1, and so does an exception; entries without effect
 * count nothing. */
static void test_weights(void **state)
{
	static const struct {
		const char *spec;
		uint64_t weight;
	} rows[] = {
		{"", 0},
		{"  ingress: [{}]\n", 1},
		{"  ingress: [{from: [{podSelector: {}}, {namespaceSelector: {}}]}]\n", 2},
		{"  ingress: [{ports: [{port: 80}, {port: 81}, {port: 83}]}]\n", 2},
		{"  ingress: [{ports: [{port: web}, {port: dns}, {port: 80}]}]\n", 3},
		{"  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, "
		 "10.2.0.0/16, 10.3.0.0/16]}}, {podSelector: {}}], ports: [{port: 80}, {port: "
		 "90}]}]\n",
		 7},
		{"  ingress: [{}]\n  egress: [{}, {}]\n", 3},
		{"  ingress: [{}]\n  egress: [{}, {}]\n  policyTypes: [Ingress]\n", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct eg_buf text = {0};
		struct eg_cluster cluster = {0};
		uint64_t weight;

		eg_buf_add(&text, HEAD("shop", "p") "%s", rows[i].spec);
		yaml_cluster(text.v, &cluster);
		assert_int_equal(cluster.policies.n, 1);
		assert_int_equal(eg_budget_weigh(&cluster, &weight), 0);
		if (weight != rows[i].weight)
			fail_msg("%s: %d", rows[i].spec, (int)weight);
		eg_cluster_free(&cluster);
		eg_buf_free(&text);
	}
}

static void expect_gone(const struct eg_cluster *cluster, const struct eg_policy_options *options,
			bool work, const char *name)
{
	struct eg_policy_excess excess = {0};
	struct eg_errs errs = {0};

	assert_null(eg_policy_compile_within(cluster, options, &excess, &errs));
	assert_int_equal(errs.n_errors, 0);
	assert_int_equal(excess.work, work);
	assert_int_equal(excess.policies.n, 1);
	assert_string_equal(
		eg_sym_text(&cluster->syms, cluster->policies.v[excess.policies.v[0].policy].name),
		name);
	eg_vec_free(&excess.policies);
}

/* Excessive policies are found before and during the compile; others are not affected. */
static void test_within(void **state)
{
	const struct eg_policy_options rules = {.max_rules = 100};
	const struct eg_policy_options work = {.max_work = 20000};
	struct eg_policy_excess excess = {0};
	struct eg_buf text = {0};
	struct eg_cluster cluster = {0};
	struct eg_errs errs = {0};
	struct eg_policy *policy;

	(void)state;
	eg_buf_add(&text, HEAD("shop", "modest") "  ingress: [{ports: [{port: 80}]}]\n" HEAD(
				  "bank", "wide") "  ingress:\n");
	for (int i = 0; i < 300; i++)
		eg_buf_add(&text,
			   "  - from: [{ipBlock: {cidr: 0.0.0.0/0, except: [11.0.%d.0/24]}}]\n"
			   "    ports: [{port: %d}]\n",
			   i % 250, 2 * i + 1);
	eg_buf_add(&text, HEAD("bank", "modest-too") "  ingress: [{ports: [{port: 81}]}]\n");
	yaml_cluster(text.v, &cluster);
	expect_gone(&cluster, &rules, false, "wide");
	expect_gone(&cluster, &work, true, "wide");
	policy = eg_policy_compile_within(&cluster, &(struct eg_policy_options){0}, &excess, &errs);
	assert_non_null(policy);
	eg_policy_free(policy);
	eg_cluster_free(&cluster);
	eg_buf_free(&text);
}

int run_budget_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports_merge), cmocka_unit_test(test_merge_random),
		cmocka_unit_test(test_exceptions),  cmocka_unit_test(test_proof_time),
		cmocka_unit_test(test_coverage),    cmocka_unit_test(test_excess),
		cmocka_unit_test(test_within),      cmocka_unit_test(test_weights),
	};

	return cmocka_run_group_tests_name("policy budget", tests, NULL, NULL);
}
