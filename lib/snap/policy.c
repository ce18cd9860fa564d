#include "snap/policy.h"

#include <stdlib.h>

#include "k8s/k8s.h"
#include "snap/build.h"
#include "snap/fit.h"
#include "snap/guard.h"

static int load_cluster(struct eg_cluster *cluster, const struct eg_conf_policy *conf,
			bool quarantine, struct eg_errs *errs)
{
	struct eg_k8s *k8s = eg_k8s_new(cluster, errs);
	struct eg_k8s_options options = {
		.default_namespace = conf->default_namespace,
		.quarantine = quarantine,
	};
	int ret = -1;

	if (!k8s) {
		eg_error(errs, NULL, "policy", "out of memory");
		return -1;
	}
	/* All sources are read, even if one has errors: all errors at once. */
	options.source = EG_K8S_INVENTORY;
	eg_k8s_set_options(k8s, &options);
	eg_vec_foreach (path, &conf->inventory)
		eg_k8s_add_path(k8s, *path);
	options.source = EG_K8S_POLICIES;
	eg_k8s_set_options(k8s, &options);
	eg_vec_foreach (path, &conf->dirs)
		eg_k8s_add_path(k8s, *path);
	ret = eg_k8s_finish(k8s);
	eg_k8s_free(k8s);
	return ret;
}

static int prove(struct eg_snap_policy *policy, const struct eg_conf_policy *conf,
		 uint64_t prove_ns, struct eg_errs *errs)
{
	struct eg_buf text = {0};

	if (eg_policy_prove(policy->compiled, prove_ns, &policy->proof)) {
		eg_error(errs, NULL, "policy", "out of memory");
		return -1;
	}
	if (!policy->proof.n_disagreements)
		return 0;
	eg_disagreement_describe(policy->compiled, &policy->proof.first, &text);
	eg_error(
		errs, &conf->pos, "policy",
		"the compiled tables and the reference model disagree, so they are not used (a bug "
		"of espgate's; please report it): %s",
		text.v ? text.v : "");
	eg_buf_free(&text);
	return -1;
}

struct eg_snap_policy *eg_snap_policy_build(const struct eg_config *config,
					    const struct eg_snap_policy_options *options,
					    struct eg_errs *errs)
{
	const struct eg_conf_policy *conf = &config->policy;
	const struct eg_policy_options limits = {.max_rules = conf->max_rules};
	const enum eg_snap_tolerance tolerance =
		conf->refuse_invalid ? EG_REFUSE_ALL : options->tolerance;
	struct eg_snap_policy *policy = eg_snap_policy_new();

	if (!policy) {
		eg_error(errs, NULL, "policy", "out of memory");
		return NULL;
	}
	policy->audit = conf->mode == EG_POLICY_AUDIT;
	policy->reject = conf->reject;
	policy->keep_existing = conf->keep_existing;
	if (load_cluster(&policy->cluster, conf, tolerance == EG_QUARANTINE_ALL, errs) ||
	    eg_guard_cluster(&policy->cluster, options->before ? &options->before->cluster : NULL,
			     conf, errs) ||
	    eg_build_networks(&policy->cluster, config, errs))
		goto fail;
	policy->compiled =
		eg_snap_policy_fit(&policy->cluster, &limits, tolerance != EG_REFUSE_ALL, errs);
	if (!policy->compiled || prove(policy, conf, options->prove_ns, errs))
		goto fail;
	if (eg_snap_policy_add_counts(policy, options->n_workers)) {
		eg_error(errs, NULL, "policy", "out of memory");
		goto fail;
	}
	if (options->before)
		eg_snap_policy_follow(policy, options->before);
	return policy;
fail:
	eg_snap_policy_release(policy);
	return NULL;
}

struct eg_snap_policy *eg_snap_policy_new(void)
{
	struct eg_snap_policy *policy = calloc(1, sizeof(*policy));

	if (policy)
		atomic_init(&policy->refs, 1);
	return policy;
}

struct eg_snap_policy *eg_snap_policy_retain(struct eg_snap_policy *policy)
{
	if (policy)
		atomic_fetch_add_explicit(&policy->refs, 1, memory_order_relaxed);
	return policy;
}

void eg_snap_policy_release(struct eg_snap_policy *policy)
{
	/* Acquire and release: the thread that frees sees the last use by all others. */
	if (!policy || atomic_fetch_sub_explicit(&policy->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (unsigned w = 0; w < policy->n_workers; w++) {
		free(policy->counts[w].allowed);
		for (int dir = 0; dir < EG_DIRS; dir++)
			free(policy->counts[w].denied[dir]);
	}
	free(policy->counts);
	eg_policy_totals_free(&policy->carried);
	eg_snap_policy_release(policy->before);
	free(policy->successors);
	eg_policy_free(policy->compiled);
	eg_cluster_free(&policy->cluster);
	free(policy);
}
