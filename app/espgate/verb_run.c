/* run: the daemon. Start and stop mirror each other; the control loop stands between. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <rte_eal.h>

#include "base/clock.h"
#include "base/text.h"
#include "control.h"
#include "espgate/version.h"
#include "port/eal.h"
#include "port/host.h"
#include "port/kernel.h"
#include "reload.h"
#include "verbs.h"

struct options {
	const char *config;
	uint64_t idle_ns; /* 0: run until a signal */
	char **eal_args;
	int n_eal_args;
};

/* Key memory is kept out of core dumps page by page (base/secret.h); buffers of packets and the
 * crypto library's own state are not, so there is no dump at all, and no ptrace by other users. */
static void forbid_dumps(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

/* Blocked before EAL makes its threads, so that only the control loop takes them. A reader of the
 * statistics or the log that goes away must not take the gateway with it. */
static void block_signals(sigset_t *set)
{
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(set);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, set, NULL);
}

/* The SAs and what is kept of them. */
static int open_store(struct eg_gateway *gateway, struct eg_errs *errs)
{
	const struct eg_config *config = gateway->config;

	gateway->sas = eg_sa_store_new(gateway->n_workers);
	if (!gateway->sas) {
		eg_error(errs, NULL, NULL, "out of memory");
		return -1;
	}
	return config->state_dir ? eg_sa_store_open_state(gateway->sas, config->state_dir, false,
							  &config->state_dir_pos, errs)
				 : 0;
}

/* Everything between EAL's start and its end. */
static int serve(struct eg_gateway *gateway, const struct options *options, const sigset_t *set,
		 struct eg_errs *errs)
{
	bool clean = false, drained;

	gateway->flows = eg_flow_table_new(gateway->config->policy.max_connections);
	if (!gateway->flows) {
		eg_error(errs, &gateway->config->policy.pos, "policy.max_connections",
			 "no memory for %u connections", gateway->config->policy.max_connections);
		return EG_EXIT_ERROR;
	}
	if (eg_workers_make(gateway, errs))
		goto workers;
	if (eg_rcu_init(&gateway->rcu, gateway->n_workers)) {
		eg_error(errs, NULL, NULL, "out of memory");
		goto workers;
	}
	eg_publisher_init(&gateway->publisher, &gateway->rcu);
	if (open_store(gateway, errs) || eg_load(gateway, gateway->config, errs))
		goto world;
	/* Warnings of the load, before anything that takes time. */
	eg_errs_print(errs, stderr);
	eg_errs_free(errs);
	gateway->ports.config = gateway->config;
	gateway->ports.log = &gateway->log;
	gateway->ports.n_workers = gateway->n_workers;
	gateway->ports.needs = (struct eg_buffer_needs){
		.per_worker = 4 * EG_BATCH_MAX + EG_REASSEMBLY_MAX + EG_WORKER_RING,
		.tailroom = EG_TAILROOM,
		.large_per_worker = EG_LARGE_BUFFERS,
		.large_bytes = EG_LARGE_BYTES,
	};
	if (eg_ports_start(&gateway->ports, errs) || eg_kernels_start(&gateway->ports, errs) ||
	    eg_workers_wire(gateway, errs))
		goto ports;
	gateway->started_ns = eg_mono_ns();
	if (!eg_workers_launch(gateway, errs)) {
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_INFO,
		       "espgate %s (IPsec-MB %s): %u workers, %u ports", EG_VERSION,
		       eg_crypto_version(), gateway->n_workers, gateway->ports.n);
		clean = !eg_control_run(gateway, &(struct eg_control){options->idle_ns, set});
	}
	drained = eg_workers_end(gateway);
	if (drained) /* nobody sends any more */
		eg_sas_finish(gateway);
	clean &= drained;
	clean &= eg_control_finish(gateway);
ports:
	eg_kernels_stop(&gateway->ports);
	eg_ports_stop(&gateway->ports);
world:
	eg_rcu_fini(&gateway->rcu);
	eg_publisher_fini(&gateway->publisher);
	eg_sa_store_free(gateway->sas);
workers:
	eg_workers_free(gateway);
	eg_flow_table_free(gateway->flows);
	return clean ? EG_EXIT_OK : EG_EXIT_ERROR;
}

static int start_and_serve(struct eg_gateway *gateway, const struct options *options,
			   struct eg_errs *errs)
{
	const struct eg_config *config = gateway->config;
	sigset_t set;
	int status;

	if (eg_log_open(&gateway->log, config->log.target, config->log.level)) {
		eg_error(errs, NULL, "log.target", "%s: %s", config->log.target, strerror(errno));
		return EG_EXIT_ERROR;
	}
	/* The start's warnings come before anything that takes time. */
	eg_errs_print(errs, stderr);
	eg_errs_free(errs);
	block_signals(&set);
	eg_host_check_devices(config, true, errs);
	if (errs->n_errors || eg_crypto_self_test(errs) ||
	    eg_eal_start(config, options->eal_args, options->n_eal_args, errs))
		return EG_EXIT_ERROR;
	eg_errs_print(errs, stderr);
	eg_errs_free(errs);
	status = serve(gateway, options, &set, errs);
	rte_eal_cleanup();
	return status;
}

static int run(struct eg_gateway *gateway, const struct options *options, struct eg_errs *errs)
{
	struct eg_config *config = eg_config_load(options->config, errs);
	int status;

	if (!config)
		return EG_EXIT_ERROR;
	gateway->config = config;
	gateway->stats_period_ns = config->stats_period_ns;
	status = start_and_serve(gateway, options, errs);
	eg_log_close(&gateway->log);
	eg_config_free(config);
	return status;
}

static int usage(void)
{
	fprintf(stderr, "usage: espgate run -c FILE [--exit-when-idle DURATION] "
			"[-- EAL arguments]\n");
	return -1;
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option longs[] = {{"exit-when-idle", required_argument, NULL, 'i'},
					      {0}};
	int opt;

	while ((opt = getopt_long(argc, argv, "+c:", longs, NULL)) != -1) {
		if (opt == 'c') {
			options->config = optarg;
		} else if (opt != 'i') {
			return usage();
		} else if (eg_text_duration_ns(optarg, &options->idle_ns) || !options->idle_ns) {
			fprintf(stderr, "espgate run: --exit-when-idle takes a time like 500ms\n");
			return -1;
		}
	}
	options->eal_args = argv + optind;
	options->n_eal_args = argc - optind;
	/* What stands behind -- is EAL's; a word without it is a mistake. */
	if (!options->config || (options->n_eal_args && strcmp(argv[optind - 1], "--")))
		return usage();
	return 0;
}

int eg_verb_run(int argc, char **argv)
{
	struct options options = {0};
	struct eg_gateway *gateway;
	struct eg_errs errs = {0};
	int status;

	if (parse(argc, argv, &options))
		return EG_EXIT_USAGE;
	forbid_dumps();
	gateway = calloc(1, sizeof(*gateway));
	if (!gateway)
		return EG_EXIT_ERROR;
	status = run(gateway, &options, &errs);
	eg_errs_print(&errs, stderr);
	eg_errs_free(&errs);
	free(gateway);
	return status;
}
