#include "snap/snap.h"

#include <stdlib.h>

#include "snap/build.h"

void eg_snap_free(struct eg_snap *snap)
{
	if (!snap)
		return;
	eg_snap_world_release(snap->world);
	eg_snap_policy_release(snap->policy);
	eg_snap_policy_release(snap->successor);
	eg_sad_table_free(&snap->sad);
	eg_ends_free(&snap->ends);
	eg_vec_foreach (held, &snap->sas)
		eg_sa_release(snap->store, held->sa);
	eg_vec_free(&snap->sas);
	for (uint32_t i = 0; snap->tunnels && i < snap->n_tunnels; i++) {
		free(snap->tunnels[i].out);
		free(snap->tunnels[i].name);
		eg_liveness_release(snap->tunnels[i].liveness);
		eg_pmtu_release(snap->tunnels[i].pmtu);
		eg_endpoint_release(snap->tunnels[i].endpoint);
	}
	free(snap->tunnels);
	free(snap->idles);
	free(snap->probes);
	free(snap);
}

/* Every step runs, whatever the one before found: all errors at once. */
static int build(struct eg_snap *snap, const struct eg_config *config,
		 const struct eg_snap_options *options, struct eg_errs *errs)
{
	unsigned n_workers = snap->store ? eg_sa_store_workers(snap->store) : 1;
	int failed = options->offline ? eg_build_peers(snap, config, errs)
				      : eg_build_sas(snap, config, options, errs);

	if (options->policy_given) {
		snap->policy = eg_snap_policy_retain(options->policy);
	} else if (config->policy.mode != EG_POLICY_OFF) {
		const struct eg_snap_policy_options policy = {
			.before = options->before ? options->before->policy : NULL,
			.n_workers = n_workers,
			.prove_ns = options->prove_ns,
			.tolerance = options->tolerance,
		};

		snap->policy = eg_snap_policy_build(config, &policy, errs);
		failed |= !snap->policy;
	}
	if (failed)
		return -1;
	snap->world = eg_build_world(config, snap->tunnels, errs);
	return snap->world ? 0 : -1;
}

struct eg_snap *eg_snap_new(struct eg_snap_world *world, struct eg_snap_policy *policy)
{
	struct eg_snap *snap = calloc(1, sizeof(*snap));

	if (!snap)
		return NULL;
	snap->world = world;
	snap->policy = policy;
	return snap;
}

struct eg_snap *eg_snap_build(const struct eg_config *config, struct eg_sa_store *store,
			      const struct eg_snap_options *options, struct eg_errs *errs)
{
	struct eg_snap *snap = calloc(1, sizeof(*snap));

	if (!snap) {
		eg_error(errs, NULL, NULL, "out of memory");
		return NULL;
	}
	snap->store = store;
	if (build(snap, config, options, errs)) {
		eg_snap_free(snap);
		return NULL;
	}
	return snap;
}
