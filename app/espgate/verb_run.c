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
#include "espgate/version.h"
#include "gateway.h"
#include "verbs.h"

#define CONTROL_STEP_NS (20 * 1000000ull)

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

/* Blocked before EAL makes its threads, so that only the control loop takes them. */
static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, set, NULL);
}

/* The next signal within one control step, or 0. */
static int next_signal(const sigset_t *set)
{
	int sig = sigtimedwait(set, NULL, &(struct timespec){.tv_nsec = CONTROL_STEP_NS});

	return sig < 0 ? 0 : sig;
}

static void print_block(const struct eg_report *now, const struct eg_report *before)
{
	struct eg_buf text = {0};

	eg_report_render(now, before, &text);
	if (text.v)
		fputs(text.v, stdout);
	fflush(stdout);
	eg_buf_free(&text);
}

struct pace {
	uint64_t next_block_ns;
	uint64_t busy_ns; /* when packets last came */
	uint64_t received;
	struct eg_report last;
};

static void periodic_block(struct eg_gateway *gateway, struct pace *pace, uint64_t now)
{
	struct eg_report report;

	if (!gateway->config->stats_period_ns || now < pace->next_block_ns)
		return;
	pace->next_block_ns += gateway->config->stats_period_ns;
	eg_report_collect(gateway, &report);
	print_block(&report, &pace->last);
	eg_report_free(&pace->last);
	pace->last = report;
}

static bool idle(const struct eg_gateway *gateway, struct pace *pace, uint64_t now,
		 uint64_t limit_ns)
{
	uint64_t received = eg_total_received(gateway);

	if (received != pace->received)
		pace->busy_ns = now;
	pace->received = received;
	return limit_ns && now - pace->busy_ns >= limit_ns;
}

static void control(struct eg_gateway *gateway, const struct options *options, const sigset_t *set)
{
	struct pace pace = {0};
	const char *why = NULL;
	uint64_t now = eg_mono_ns();

	pace.next_block_ns = now + gateway->config->stats_period_ns;
	pace.busy_ns = now;
	while (!why) {
		int sig = next_signal(set);

		now = eg_mono_ns();
		eg_log_drops(gateway);
		periodic_block(gateway, &pace, now);
		if (sig)
			why = strsignal(sig);
		else if (idle(gateway, &pace, now, options->idle_ns))
			why = "no packet for the time of --exit-when-idle";
	}
	eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_INFO, "stopping: %s", why);
	eg_report_free(&pace.last);
}

/* The last block, after everything is drained: what came in went out or was dropped by name. */
static bool final_block(struct eg_gateway *gateway)
{
	struct eg_report report;
	bool balanced;

	eg_log_drops(gateway);
	eg_report_collect(gateway, &report);
	print_block(&report, NULL);
	balanced = eg_report_rx(&report) == eg_report_tx(&report) + eg_report_drops(&report);
	if (!balanced)
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_ERROR,
		       "rx is not tx + drops: packets were lost without a name");
	eg_report_free(&report);
	return balanced;
}

static int load(struct eg_gateway *gateway, const struct eg_config *config, struct eg_errs *errs)
{
	struct eg_snap *snap = eg_snap_build(config, gateway->sas, errs);

	if (!snap)
		return -1;
	eg_world_publish(&gateway->world, snap);
	return 0;
}

/* Everything between EAL's start and its end. */
static int serve(struct eg_gateway *gateway, const struct options *options, const sigset_t *set,
		 struct eg_errs *errs)
{
	bool clean = false;

	if (eg_workers_make(gateway, errs))
		goto workers;
	if (eg_world_init(&gateway->world, gateway->n_workers)) {
		eg_error(errs, NULL, NULL, "out of memory");
		goto workers;
	}
	gateway->sas = eg_sa_store_new(gateway->n_workers);
	if (!gateway->sas || load(gateway, gateway->config, errs))
		goto world;
	if (eg_ports_start(gateway, errs) || eg_workers_wire(gateway, errs))
		goto ports;
	gateway->started_ns = eg_mono_ns();
	if (!eg_workers_launch(gateway, errs)) {
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_INFO,
		       "espgate %s (IPsec-MB %s): %u workers, %u ports, %u peers; no policy is "
		       "enforced",
		       EG_VERSION, eg_crypto_version(), gateway->n_workers, gateway->n_ports,
		       eg_world_read(&gateway->world)->n_peers);
		control(gateway, options, set);
		clean = true;
	}
	clean &= eg_workers_end(gateway);
	clean &= final_block(gateway);
ports:
	eg_ports_stop(gateway);
world:
	eg_world_fini(&gateway->world);
	eg_sa_store_free(gateway->sas);
workers:
	eg_workers_free(gateway);
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
	if (eg_crypto_self_test(errs) ||
	    eg_eal_start(config, options->eal_args, options->n_eal_args, errs))
		return EG_EXIT_ERROR;
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
