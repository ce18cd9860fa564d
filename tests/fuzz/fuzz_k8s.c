/* Arbitrary bytes as a directory of Kubernetes objects: the reader must accept or reject them. What
 * it accepts must compile, and tables and reference model must agree on it. */
#include <stdint.h>
#include <stdlib.h>

#include "k8s/k8s.h"
#include "policy/explain.h"
#include "policy/prove.h"

#define BUDGET_NS 2000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

static void check_messages(const struct eg_errs *errs)
{
	eg_vec_foreach (msg, &errs->msgs)
		for (const unsigned char *p = (const unsigned char *)msg->text; *p; p++)
			require(*p >= 0x20 && *p != 0x7f);
}

/* From each pod to some others, in every output format. */
static void explain_some(const struct eg_policy *policy)
{
	const struct eg_cluster *cluster = eg_policy_cluster(policy);
	struct eg_buf out = {0};

	for (size_t i = 0; i < cluster->pod_ips.n && i < 4; i++) {
		struct eg_packet_key key = {cluster->pod_ips.v[0].ip, cluster->pod_ips.v[i].ip, 80,
					    EG_PROTO_TCP};
		struct eg_explanation explanation;

		if (key.src.family != key.dst.family)
			continue;
		require(!eg_policy_explain(policy, &key, &explanation));
		require(explanation.tables_agree);
		eg_explanation_text(&explanation, &out);
		eg_explanation_json(&explanation, &out);
		eg_explanation_free(&explanation);
	}
	eg_buf_free(&out);
}

static void check_cluster(const struct eg_cluster *cluster)
{
	struct eg_policy_options options = {0};
	struct eg_errs errs = {0};
	struct eg_policy *policy = eg_policy_compile(cluster, &options, &errs);
	struct eg_proof proof;

	require(!policy == (errs.n_errors > 0));
	if (policy) {
		require(!eg_policy_prove(policy, BUDGET_NS, &proof));
		require(!proof.n_disagreements);
		explain_some(policy);
	}
	eg_policy_free(policy);
	eg_errs_free(&errs);
}

/* Quarantined objects allow nothing. */
static void check_quarantined(const struct eg_cluster *cluster)
{
	eg_vec_foreach (policy, &cluster->policies) {
		if (!policy->quarantined)
			continue;
		require(policy->isolates[EG_INGRESS] || policy->isolates[EG_EGRESS]);
		require(!policy->rules[EG_INGRESS].n && !policy->rules[EG_EGRESS].n);
	}
	eg_vec_foreach (pod, &cluster->pods)
		for (size_t i = 0; pod->quarantined && i < pod->ips.n; i++) {
			struct eg_packet_key key = {.src = pod->ips.v[i], .port = 80};

			key.dst = key.src;
			key.dst.bytes[0] ^= 1;
			require(eg_ref_evaluate(cluster, EG_EGRESS, &key).why == EG_REF_DENIED);
			key.dst = key.src;
			key.src.bytes[0] ^= 1;
			require(eg_ref_evaluate(cluster, EG_INGRESS, &key).why == EG_REF_DENIED);
		}
}

/* Read the whole text with one set of options. */
static void read_as(const struct eg_k8s_options *options, const uint8_t *data, size_t size)
{
	struct eg_cluster cluster = {0};
	struct eg_errs errs = {0};
	struct eg_k8s *k8s = eg_k8s_new(&cluster, &errs);
	int bad;

	if (!k8s)
		return;
	eg_k8s_set_options(k8s, options);
	eg_k8s_add_text(k8s, (const char *)data, size, "fuzz");
	bad = eg_k8s_finish(k8s);
	require((bad != 0) == (errs.n_errors > 0));
	check_messages(&errs);
	require(options->quarantine || (!errs.n_quarantined && !cluster.quarantined.n));
	/* Everything reported is listed; a duplicate object is reported once and listed twice. */
	require(bad || errs.n_quarantined <= cluster.quarantined.n);
	if (!bad) {
		check_cluster(&cluster);
		check_quarantined(&cluster);
	}
	eg_k8s_free(k8s);
	eg_cluster_free(&cluster);
	eg_errs_free(&errs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_as(&(struct eg_k8s_options){.default_namespace = "default"}, data, size);
	read_as(&(struct eg_k8s_options){.source = EG_K8S_POLICIES, .quarantine = true}, data,
		size);
	return 0;
}
