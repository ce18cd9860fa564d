/* The control thread while the workers run: signals, drop samples into the log, ageing, statistics.
 * It is the only thread that logs, allocates or reads files. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "gateway.h"
#include "kernel.h"

#define CONTROL_STEP_NS (20 * 1000000ull)

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
	uint64_t period_ns; /* of blocks, when next_block_ns was set */
	uint64_t next_block_ns;
	uint64_t busy_ns; /* when packets last came */
	uint64_t received;
	uint64_t iterations[EG_WORKERS_MAX]; /* of each worker, when packets last came */
	struct eg_report last;
};

static void periodic_block(struct eg_gateway *gateway, struct pace *pace, uint64_t now)
{
	struct eg_report report;

	if (pace->period_ns != gateway->stats_period_ns) { /* a reload changed it */
		pace->period_ns = gateway->stats_period_ns;
		pace->next_block_ns = now + pace->period_ns;
	}
	if (!pace->period_ns || now < pace->next_block_ns)
		return;
	pace->next_block_ns += pace->period_ns;
	eg_report_collect(gateway, &report);
	print_block(&report, &pace->last);
	eg_report_free(&pace->last);
	pace->last = report;
}

/* Has every worker polled all its queues since packets last came? The first of two iterations may
 * have begun before. On a busy machine a worker may not run at all for longer than the limit. */
static bool all_polled(const struct eg_gateway *gateway, const struct pace *pace)
{
	for (unsigned w = 0; w < gateway->n_workers; w++) {
		if (eg_counted(&gateway->worker[w]->iterations) - pace->iterations[w] < 2)
			return false;
	}
	return true;
}

static bool idle(const struct eg_gateway *gateway, struct pace *pace, uint64_t now,
		 uint64_t limit_ns)
{
	uint64_t received = eg_total_received(gateway);

	if (received != pace->received) {
		pace->busy_ns = now;
		for (unsigned w = 0; w < gateway->n_workers; w++)
			pace->iterations[w] = eg_counted(&gateway->worker[w]->iterations);
	}
	pace->received = received;
	return limit_ns && now - pace->busy_ns >= limit_ns && all_polled(gateway, pace) &&
	       eg_total_received(gateway) == received;
}

static void log_errors(struct eg_gateway *gateway, const struct eg_errs *errs)
{
	for (int s = 0; s < EG_SEVERITIES; s++) {
		enum eg_severity severity = (enum eg_severity)s;
		enum eg_log_level level = severity == EG_WARNING ? EG_LOG_WARNING : EG_LOG_ERROR;
		size_t left_out = eg_errs_omitted(errs, severity);

		eg_vec_foreach (msg, &errs->msgs)
			if (msg->severity == severity)
				eg_log(&gateway->log, EG_LOG_CORE, level, "%s", msg->text);
		if (left_out)
			eg_log(&gateway->log, EG_LOG_CORE, level, "... and %zu more %s", left_out,
			       eg_severity_name(severity));
	}
}

/* Whoever asks gets one at once; the periodic ones go on at their times. */
static void asked_block(struct eg_gateway *gateway)
{
	struct eg_report report;

	eg_report_collect(gateway, &report);
	print_block(&report, NULL);
	eg_report_free(&report);
}

static void reload(struct eg_gateway *gateway)
{
	struct eg_errs errs = {0};
	int err;

	/* First, and whatever the configuration says: logrotate has moved the file away. */
	if (eg_log_reopen(&gateway->log))
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_ERROR,
		       "%s: %s: the log stays in the file that it had", gateway->log.target,
		       strerror(errno));
	err = eg_reload(gateway, &errs);

	log_errors(gateway, &errs);
	if (err)
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_ERROR,
		       "reload refused: the configuration before stays in force");
	eg_errs_free(&errs);
}

void eg_control_run(struct eg_gateway *gateway, const struct eg_control *control)
{
	struct pace pace = {0};
	const char *why = NULL;
	uint64_t now = eg_mono_ns();

	pace.busy_ns = now;
	while (!why) {
		int sig = next_signal(control->signals);

		now = eg_mono_ns();
		eg_links_step(gateway, now);
		eg_kernels_step(gateway, now);
		eg_log_drops(gateway);
		eg_sas_step(gateway);
		eg_age_step(gateway);
		eg_liveness_log(gateway);
		eg_pmtu_step(gateway, now);
		eg_endpoints_step(gateway, now);
		periodic_block(gateway, &pace, now);
		if (sig == SIGHUP)
			reload(gateway);
		else if (sig == SIGUSR1)
			asked_block(gateway);
		else if (sig)
			why = strsignal(sig);
		else if (idle(gateway, &pace, now, control->idle_ns))
			why = "no packet for the time of --exit-when-idle";
	}
	eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_INFO, "stopping: %s", why);
	eg_report_free(&pace.last);
}

/* The last block, after everything is drained: what came in went out or was dropped by name. */
bool eg_control_finish(struct eg_gateway *gateway)
{
	struct eg_report report;
	bool balanced;

	eg_log_drops(gateway);
	eg_liveness_log(gateway);
	eg_endpoints_step(gateway, UINT64_MAX);
	eg_report_collect(gateway, &report);
	print_block(&report, NULL);
	balanced = eg_report_balanced(&report);
	if (!balanced)
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_ERROR,
		       "the total does not add up: packets were lost without a name");
	eg_report_free(&report);
	return balanced;
}
