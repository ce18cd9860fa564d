/* Properties of a compile besides verdicts: few classes, limits, rule numbers, independent
 * policies, and a proof that finds a wrong table. */
#include "policy_tests.h"

#include "policy/compiled.h"
#include "policy/intern.h"

static const char web_policy[] = "apiVersion: networking.k8s.io/v1\n"
				 "kind: NetworkPolicy\n"
				 "metadata: {name: web, namespace: shop}\n"
				 "spec:\n"
				 "  podSelector: {matchLabels: {app: web}}\n"
				 "  ingress:\n"
				 "  - ports: [{port: 22}]\n"
				 "  - from: [{podSelector: {matchLabels: {app: db}}}]\n"
				 "    ports: [{port: 80}, {port: 443}]\n";

static void test_rule_origin(void **state)
{
	char verdict_text[8];
	struct eg_packet_key key = probe_key("10.0.0.2 10.0.0.1 TCP 443 yes", verdict_text);
	struct eg_policy_packet packet = {key.src.bytes, key.dst.bytes, 443, EG_PROTO_TCP, 4};
	struct eg_cluster cluster = {0};
	struct eg_policy_verdict verdict;
	const struct eg_rule_ref *rule;
	const uint32_t *isolating;
	struct eg_policy *policy;
	size_t n;

	(void)state;
	yaml_cluster(web_policy, &cluster);
	policy = compile(&cluster);
	eg_policy_evaluate(policy, &packet, &verdict, 1);
	assert_int_equal(verdict.side[EG_EGRESS], EG_POLICY_NOT_ISOLATED);
	rule = eg_policy_rule(policy, verdict.side[EG_INGRESS]);
	assert_non_null(rule);
	assert_int_equal(rule->rule, 1);
	assert_int_equal(rule->dir, EG_INGRESS);
	assert_int_equal(cluster.policies.v[rule->policy].rules[EG_INGRESS].v[1].pos.line, 8);
	assert_null(eg_policy_rule(policy, EG_POLICY_DENY));
	assert_null(eg_policy_rule(policy, EG_POLICY_RULE + 2));
	isolating = eg_policy_isolating(policy, eg_policy_class(policy, &key.dst), EG_INGRESS, &n);
	assert_int_equal(n, 1);
	assert_int_equal(isolating[0], rule->policy);
	eg_policy_isolating(policy, eg_policy_class(policy, &key.src), EG_INGRESS, &n);
	assert_int_equal(n, 0);
	eg_policy_free(policy);
	eg_cluster_free(&cluster);
}

static void test_max_rules(void **state)
{
	struct eg_policy_options options = {.max_rules = 2};
	struct eg_cluster cluster = {0};
	struct eg_errs errs = {0};
	struct eg_policy *policy;

	(void)state;
	yaml_cluster(web_policy, &cluster);
	assert_null(eg_policy_compile(&cluster, &options, &errs));
	assert_string_equal(errs.msgs.v[0].text, "the network policies contain 3 pairs of peer and "
						 "port entries, more than policy.max_rules (2)");
	eg_errs_free(&errs);
	options.max_rules = 3;
	policy = eg_policy_compile(&cluster, &options, &errs);
	assert_non_null(policy);
	eg_policy_free(policy);
	eg_cluster_free(&cluster);
}

/* Replicas, and pods that differ only in unused labels, share a class. */
static void test_few_classes(void **state)
{
	struct eg_cluster cluster = {0};
	struct eg_policy *policy;
	eg_sym app, hash;

	(void)state;
	yaml_cluster(web_policy, &cluster);
	app = eg_sym_intern(&cluster.syms, "app");
	hash = eg_sym_intern(&cluster.syms, "pod-template-hash");
	for (uint32_t i = 0; i < 1000; i++) {
		struct eg_pod *pod = eg_vec_add(&cluster.pods);
		uint8_t ip[4] = {10, 7, (uint8_t)(i >> 8), (uint8_t)i};
		char text[16];

		snprintf(text, sizeof(text), "h%u", i);
		pod->ns = 0;
		pod->name = eg_sym_intern(&cluster.syms, text);
		pod->node = EG_NONE;
		*eg_vec_add(&pod->labels) =
			(struct eg_label){app, eg_sym_intern(&cluster.syms, i % 2 ? "web" : "db")};
		*eg_vec_add(&pod->labels) = (struct eg_label){hash, pod->name};
		eg_labels_sort(&pod->labels);
		*eg_vec_add(&pod->ips) = eg_ip_from(4, ip);
	}
	assert_int_equal(eg_cluster_index(&cluster), 0);
	policy = compile(&cluster);
	/* outside, nodes, shop/web, shop/db, pods that no policy selects */
	assert_in_range(eg_policy_stats(policy)->n_classes, 4, 6);
	eg_policy_free(policy);
	eg_cluster_free(&cluster);
}

static void test_independent_policies(void **state)
{
	struct eg_cluster a = {0}, b = {0};
	struct eg_policy *old, *new;
	char yes[8];
	struct eg_packet_key key = probe_key("10.0.0.3 10.0.0.1 TCP 80 no", yes);
	struct eg_policy_packet packet = {key.src.bytes, key.dst.bytes, 80, EG_PROTO_TCP, 4};
	struct eg_policy_verdict verdict;

	(void)state;
	yaml_cluster(web_policy, &a);
	yaml_cluster("", &b);
	old = compile(&a);
	new = compile(&b);
	eg_policy_evaluate(old, &packet, &verdict, 1);
	assert_false(eg_policy_passes(&verdict));
	eg_policy_evaluate(new, &packet, &verdict, 1);
	assert_true(eg_policy_passes(&verdict));
	eg_policy_free(old);
	eg_cluster_free(&a);
	eg_policy_free(new);
	eg_cluster_free(&b);
}

/* Corrupt one cell after the other: the exhaustive proof finds each one that can be reached and
 * names a packet that shows it. */
static void test_proof_finds_corrupt_cells(void **state)
{
	struct eg_cluster cluster = {0};
	struct eg_buf text = {0};
	struct eg_policy *policy;
	struct eg_proof proof;
	size_t found = 0;

	(void)state;
	yaml_cluster(web_policy, &cluster);
	policy = compile(&cluster);
	for (size_t i = 0; i < policy->stats.n_classes; i++) {
		uint32_t page = policy->tables[EG_INGRESS].rows[1 * policy->tables[0].row_pages];
		uint32_t *cell = &policy->tables[EG_INGRESS].cells[page * EG_PAGE_CELLS + i];
		uint32_t was = *cell;

		*cell = EG_POLICY_NOT_ISOLATED;
		assert_int_equal(eg_policy_prove(policy, 0, &proof), 0);
		if (proof.n_disagreements) {
			found++;
			eg_buf_cut(&text, 0);
			eg_disagreement_describe(policy, &proof.first, &text);
			assert_non_null(strstr(text.v, "the reference model says"));
		}
		*cell = was;
	}
	assert_int_equal(found, policy->stats.n_classes);
	assert_int_equal(eg_policy_prove(policy, 0, &proof), 0);
	assert_int_equal(proof.n_disagreements, 0);
	eg_buf_free(&text);
	eg_policy_free(policy);
	eg_cluster_free(&cluster);
}

/* The cell for packets from the first pod to the second; NULL if other cells decide, or none. */
static uint32_t *cell_between(const struct eg_policy *policy, const struct eg_pod *from,
			      const struct eg_pod *to)
{
	const struct eg_table *table = &policy->tables[EG_INGRESS];
	uint32_t src, dst, group, page;

	if (!eg_pod_has_own_ips(from) || !eg_pod_has_own_ips(to) || !from->ips.n || !to->ips.n ||
	    from->ips.v[0].family != to->ips.v[0].family)
		return NULL;
	src = eg_policy_class(policy, &from->ips.v[0]);
	dst = eg_policy_class(policy, &to->ips.v[0]);
	group = eg_policy_group(policy, dst, EG_INGRESS);
	if (policy->classes[src].shared || policy->classes[dst].shared || !group)
		return NULL;
	page = table->rows[group * table->row_pages + (src >> EG_PAGE_BITS)];
	return &table->cells[page * EG_PAGE_CELLS + src % EG_PAGE_CELLS];
}

/* The same for each pair of pods, in clusters where testing single addresses covers few pairs. */
static void test_proof_finds_corrupt_pairs(void **state)
{
	struct rng rng = {3};
	size_t broken = 0;

	(void)state;
	for (int n = 0; n < 4; n++) {
		struct eg_cluster cluster = {0};
		struct eg_policy *policy;
		struct eg_proof proof;

		random_cluster(&rng, &cluster);
		policy = compile(&cluster);
		eg_vec_foreach (from, &cluster.pods)
			eg_vec_foreach (to, &cluster.pods) {
				uint32_t *cell = cell_between(policy, from, to), was;

				if (!cell)
					continue;
				was = *cell;
				*cell = was == EG_POLICY_NOT_ISOLATED ? EG_POLICY_DENY
								      : EG_POLICY_NOT_ISOLATED;
				assert_int_equal(eg_policy_prove(policy, 0, &proof), 0);
				assert_int_equal(proof.n_disagreements, 1);
				*cell = was;
				broken++;
			}
		eg_policy_free(policy);
		eg_cluster_free(&cluster);
	}
	assert_in_range(broken, 50, SIZE_MAX);
}

/* The time budget is respected, however much there is to prove. */
static void test_proof_budget(void **state)
{
	struct rng rng = {7};
	struct eg_cluster cluster = {0};
	struct eg_policy *policy;
	struct eg_proof proof;

	(void)state;
	random_cluster(&rng, &cluster);
	policy = compile(&cluster);
	assert_int_equal(eg_policy_prove(policy, 1, &proof), 0);
	assert_true(proof.n_pairs_done < proof.n_pairs || proof.n_pairs < 2);
	eg_policy_free(policy);
	eg_cluster_free(&cluster);
}

static void test_intern(void **state)
{
	struct eg_intern table = {0};
	uint32_t words[3] = {1, 2, 3};

	(void)state;
	assert_int_equal(eg_intern_add(&table, words, 0), 0);
	assert_int_equal(eg_intern_add(&table, words, 3), 1);
	assert_int_equal(eg_intern_add(&table, words, 2), 2);
	for (uint32_t i = 0; i < 5000; i++) {
		words[0] = i + 10;
		assert_int_equal(eg_intern_add(&table, words, 3), i + 3);
	}
	for (uint32_t i = 0; i < 5000; i++) {
		words[0] = i + 10;
		assert_int_equal(eg_intern_add(&table, words, 3), i + 3);
	}
	assert_int_equal(eg_intern_add(&table, NULL, 0), 0);
	assert_int_equal(eg_intern_count(&table), 5003);
	eg_intern_free(&table);
}

int run_compile_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule_origin),
		cmocka_unit_test(test_max_rules),
		cmocka_unit_test(test_few_classes),
		cmocka_unit_test(test_independent_policies),
		cmocka_unit_test(test_proof_finds_corrupt_cells),
		cmocka_unit_test(test_proof_budget),
		cmocka_unit_test(test_intern),
		cmocka_unit_test(test_proof_finds_corrupt_pairs),
	};

	return cmocka_run_group_tests_name("policy compile", tests, NULL, NULL);
}
