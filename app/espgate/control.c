/* The control thread while the workers run: one event loop (ctl/loop.h) with signals, the periodic
 * steps of upkeep, statistics, and the results of the builder thread. */
#include "control.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/service.h"
#include "ctl/builder.h"
#include "ctl/loop.h"
#include "ctl/reload.h"
#include "port/compat.h"
#include "port/kernel.h"

/* How often a slow handler is reported at most; the others are counted. */
#define SLOW_REPORT_NS (10 * EG_NS_PER_S)

/* How long the end waits for the builder thread. */
#define BUILDER_WAIT_NS EG_NS_PER_S

/* How often --exit-when-idle compares counters. */
#define IDLE_STEP_NS (20 * EG_NS_PER_MS)

static void poll_links(struct eg_ctl *ctl)
{
	eg_links_poll(ctl->ports);
}

static void poll_kernels(struct eg_ctl *ctl)
{
	eg_kernels_poll(ctl->ports);
}

/* The periodic steps. Timers with the same period expire together. */
static const struct step {
	const char *name; /* in the report of a slow handler */
	uint64_t period_ns;
	void (*run)(struct eg_ctl *ctl);
} steps[] = {
	{"SA upkeep", 20 * EG_NS_PER_MS, eg_ctl_upkeep_sas},
	{"drop log", 20 * EG_NS_PER_MS, eg_ctl_log_drops},
	{"connection ageing", 20 * EG_NS_PER_MS, eg_ctl_age_flows},
	{"deferred frees", 20 * EG_NS_PER_MS, eg_ctl_free_deferred},
	{"path MTU ageing", 100 * EG_NS_PER_MS, eg_ctl_age_path_mtus},
	{"omitted log lines", EG_NS_PER_S, eg_ctl_log_omitted},
	{"link state", 100 * EG_NS_PER_MS, poll_links},
	{"kernel devices", EG_NS_PER_S, poll_kernels},
};

#define N_STEPS (sizeof(steps) / sizeof(*steps))

struct control {
	struct eg_gateway *gateway;
	struct eg_loop *loop;
	const char *why; /* the reason for stopping */
	struct scheduled {
		struct control *control;
		const struct step *step;
	} scheduled[N_STEPS];

	struct eg_loop_source *block_timer;
	uint64_t block_period_ns;
	struct eg_report last_block;

	uint64_t idle_limit_ns;
	uint64_t busy_ns; /* when packets were last received */
	uint64_t received;
	uint64_t iterations[EG_WORKERS_MAX]; /* of each worker, when packets were last received */

	struct eg_control_service service; /* if there is a control socket */

	uint64_t next_slow_report_ns;
	uint64_t slow_unreported;
};

static void print_block(const struct eg_report *now, const struct eg_report *before)
{
	struct eg_buf text = {0};

	eg_report_render(now, before, &text);
	if (text.v)
		fputs(text.v, stdout);
	fflush(stdout);
	eg_buf_free(&text);
}

static void stop(struct control *control, const char *why)
{
	control->why = why;
	eg_loop_stop(control->loop);
}

static void on_step(void *arg)
{
	const struct scheduled *scheduled = arg;

	scheduled->step->run(&scheduled->control->gateway->ctl);
}

static void on_block(void *arg)
{
	struct control *control = arg;
	struct eg_report report;

	eg_ctl_collect(&control->gateway->ctl, &report);
	print_block(&report, &control->last_block);
	eg_report_free(&control->last_block);
	control->last_block = report;
}

/* Follow stats.period, which a reload may have changed. */
static void schedule_blocks(struct control *control, uint64_t period_ns)
{
	if (control->block_period_ns == period_ns)
		return;
	control->block_period_ns = period_ns;
	eg_loop_set_timer(control->block_timer, 0, period_ns);
}

/* SIGUSR1: print a block now, without changing the schedule of the periodic ones. */
static void print_requested_block(struct eg_gateway *gateway)
{
	struct eg_report report;

	eg_ctl_collect(&gateway->ctl, &report);
	print_block(&report, NULL);
	eg_report_free(&report);
}

/* Has every worker polled all its queues since packets were last received? Two iterations are
 * required, because the first may have begun before. On a busy machine a worker may not run at all
 * for longer than the limit. */
static bool all_polled(const struct control *control)
{
	const struct eg_gateway *gateway = control->gateway;

	for (unsigned w = 0; w < gateway->workers.n; w++) {
		if (eg_counted(&gateway->workers.worker[w]->iterations) - control->iterations[w] <
		    2)
			return false;
	}
	return true;
}

static void on_idle_step(void *arg)
{
	struct control *control = arg;
	const struct eg_gateway *gateway = control->gateway;
	uint64_t received = eg_ctl_received(&gateway->ctl), now_ns = eg_mono_ns();

	if (received != control->received) {
		control->busy_ns = now_ns;
		for (unsigned w = 0; w < gateway->workers.n; w++)
			control->iterations[w] =
				eg_counted(&gateway->workers.worker[w]->iterations);
	}
	control->received = received;
	if (now_ns - control->busy_ns >= control->idle_limit_ns && all_polled(control) &&
	    eg_ctl_received(&gateway->ctl) == received)
		stop(control, "no packet for the time of --exit-when-idle");
}

static void on_applied(void *arg, const struct eg_config *config)
{
	struct control *control = arg;

	eg_workers_sample(&control->gateway->workers, config->log.drop_sample_per_s);
	schedule_blocks(control, config->stats_period_ns);
}

static void on_signal(void *arg, int signal)
{
	struct control *control = arg;

	if (signal == SIGHUP)
		eg_ctl_reload(&control->gateway->ctl, on_applied, control);
	else if (signal == SIGUSR1)
		print_requested_block(control->gateway);
	else
		stop(control, strsignal(signal));
}

static void on_built(void *arg, uint32_t events)
{
	struct control *control = arg;

	(void)events;
	eg_builder_collect(control->gateway->ctl.builder);
}

/* A handler that used the CPU for longer than the limit is a fault; one that waited for its CPU may
 * not be. */
static void on_slow(void *arg, const char *name, const struct eg_loop_time *time)
{
	struct control *control = arg;
	uint64_t now_ns = eg_mono_ns();

	if (now_ns < control->next_slow_report_ns) {
		control->slow_unreported++;
		return;
	}
	control->next_slow_report_ns = now_ns + SLOW_REPORT_NS;
	eg_log(&control->gateway->log, EG_LOG_CORE,
	       time->cpu_ns > EG_LOOP_LIMIT_NS ? EG_LOG_WARNING : EG_LOG_INFO,
	       "control thread: %s took %.1f ms (%.1f ms on the CPU); %lu others took more than "
	       "%llu ms since the last report",
	       name, (double)time->wall_ns / 1e6, (double)time->cpu_ns / 1e6,
	       (unsigned long)control->slow_unreported, EG_LOOP_LIMIT_NS / EG_NS_PER_MS);
	control->slow_unreported = 0;
}

static void report_loop(struct control *control)
{
	struct eg_loop_stats stats = eg_loop_stats(control->loop);

	if (stats.longest)
		eg_log(&control->gateway->log, EG_LOG_CORE, EG_LOG_INFO,
		       "control thread: %lu handlers ran, %lu longer than %llu ms; longest: %s, "
		       "%.1f ms (%.1f ms on the CPU)",
		       (unsigned long)stats.calls, (unsigned long)stats.slow,
		       EG_LOOP_LIMIT_NS / EG_NS_PER_MS, stats.longest,
		       (double)stats.longest_time.wall_ns / 1e6,
		       (double)stats.longest_time.cpu_ns / 1e6);
}

/* Create the builder thread, on a CPU without a worker if there is one. */
static int spawn(pthread_t *thread, void *(*thread_main)(void *), void *arg)
{
	return eg_control_thread_create(thread, "eg-builder", thread_main, arg);
}

static int add_timer(struct control *control, const char *name, uint64_t period_ns, eg_loop_fn *fn,
		     void *arg)
{
	struct eg_loop_source *timer = eg_loop_add_timer(control->loop, name, fn, arg);

	if (!timer)
		return -1;
	eg_loop_set_timer(timer, 1, period_ns); /* first expiry: now */
	return 0;
}

static int add_steps(struct control *control)
{
	for (size_t i = 0; i < N_STEPS; i++) {
		control->scheduled[i] = (struct scheduled){control, &steps[i]};
		if (add_timer(control, steps[i].name, steps[i].period_ns, on_step,
			      &control->scheduled[i]))
			return -1;
	}
	return 0;
}

static int serve_socket(struct control *control)
{
	struct eg_gateway *gateway = control->gateway;

	if (gateway->socket.fd < 0)
		return 0;
	control->service = (struct eg_control_service){
		.ctl = &gateway->ctl,
		.workers = &gateway->workers,
		.applied = on_applied,
		.applied_arg = control,
		.fd = gateway->socket.fd,
	};
	return eg_control_service_start(&control->service);
}

static int set_up(struct control *control, const sigset_t *signals)
{
	struct eg_loop *loop = control->loop = eg_loop_new(on_slow, control);
	struct eg_ctl *ctl = &control->gateway->ctl;

	if (!loop || !eg_loop_add_signals(loop, "signals", signals, on_signal, control) ||
	    add_steps(control))
		return -1;
	control->block_timer = eg_loop_add_timer(loop, "statistics", on_block, control);
	if (!control->block_timer)
		return -1;
	schedule_blocks(control, control->gateway->config->stats_period_ns);
	if (control->idle_limit_ns &&
	    add_timer(control, "idle check", IDLE_STEP_NS, on_idle_step, control))
		return -1;
	ctl->loop = loop;
	if (eg_ctl_follow_tunnels(ctl))
		return -1;
	ctl->builder = eg_builder_new(spawn);
	if (!ctl->builder || !eg_loop_add_fd(loop, "reload", eg_builder_fd(ctl->builder), EPOLLIN,
					     on_built, control))
		return -1;
	return serve_socket(control);
}

int eg_control_run(struct eg_gateway *gateway, const struct eg_control *options)
{
	struct control control = {
		.gateway = gateway,
		.idle_limit_ns = options->idle_ns,
		.busy_ns = eg_mono_ns(),
	};
	int err = set_up(&control, options->signals) ? -errno : eg_loop_run(control.loop);

	if (err)
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_ERROR, "stopping: control thread: %s",
		       strerror(-err));
	else
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_INFO, "stopping: %s", control.why);
	if (control.loop)
		report_loop(&control);
	eg_ctl_unfollow_tunnels(&gateway->ctl);
	eg_ctl_finish_reload(&gateway->ctl);
	if (control.service.ctl)
		eg_control_service_stop(&control.service);
	if (gateway->ctl.builder)
		eg_builder_cancel(gateway->ctl.builder); /* eg_control_end() waits for it */
	gateway->ctl.loop = NULL;
	eg_loop_free(control.loop);
	eg_report_free(&control.last_block);
	return err;
}

/* The last block, after draining: every received packet was sent, consumed, or dropped for a
 * reason. */
bool eg_control_finish(struct eg_gateway *gateway)
{
	struct eg_report report;
	bool balanced;

	eg_ctl_finish_logs(&gateway->ctl);
	eg_ctl_collect(&gateway->ctl, &report);
	print_block(&report, NULL);
	balanced = eg_report_balanced(&report);
	if (!balanced)
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_ERROR,
		       "the totals do not add up: packets were lost without a counted reason");
	eg_report_free(&report);
	return balanced;
}

void eg_control_end(struct eg_gateway *gateway, int status)
{
	struct eg_builder *builder = gateway->ctl.builder;

	if (!builder)
		return;
	if (!eg_builder_wait(builder, BUILDER_WAIT_NS)) {
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_INFO,
		       "stopping: not waiting for the reload that is being built");
		fflush(NULL);
		_exit(status);
	}
	eg_builder_free(builder);
	gateway->ctl.builder = NULL;
}
