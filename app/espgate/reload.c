/* A configuration comes into force whole or not at all: load -> check -> build -> prove -> publish
 * -> retire. A failure leaves the running one as it is. */
#include "reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "conf/restart_keys.h"
#include "ctl/builder.h"
#include "port/kernel.h"

/* What an operator wants to read in the log after a load. */
static void report_load(struct eg_gateway *gateway, const struct eg_snap *snap, uint64_t took_ns)
{
	const struct eg_snap_policy *policy = snap->policy;
	struct eg_buf text = {0};

	if (policy) {
		eg_buf_add(
			&text,
			"policy is %s: %zu policies, %zu pods, %zu rules, %zu classes, proved by ",
			policy->audit ? "only audited" : "enforced", policy->cluster.policies.n,
			policy->cluster.pods.n, eg_policy_stats(policy->compiled)->n_rules,
			eg_policy_stats(policy->compiled)->n_classes);
		eg_proof_describe(&policy->proof, &text);
		if (policy->cluster.quarantined.n)
			eg_buf_add(&text, "; %zu objects quarantined",
				   policy->cluster.quarantined.n);
	} else {
		eg_buf_add(&text, "no policy is enforced");
	}
	eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_INFO,
	       "configuration %lu in force after %.1f ms: %u peers, %zu SAs; %s",
	       (unsigned long)snap->generation, (double)took_ns / 1e6, snap->n_tunnels, snap->sas.n,
	       text.v ? text.v : "");
	eg_buf_free(&text);
}

/* How long a reload keeps the control loop for the disk. */
#define RESERVE_WAIT_NS (15 * 1000000ull)

int eg_load(struct eg_gateway *gateway, const struct eg_config *config, struct eg_errs *errs)
{
	uint64_t start_ns = eg_mono_ns();
	const struct eg_snap *before = eg_publisher_read(&gateway->publisher);
	const struct eg_snap_options options = {
		.prove_ns = EG_PROVE_BUDGET_NS,
		.before = before,
		.now_ns = start_ns,
		.tolerance = before && before->policy ? EG_QUARANTINE_ALL : EG_QUARANTINE_COSTLY,
	};
	struct eg_snap *snap = eg_snap_build(config, gateway->sas, &options, errs);
	int err;

	if (!snap)
		return -1;
	/* At the start there is nothing to do before; later the control loop does not wait long. */
	err = eg_sa_store_reserve(gateway->sas, &(struct eg_now){eg_wall_ns(), eg_mono_ns()},
				  options.before ? RESERVE_WAIT_NS : UINT64_MAX);
	if (err) {
		eg_error(errs, &config->state_dir_pos, "state_dir", "%s: %s", config->state_dir,
			 strerror(-err));
		eg_snap_free(snap);
		return -1;
	}
	if (eg_sa_store_swaps(gateway->sas))
		eg_warning(errs, NULL, "keys",
			   "their memory cannot be locked, so they may be swapped out: raise "
			   "RLIMIT_MEMLOCK (systemd: LimitMEMLOCK=infinity), or turn swap off");
	eg_publish(&gateway->publisher, snap);
	eg_flow_limit_source(gateway->flows, config->policy.max_connections_per_source);
	report_load(gateway, snap, eg_mono_ns() - start_ns);
	return 0;
}

/* What protects less than before must not pass unseen. */
static void tell_weaker(const struct eg_config *config, bool had_policy, bool audited,
			struct eg_errs *errs)
{
	const struct eg_pos file = {.file = config->file};
	const struct eg_pos *pos = config->policy.pos.file ? &config->policy.pos : &file;

	if (had_policy && config->policy.mode == EG_POLICY_OFF)
		eg_warning(errs, pos, "policy",
			   "is off now: every packet passes, and no connection is tracked");
	else if (had_policy && !audited && config->policy.mode == EG_POLICY_AUDIT)
		eg_warning(errs, pos, "policy.mode",
			   "is audit now: what policy denies passes and is only counted");
}

/* The log where its lines are to go from now on; out is NULL where that stays. */
static int open_log(const struct eg_gateway *gateway, const struct eg_config *config,
		    struct eg_log *log, struct eg_errs *errs)
{
	const struct eg_pos file = {.file = config->file};

	if (!strcmp(gateway->log.target, config->log.target) ||
	    !eg_log_open(log, config->log.target, config->log.level))
		return 0;
	eg_error(errs, &file, "log.target", "%s: %s", config->log.target, strerror(errno));
	return -1;
}

/* What the control thread and drop samples go by. */
static void apply_log_and_stats(struct eg_gateway *gateway, const struct eg_config *config,
				struct eg_log *log)
{
	if (log->out) {
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_INFO, "the log goes on in %s",
		       log->target);
		eg_log_close(&gateway->log);
		gateway->log = *log;
	}
	memcpy(gateway->log.level, config->log.level, sizeof(gateway->log.level));
	gateway->stats_period_ns = config->stats_period_ns;
	eg_workers_sample(gateway, config->log.drop_sample_per_s);
}

/* A reload on its way through the builder thread. */
struct reload {
	struct eg_build build;
	struct eg_gateway *gateway;
	struct eg_config *config; /* NULL: refused */
	struct eg_errs errs;
	void (*applied)(void *arg);
	void *arg;
};

static struct reload *reload_of(struct eg_build *build)
{
	return (struct reload *)((char *)build - offsetof(struct reload, build));
}

static void free_reload(struct eg_build *build)
{
	struct reload *reload = reload_of(build);

	eg_errs_free(&reload->errs);
	eg_config_free(reload->config);
	free(reload);
}

/* Builder thread. */
static void read_config(struct eg_build *build, struct eg_builder *builder)
{
	struct reload *reload = reload_of(build);
	const struct eg_config *running = reload->gateway->config;

	(void)builder;
	reload->config = eg_config_load(running->file, &reload->errs);
	if (reload->config &&
	    eg_config_retain_restart_keys(reload->config, running, &reload->errs)) {
		eg_config_free(reload->config);
		reload->config = NULL;
	}
}

static void log_errors(struct eg_gateway *gateway, const struct eg_errs *errs)
{
	for (int s = 0; s < EG_SEVERITIES; s++) {
		enum eg_severity severity = (enum eg_severity)s;
		enum eg_log_level level = severity == EG_WARNING ? EG_LOG_WARNING : EG_LOG_ERROR;
		size_t omitted = eg_errs_omitted(errs, severity);

		eg_vec_foreach (msg, &errs->msgs)
			if (msg->severity == severity)
				eg_log(&gateway->log, EG_LOG_CORE, level, "%s", msg->text);
		if (omitted)
			eg_log(&gateway->log, EG_LOG_CORE, level, "... and %zu more %s", omitted,
			       eg_severity_name(severity));
	}
}

/* Control thread. 0 or -1. */
static int apply(struct eg_gateway *gateway, const struct eg_config *config, struct eg_errs *errs)
{
	const struct eg_snap_policy *policy = eg_publisher_read(&gateway->publisher)->policy;
	bool had_policy = policy, audited = policy && policy->audit;
	struct eg_log log = {0};

	if (open_log(gateway, config, &log, errs))
		return -1;
	if (eg_load(gateway, config, errs)) {
		eg_log_close(&log);
		return -1;
	}
	eg_kernels_address(&gateway->ports, config);
	tell_weaker(config, had_policy, audited, errs);
	apply_log_and_stats(gateway, config, &log);
	return 0;
}

static void finish(struct eg_build *build)
{
	struct reload *reload = reload_of(build);
	struct eg_gateway *gateway = reload->gateway;
	int err = reload->config ? apply(gateway, reload->config, &reload->errs) : -1;

	log_errors(gateway, &reload->errs);
	if (err)
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_ERROR,
		       "reload refused: the configuration before stays in force");
	else
		reload->applied(reload->arg);
	free_reload(build);
}

void eg_reload(struct eg_gateway *gateway, struct eg_builder *builder, void (*applied)(void *arg),
	       void *arg)
{
	struct reload *reload;

	/* First, and whatever the configuration says: logrotate has moved the file away. */
	if (eg_log_reopen(&gateway->log))
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_ERROR,
		       "%s: %s: the log stays in the file that it had", gateway->log.target,
		       strerror(errno));
	reload = calloc(1, sizeof(*reload));
	if (!reload) {
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_ERROR, "reload refused: out of memory");
		return;
	}
	*reload = (struct reload){
		.build = {.run = read_config, .finish = finish, .discard = free_reload},
		.gateway = gateway,
		.applied = applied,
		.arg = arg,
	};
	if (eg_builder_busy(builder))
		eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_INFO,
		       "reload: the one before is not in force yet, and is superseded");
	eg_builder_submit(builder, &reload->build);
}
