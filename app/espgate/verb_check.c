/* check: everything that run would refuse, without a device, a privilege or DPDK. With --prove the
 * compiled policy is compared with the reference model at every boundary, however long that takes.
 */
#include <getopt.h>
#include <stdio.h>

#include "conf/config.h"
#include "snap/snap.h"
#include "verbs.h"

/* What works, but not for long. */
static void recommend_esn(const struct eg_snap *snap)
{
	size_t n = 0;

	eg_vec_foreach (slot, &snap->sas)
		n += !slot->sa->esn;
	if (n)
		printf("  %zu SAs without esn end after 2^32 - 1 packets (72 minutes at 1 Mpps): "
		       "esn: "
		       "true at both ends is recommended\n",
		       n);
}

static void summarize(const struct eg_config *config, const struct eg_snap *snap)
{
	const struct eg_snap_policy *policy = snap->policy;
	struct eg_buf proof = {0};

	printf("%s: no error\n", config->file);
	printf("  %zu ports, %zu peers, %zu SAs, %zu routes\n", config->ports.n, config->peers.n,
	       snap->sas.n, config->routes.n);
	recommend_esn(snap);
	if (!policy) {
		printf("  no policy is enforced\n");
		return;
	}
	printf("  policy: %zu namespaces, %zu pods, %zu policies with %zu rules, %zu classes of "
	       "addresses\n",
	       policy->world.namespaces.n, policy->world.pods.n, policy->world.policies.n,
	       eg_policy_stats(policy->compiled)->n_rules,
	       eg_policy_stats(policy->compiled)->n_classes);
	eg_proof_describe(&policy->proof, &proof);
	printf("  proved against the reference model: %s\n", proof.v ? proof.v : "");
	eg_buf_free(&proof);
}

static int check(const char *path, const struct eg_snap_options *options)
{
	struct eg_errs errs = {0};
	struct eg_config *config = eg_config_load(path, &errs);
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_snap *snap = NULL;
	int status = EG_EXIT_ERROR;

	if (config && store &&
	    (!config->state_dir || !eg_sa_store_keep_state(store, config->state_dir, true,
							   &config->state_dir_pos, &errs)))
		snap = eg_snap_build(config, store, options, &errs);
	eg_errs_print(&errs, stderr);
	if (snap) {
		summarize(config, snap);
		status = EG_EXIT_OK;
	} else {
		fprintf(stderr, "%s: %zu errors\n", path, errs.n_errors);
	}
	eg_snap_free(snap);
	eg_config_free(config);
	eg_sa_store_free(store);
	eg_errs_free(&errs);
	return status;
}

static int usage(void)
{
	fprintf(stderr, "usage: espgate check -c FILE [--prove]\n");
	return EG_EXIT_USAGE;
}

int eg_verb_check(int argc, char **argv)
{
	static const struct option longs[] = {{"prove", no_argument, NULL, 'p'}, {0}};
	struct eg_snap_options options = {.prove_ns = EG_PROVE_BUDGET_NS};
	const char *path = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
		if (opt == 'c')
			path = optarg;
		else if (opt == 'p')
			options.prove_ns = 0;
		else
			return usage();
	}
	return path && optind == argc ? check(path, &options) : usage();
}
