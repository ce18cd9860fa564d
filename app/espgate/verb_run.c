/* run: the daemon. Start and stop mirror each other, around the control loop. */
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
#include "ctl/reload.h"
#include "espgate/version.h"
#include "port/eal.h"
#include "port/host.h"
#include "port/kernel.h"
#include "verbs.h"

struct options {
	const char *config;
	uint64_t idle_ns; /* 0: run until a signal */
	char **eal_args;
	int n_eal_args;
};

/* Pages with keys are excluded from core dumps (base/secret.h), but packet buffers and the crypto
 * library's state are not. So disable dumps altogether, and ptrace by other users with them. */
static void forbid_dumps(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

/* Block signals before EAL creates its threads, so that only the control loop receives them. Ignore
 * SIGPIPE: the gateway must survive a reader of the statistics or the log that exits. */
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

/* The SA store, with the state of static keys from state_dir. */
static int open_store(struct eg_gateway *gateway, struct eg_errs *errs)
{
	const struct eg_config *config = gateway->config;

	gateway->sas = eg_sa_store_new(gateway->workers.n);
	if (!gateway->sas) {
		eg_error(errs, NULL, NULL, "out of memory");
		return -1;
	}
	return config->state_dir ? eg_sa_store_open_state(gateway->sas, config->state_dir, false,
							  &config->state_dir_pos, errs)
				 : 0;
}

/* Set the references between the parts. */
static void connect_parts(struct eg_gateway *gateway)
{
	gateway->ports.config = gateway->config;
	gateway->ports.log = &gateway->log;
	gateway->ports.n_workers = gateway->workers.n;
	gateway->ports.needs = eg_worker_buffer_needs();
	gateway->ctl = (struct eg_ctl){
		.log = &gateway->log,
		.config = gateway->config,
		.ports = &gateway->ports,
		.rcu = &gateway->rcu,
		.publisher = &gateway->publisher,
		.tunnels = &gateway->tunnels,
		.event_queue = gateway->events,
		.sas = gateway->sas,
		.flows = gateway->flows,
		.stats = gateway->workers.stats,
		.n_workers = gateway->workers.n,
	};
}

static void log_multi_packet(struct eg_gateway *gateway)
{
	const struct eg_multi_packet *limits = &gateway->workers.multi_packet;
	const unsigned chacha_max = limits->chacha_max[EG_MULTI_PACKET_SIZES - 1];

	if (limits->gcm_max)
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_INFO,
		       "AES-GCM: texts of up to %u bytes are computed four packets at a time",
		       limits->gcm_max);
	if (chacha_max)
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_INFO,
		       "ChaCha20-Poly1305: texts of up to %u bytes are computed sixteen packets at "
		       "a time",
		       chacha_max);
}

/* Run the workers until the control loop ends, then drain. True if it ended cleanly. */
static bool forward(struct eg_gateway *gateway, const struct options *options, const sigset_t *set,
		    struct eg_errs *errs)
{
	bool clean = false, drained;

	gateway->ctl.started_ns = eg_mono_ns();
	if (!eg_workers_launch(&gateway->workers, errs)) {
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_INFO,
		       "espgate %s (IPsec-MB %s): %u workers, %u ports", EG_VERSION,
		       eg_crypto_version(), gateway->workers.n, gateway->ports.n);
		log_multi_packet(gateway);
		clean = !eg_control_run(gateway, &(struct eg_control){options->idle_ns, set});
	}
	drained = eg_workers_end(&gateway->workers);
	if (drained) /* nothing is sent any more */
		eg_ctl_finish_sas(&gateway->ctl);
	clean &= drained;
	return eg_control_finish(gateway) && clean;
}

/* Everything between the start and the cleanup of EAL. */
static int serve(struct eg_gateway *gateway, const struct options *options, const sigset_t *set,
		 struct eg_errs *errs)
{
	bool clean = false;

	gateway->flows = eg_flow_table_new(gateway->config->policy.max_connections);
	if (!gateway->flows) {
		eg_error(errs, &gateway->config->policy.pos, "policy.max_connections",
			 "no memory for %u connections", gateway->config->policy.max_connections);
		return EG_EXIT_ERROR;
	}
	gateway->workers.config = gateway->config;
	gateway->workers.ports = &gateway->ports;
	gateway->workers.publisher = &gateway->publisher;
	gateway->workers.flows = gateway->flows;
	gateway->workers.tunnels = &gateway->tunnels;
	if (eg_workers_make(&gateway->workers, errs))
		goto workers;
	gateway->events = gateway->workers.events = eg_event_queue_new(gateway->workers.n);
	if (!gateway->events || eg_rcu_init(&gateway->rcu, gateway->workers.n)) {
		eg_error(errs, NULL, NULL, "out of memory");
		goto workers;
	}
	eg_publisher_init(&gateway->publisher, &gateway->rcu);
	if (open_store(gateway, errs))
		goto world;
	if (eg_tunnels_init(&gateway->tunnels, &gateway->rcu, gateway->sas, gateway->workers.n)) {
		eg_error(errs, NULL, NULL, "out of memory");
		goto world;
	}
	connect_parts(gateway);
	if (eg_ctl_load(&gateway->ctl, gateway->config, errs))
		goto world;
	/* Print warnings before anything that takes time. */
	eg_errs_print(errs, stderr);
	eg_errs_free(errs);
	if (gateway->config->control.socket &&
	    eg_control_socket_open(&gateway->socket, &gateway->config->control, errs))
		goto world;
	if (!eg_ports_start(&gateway->ports, errs) && !eg_kernels_start(&gateway->ports, errs) &&
	    !eg_workers_wire(&gateway->workers, errs))
		clean = forward(gateway, options, set, errs);
	eg_kernels_stop(&gateway->ports);
	eg_ports_stop(&gateway->ports);
	eg_control_socket_close(&gateway->socket);
	eg_control_end(gateway, clean ? EG_EXIT_OK : EG_EXIT_ERROR);
world:
	eg_tunnels_fini(&gateway->tunnels);
	eg_rcu_fini(&gateway->rcu);
	eg_ctl_free(&gateway->ctl);
	eg_publisher_fini(&gateway->publisher);
	eg_sa_store_free(gateway->sas);
workers:
	eg_workers_free(&gateway->workers);
	eg_event_queue_free(gateway->events);
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
	/* Print warnings before anything that takes time. */
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
	gateway->socket.fd = -1;
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
	/* Arguments after -- are EAL's; without -- they are an error. */
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
