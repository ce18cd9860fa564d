/* All cases of cyclonus (see tests/vectors/README.md): policies as the API has them, through the
 * reader, the reference model and the compiled tables; steps of a case are changes of the world. */
#include "k8s_tests.h"

#include <stdio.h>
#include <zlib.h>

#include "policy/prove.h"

#define PROBES      123669
#define SELF_PROBES 13713

static struct eg_buf unzip(const char *name)
{
	struct eg_buf path = {0}, text = {0};
	char chunk[65537];
	gzFile file;
	int n;

	eg_buf_add(&path, "%s/%s", getenv("EG_VECTORS"), name);
	file = gzopen(path.v, "rb");
	assert_non_null(file);
	while ((n = gzread(file, chunk, sizeof(chunk) - 1)) > 0) {
		chunk[n] = '\0';
		eg_buf_add(&text, "%s", chunk);
	}
	assert_int_equal(n, 0);
	gzclose(file);
	eg_buf_free(&path);
	return text;
}

static const char *text_of(const struct eg_node *node, const char *field)
{
	const struct eg_node *value = eg_node_get(node, field);

	assert_non_null(value);
	assert_non_null(value->text);
	return value->text;
}

static void add_labels(struct eg_buf *yaml, const struct eg_node *labels)
{
	eg_buf_add(yaml, "  labels:\n");
	for (const struct eg_node *it = labels ? labels->child : NULL; it; it = it->next)
		eg_buf_add(yaml, "    \"%s\": \"%s\"\n", it->key, it->text);
}

/* The cluster of a step as kubectl would print it; each pod serves 80 and 81 by three protocols. */
static struct eg_buf inventory_of(const struct eg_node *step)
{
	static const char *const protos[] = {"TCP", "UDP", "SCTP"};
	static const char *const lower[] = {"tcp", "udp", "sctp"};
	struct eg_buf yaml = {0};

	for (const struct eg_node *ns = eg_node_get(step, "Namespaces")->child; ns; ns = ns->next) {
		eg_buf_add(&yaml, "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: %s\n",
			   ns->key);
		add_labels(&yaml, ns);
	}
	for (const struct eg_node *pod = eg_node_get(step, "Pods")->child; pod; pod = pod->next) {
		eg_buf_add(&yaml,
			   "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n"
			   "  namespace: %s\n",
			   text_of(pod, "Name"), text_of(pod, "NS"));
		add_labels(&yaml, eg_node_get(pod, "Labels"));
		eg_buf_add(&yaml, "status: {podIP: %s}\nspec:\n  containers:\n  - ports:\n",
			   text_of(pod, "IP"));
		for (int port = 80; port <= 81; port++)
			for (int p = 0; p < 3; p++)
				eg_buf_add(&yaml,
					   "    - {name: serve-%d-%s, containerPort: %d, "
					   "protocol: %s}\n",
					   port, lower[p], port, protos[p]);
	}
	return yaml;
}

static void read_step(const struct eg_node *step, struct eg_world *world)
{
	const struct eg_node *policies = eg_node_get(step, "Policies");
	struct eg_buf yaml = inventory_of(step);
	struct eg_errs errs = {0};
	struct eg_k8s *k8s = eg_k8s_new(world, &errs);

	assert_non_null(k8s);
	eg_k8s_add_text(k8s, yaml.v, yaml.n, "inventory");
	for (const struct eg_node *it = policies ? policies->child : NULL; it; it = it->next)
		eg_k8s_add_object(k8s, it);
	if (eg_k8s_finish(k8s))
		eg_errs_print(&errs, stderr);
	assert_int_equal(errs.n_errors, 0);
	eg_errs_free(&errs);
	eg_k8s_free(k8s);
	eg_buf_free(&yaml);
}

static struct eg_ip ip_of(const struct eg_node *step, const char *name)
{
	struct eg_ip ip = {0};

	for (const struct eg_node *pod = eg_node_get(step, "Pods")->child; pod; pod = pod->next) {
		const char *ns = text_of(pod, "NS");
		size_t n = strlen(ns);

		if (!strncmp(name, ns, n) && name[n] == '/' &&
		    !strcmp(name + n + 1, text_of(pod, "Name")))
			assert_int_equal(eg_ip_parse(text_of(pod, "IP"), &ip), 0);
	}
	assert_int_not_equal(ip.family, 0);
	return ip;
}

static bool is_true(const struct eg_node *probe, const char *field)
{
	return !strcmp(text_of(probe, field), "true");
}

struct tally {
	size_t probes, self;
};

static void check_probe(const struct eg_policy *policy, const struct eg_node *step,
			const struct eg_node *probe, struct tally *tally)
{
	const struct eg_world *world = eg_policy_world(policy);
	const char *from = text_of(probe, "From"), *to = text_of(probe, "To");
	const char *proto = text_of(probe, "Protocol");
	struct eg_packet_key key = {
		.src = ip_of(step, from),
		.dst = ip_of(step, to),
		.port = (uint16_t)atoi(text_of(probe, "Port")),
		.proto = *proto == 'T'   ? EG_PROTO_TCP
			 : *proto == 'U' ? EG_PROTO_UDP
					 : EG_PROTO_SCTP,
	};
	bool self = !strcmp(from, to);
	struct eg_policy_packet packet = {key.src.bytes, key.dst.bytes, key.port, key.proto, 4};
	struct eg_verdict verdict;

	/* Upstream says what rules alone would do to a pod that speaks to itself. */
	assert_int_equal(eg_ref_rules(world, EG_INGRESS, &key).why != EG_REF_DENIED,
			 is_true(probe, "Ingress"));
	assert_int_equal(eg_ref_rules(world, EG_EGRESS, &key).why != EG_REF_DENIED,
			 is_true(probe, "Egress"));
	assert_true(eg_prove_packet(policy, &key, NULL));
	eg_policy_decide(policy, &packet, &verdict, 1);
	assert_int_equal(eg_verdict_passes(&verdict), self || is_true(probe, "Allowed"));
	tally->probes++;
	tally->self += self;
}

static void check_step(const struct eg_node *step, struct tally *tally)
{
	struct eg_policy_options options = {0};
	struct eg_world world = {0};
	struct eg_errs errs = {0};
	struct eg_policy *policy;
	struct eg_proof proof;

	read_step(step, &world);
	policy = eg_policy_compile(&world, &options, &errs);
	assert_non_null(policy);
	for (const struct eg_node *it = eg_node_get(step, "Probes")->child; it; it = it->next)
		check_probe(policy, step, it, tally);
	assert_int_equal(eg_policy_prove(policy, 0, &proof), 0);
	assert_int_equal(proof.n_disagreements, 0);
	eg_policy_free(policy);
	eg_world_free(&world);
}

static void test_cyclonus(void **state)
{
	struct eg_buf text = unzip("cyclonus_cases.json.gz");
	struct eg_errs errs = {0};
	struct eg_tree tree;
	struct tally tally = {0};

	(void)state;
	if (eg_tree_read_text(text.v, text.n, "cyclonus", &eg_tree_limits_k8s, &tree, &errs))
		eg_errs_print(&errs, stderr);
	assert_int_equal(errs.n_errors, 0);
	for (const struct eg_node *one = tree.docs->child; one; one = one->next)
		for (const struct eg_node *step = eg_node_get(one, "Steps")->child; step;
		     step = step->next)
			check_step(step, &tally);
	print_message("%zu probes, %zu of a pod to itself\n", tally.probes, tally.self);
	assert_int_equal(tally.probes, PROBES);
	assert_int_equal(tally.self, SELF_PROBES);
	eg_tree_free(&tree);
	eg_buf_free(&text);
}

int run_cyclonus_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cyclonus),
	};

	return cmocka_run_group_tests_name("cyclonus", tests, NULL, NULL);
}
