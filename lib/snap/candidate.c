#include "snap/candidate.h"

#include <stdlib.h>

#include "snap/build.h"

void eg_candidate_free(struct eg_candidate *candidate)
{
	if (!candidate)
		return;
	eg_vec_foreach (sa, &candidate->sas)
		eg_sa_release(candidate->store, *sa);
	eg_vec_free(&candidate->sas);
	free(candidate->tunnels);
	eg_snap_free(candidate->snap);
	free(candidate);
}

/* Not where policy is off. */
static int build_policy(struct eg_candidate *candidate, const struct eg_config *config,
			const struct eg_candidate_options *options, struct eg_errs *errs)
{
	const struct eg_snap_policy_options policy = {
		.before = options->before,
		.n_workers = candidate->store ? eg_sa_store_workers(candidate->store) : 1,
		.prove_ns = options->prove_ns,
		.tolerance = options->tolerance,
	};

	if (config->policy.mode == EG_POLICY_OFF)
		return 0;
	candidate->snap->policy = eg_snap_policy_build(config, &policy, errs);
	return candidate->snap->policy ? 0 : -1;
}

/* All steps that do not need another's result run, whatever one of them found: all errors at once.
 */
static int build(struct eg_candidate *candidate, const struct eg_config *config,
		 const struct eg_candidate_options *options, struct eg_errs *errs)
{
	int failed = eg_build_tunnels(candidate, config, errs);

	if (!options->offline)
		failed |= eg_build_sas(candidate, config, errs);
	failed |= build_policy(candidate, config, options, errs);
	if (failed)
		return -1;
	candidate->snap->world = eg_build_world(config, candidate->tunnels, errs);
	return candidate->snap->world ? 0 : -1;
}

struct eg_candidate *eg_candidate_build(const struct eg_config *config, struct eg_sa_store *store,
					const struct eg_candidate_options *options,
					struct eg_errs *errs)
{
	struct eg_candidate *candidate = calloc(1, sizeof(*candidate));

	if (candidate)
		candidate->snap = eg_snap_new(NULL, NULL);
	if (!candidate || !candidate->snap) {
		eg_error(errs, NULL, NULL, "out of memory");
		free(candidate);
		return NULL;
	}
	candidate->store = store;
	if (build(candidate, config, options, errs)) {
		eg_candidate_free(candidate);
		return NULL;
	}
	return candidate;
}
