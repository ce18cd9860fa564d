/* check: reports everything that run would refuse, without touching a device and without privileges
 * or DPDK. --policy: policy and routes only; --offline: for another machine. --prove: compare the
 * compiled policy with the reference model at every boundary, however long that takes. */
#include <getopt.h>
#include <stdio.h>

#include "conf/config.h"
#include "control/socket.h"
#include "port/host.h"
#include "snap/candidate.h"
#include "verbs.h"

/* Warn about SAs that will run out of sequence numbers. */
static void recommend_esn(const struct eg_candidate *candidate)
{
	size_t n = 0;

	eg_vec_foreach (sa, &candidate->sas)
		n += !(*sa)->esn;
	if (n)
		printf("  %zu SAs without esn run out of sequence numbers after 2^32 - 1 packets "
		       "(72 minutes at 1 Mpps): esn: true at both ends is recommended\n",
		       n);
}

static void summarize(const struct eg_config *config, const struct eg_candidate *candidate)
{
	const struct eg_snap_policy *policy = candidate->snap->policy;
	struct eg_buf proof = {0};

	printf("%s: no errors\n", config->file);
	printf("  %zu ports, %zu peers, %zu SAs, %zu routes\n", config->ports.n, config->peers.n,
	       candidate->sas.n, config->routes.n);
	recommend_esn(candidate);
	if (!policy) {
		printf("  no network policy is configured\n");
		return;
	}
	printf("  policy: %zu namespaces, %zu pods, %zu policies with %zu rules, %zu address "
	       "classes\n",
	       policy->cluster.namespaces.n, policy->cluster.pods.n, policy->cluster.policies.n,
	       eg_policy_stats(policy->compiled)->n_rules,
	       eg_policy_stats(policy->compiled)->n_classes);
	eg_proof_describe(&policy->proof, &proof);
	printf("  checked against the reference model: %s\n", proof.v ? proof.v : "");
	eg_buf_free(&proof);
}

struct request {
	const char *config;
	bool policy;  /* policy and routes only: no keys, no state, no devices */
	bool offline; /* for another machine: do not check devices and lcores */
	uint64_t prove_ns;
};

/* Check everything, even after errors, to report all of them at once. NULL if there was any
 * error. */
static struct eg_candidate *build(const struct eg_config *config, const struct request *request,
				  struct eg_sa_store *store, struct eg_errs *errs)
{
	const struct eg_candidate_options options = {.prove_ns = request->prove_ns,
						     .offline = request->policy};
	size_t before = errs->n_errors;
	struct eg_candidate *candidate;

	if (!request->policy && !request->offline) {
		eg_host_check_devices(config, false, errs);
		eg_host_check_lcores(config, errs);
		eg_control_socket_check(&config->control, errs);
	}
	if (!request->policy && config->state_dir)
		eg_sa_store_open_state(store, config->state_dir, true, &config->state_dir_pos,
				       errs);
	candidate = eg_candidate_build(config, request->policy ? NULL : store, &options, errs);
	if (errs->n_errors == before)
		return candidate;
	eg_candidate_free(candidate);
	return NULL;
}

static int check(const struct request *request)
{
	struct eg_errs errs = {0};
	struct eg_config *config = eg_config_load(request->config, &errs);
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_candidate *candidate = NULL;
	int status = EG_EXIT_ERROR;

	if (config && store)
		candidate = build(config, request, store, &errs);
	eg_errs_print(&errs, stderr);
	if (candidate) {
		summarize(config, candidate);
		status = EG_EXIT_OK;
	} else {
		fprintf(stderr, "%s: %zu error%s\n", request->config, errs.n_errors,
			errs.n_errors == 1 ? "" : "s");
	}
	eg_candidate_free(candidate);
	eg_config_free(config);
	eg_sa_store_free(store);
	eg_errs_free(&errs);
	return status;
}

static int usage(void)
{
	fprintf(stderr, "usage: espgate check -c FILE [--prove] [--policy | --offline]\n");
	return EG_EXIT_USAGE;
}

int eg_verb_check(int argc, char **argv)
{
	static const struct option longs[] = {{"prove", no_argument, NULL, 'p'},
					      {"policy", no_argument, NULL, 'y'},
					      {"offline", no_argument, NULL, 'o'},
					      {0}};
	struct request request = {.prove_ns = EG_PROVE_BUDGET_NS};
	int opt;

	while ((opt = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
		if (opt == 'c')
			request.config = optarg;
		else if (opt == 'p')
			request.prove_ns = 0;
		else if (opt == 'y')
			request.policy = true;
		else if (opt == 'o')
			request.offline = true;
		else
			return usage();
	}
	return request.config && optind == argc ? check(&request) : usage();
}
