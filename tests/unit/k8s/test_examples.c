/* The examples in conf/policy load without messages and do what their comments say. */
#include "k8s_tests.h"

#include <string.h>

#include "policy/prove.h"

#define WEB    "10.244.1.2"
#define BATCH  "10.244.1.3"
#define API    "10.244.2.2"
#define LEDGER "10.244.2.3"

static const struct {
	const char *directory;
	struct {
		const char *src, *dst;
		uint16_t port;
		bool passes;
	} probes[8];
} examples[] = {
	{"deny-all",
	 {{WEB, API, 80, false},
	  {LEDGER, WEB, 80, false},
	  {WEB, "8.8.8.8", 443, false},
	  {LEDGER, "8.8.8.8", 443, true}}},
	{"policies",
	 {{WEB, API, 80, true},
	  {WEB, API, 81, false},
	  {BATCH, API, 80, false},
	  {API, WEB, 80, false},
	  {LEDGER, API, 80, false},
	  {WEB, LEDGER, 80, false},
	  {LEDGER, LEDGER, 80, true},
	  {"203.0.113.1", WEB, 80, false}}},
};

static void load(const char *directory, struct eg_cluster *cluster)
{
	struct eg_buf path = {0};
	struct eg_errs errs = {0};
	struct eg_k8s *k8s = eg_k8s_new(cluster, &errs);

	eg_buf_add(&path, "%s/../../conf/policy/inventory", getenv("EG_VECTORS"));
	eg_k8s_add_path(k8s, path.v);
	eg_buf_cut(&path, 0);
	eg_buf_add(&path, "%s/../../conf/policy/%s", getenv("EG_VECTORS"), directory);
	eg_k8s_add_path(k8s, path.v);
	eg_k8s_finish(k8s);
	if (errs.msgs.n)
		fail_msg("%s", errs.msgs.v[0].text);
	eg_k8s_free(k8s);
	eg_buf_free(&path);
	eg_errs_free(&errs);
}

static void test_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		struct eg_policy_options options = {0};
		struct eg_cluster cluster = {0};
		struct eg_errs errs = {0};
		struct eg_policy *policy;
		struct eg_proof proof;

		load(examples[i].directory, &cluster);
		policy = eg_policy_compile(&cluster, &options, &errs);
		assert_non_null(policy);
		for (size_t p = 0; p < 8 && examples[i].probes[p].src; p++) {
			struct eg_packet_key key = {.port = examples[i].probes[p].port,
						    .proto = EG_PROTO_TCP};

			assert_int_equal(eg_ip_parse(examples[i].probes[p].src, &key.src), 0);
			assert_int_equal(eg_ip_parse(examples[i].probes[p].dst, &key.dst), 0);
			assert_int_equal(
				eg_ref_passes(eg_ref_evaluate(&cluster, EG_INGRESS, &key).why) &&
					eg_ref_passes(
						eg_ref_evaluate(&cluster, EG_EGRESS, &key).why),
				examples[i].probes[p].passes);
		}
		assert_int_equal(eg_policy_prove(policy, 0, &proof), 0);
		assert_int_equal(proof.n_disagreements, 0);
		eg_policy_free(policy);
		eg_cluster_free(&cluster);
	}
}

int run_example_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
	};

	return cmocka_run_group_tests_name("k8s examples", tests, NULL, NULL);
}
