#include "ctl/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "conf/restart_keys.h"
#include "port/kernel.h"

/* A reload on its way through the builder thread. */
struct reload {
	struct eg_build build;
	struct eg_rcu_node rcu;
	struct eg_ctl *ctl;
	uint64_t start_ns;             /* monotonic */
	struct eg_snap_policy *before; /* a reference to the policy in force when it began: the last
					* one, if this reload replaces it */
	struct eg_config *config;      /* NULL: refused */
	struct eg_snap_policy *policy; /* a reference; NULL: none is enforced, or refused */
	bool policy_failed;
	struct eg_errs errs;
	eg_ctl_applied_fn *applied;
	void *arg;
};

/* What an operator wants to read in the log after a load. */
static void report_load(struct eg_ctl *ctl, const struct eg_snap *snap, uint64_t took_ns)
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
	eg_log(ctl->log, EG_LOG_CORE, EG_LOG_INFO,
	       "configuration %lu in force after %.1f ms: %u peers, %zu SAs; %s",
	       (unsigned long)snap->generation, (double)took_ns / 1e6, snap->n_tunnels, snap->sas.n,
	       text.v ? text.v : "");
	eg_buf_free(&text);
}

/* How long a reload may wait for the disk in the control thread. */
#define RESERVE_WAIT_NS (15 * EG_NS_PER_MS)

static enum eg_snap_tolerance tolerance(const struct eg_snap_policy *before)
{
	return before ? EG_QUARANTINE_ALL : EG_QUARANTINE_COSTLY;
}

/* Reserve the first sequence numbers of new SAs, and publish. The snapshot is used up. */
static int put_in_force(struct eg_ctl *ctl, const struct eg_config *config, struct eg_snap *snap,
			uint64_t start_ns, struct eg_errs *errs)
{
	const struct eg_now now = {eg_wall_ns(), eg_mono_ns()};
	bool first = !eg_publisher_read(ctl->publisher);
	int err = eg_sa_store_reserve(ctl->sas, &now, first ? UINT64_MAX : RESERVE_WAIT_NS);

	if (err) {
		eg_error(errs, &config->state_dir_pos, "state_dir", "%s: %s", config->state_dir,
			 strerror(-err));
		eg_snap_free(snap);
		return -1;
	}
	if (eg_sa_store_swaps(ctl->sas))
		eg_warning(errs, NULL, "keys",
			   "their memory cannot be locked, so they may be swapped out: raise "
			   "RLIMIT_MEMLOCK (systemd: LimitMEMLOCK=infinity), or turn swap off");
	eg_publish(ctl->publisher, snap);
	eg_flow_limit_source(ctl->flows, config->policy.max_connections_per_source);
	report_load(ctl, snap, eg_mono_ns() - start_ns);
	return 0;
}

int eg_ctl_load(struct eg_ctl *ctl, const struct eg_config *config, struct eg_errs *errs)
{
	const struct eg_snap_options options = {
		.prove_ns = EG_PROVE_BUDGET_NS,
		.now_ns = eg_mono_ns(),
		.tolerance = tolerance(NULL),
	};
	struct eg_snap *snap = eg_snap_build(config, ctl->sas, &options, errs);

	return snap ? put_in_force(ctl, config, snap, options.now_ns, errs) : -1;
}

/* Protection that a reload turns off must not pass unnoticed. */
static void warn_if_weaker(const struct eg_config *config, bool had_policy, bool audited,
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

/* Open the configuration's log; log->out stays NULL if it is the one that is open. */
static int open_log(const struct eg_ctl *ctl, const struct eg_config *config, struct eg_log *log,
		    struct eg_errs *errs)
{
	const struct eg_pos file = {.file = config->file};

	if (!strcmp(ctl->log->target, config->log.target) ||
	    !eg_log_open(log, config->log.target, config->log.level))
		return 0;
	eg_error(errs, &file, "log.target", "%s: %s", config->log.target, strerror(errno));
	return -1;
}

/* From now on, log as the configuration has it. */
static void apply_log(struct eg_ctl *ctl, const struct eg_config *config, struct eg_log *log)
{
	if (log->out) {
		eg_log(ctl->log, EG_LOG_CORE, EG_LOG_INFO, "the log goes on in %s", log->target);
		eg_log_close(ctl->log);
		*ctl->log = *log;
	}
	memcpy(ctl->log->level, config->log.level, sizeof(ctl->log->level));
}

static struct reload *reload_of(struct eg_build *build)
{
	return (struct reload *)((char *)build - offsetof(struct reload, build));
}

static void free_reload(struct eg_build *build)
{
	struct reload *reload = reload_of(build);

	eg_snap_policy_release(reload->before);
	eg_snap_policy_release(reload->policy);
	eg_errs_free(&reload->errs);
	eg_config_free(reload->config);
	free(reload);
}

/* No worker sees what the reload replaced, and its snapshot is freed. Policy and configuration of a
 * large cluster take long to free: the builder thread does that. */
static void discard_retired(struct eg_rcu_node *node)
{
	struct reload *reload = eg_rcu_container(node, struct reload, rcu);

	if (reload->ctl->builder)
		eg_builder_discard(reload->ctl->builder, &reload->build);
	else
		free_reload(&reload->build);
}

static void build_policy(struct reload *reload)
{
	const struct eg_snap_policy_options options = {
		.before = reload->before,
		.n_workers = reload->ctl->n_workers,
		.prove_ns = EG_PROVE_BUDGET_NS,
		.tolerance = tolerance(reload->before),
	};

	if (reload->config->policy.mode == EG_POLICY_OFF)
		return;
	reload->policy = eg_snap_policy_build(reload->config, &options, &reload->errs);
	reload->policy_failed = !reload->policy;
}

/* Builder thread. */
static void build(struct eg_build *base, struct eg_builder *builder)
{
	struct reload *reload = reload_of(base);
	const struct eg_config *running = reload->ctl->config;

	reload->config = eg_config_load(running->file, &reload->errs);
	if (reload->config &&
	    eg_config_retain_restart_keys(reload->config, running, &reload->errs)) {
		eg_config_free(reload->config);
		reload->config = NULL;
	}
	if (reload->config && !eg_builder_superseded(builder))
		build_policy(reload);
}

static void log_errors(struct eg_ctl *ctl, const struct eg_errs *errs)
{
	for (int s = 0; s < EG_SEVERITIES; s++) {
		enum eg_severity severity = (enum eg_severity)s;
		enum eg_log_level level = severity == EG_WARNING ? EG_LOG_WARNING : EG_LOG_ERROR;
		size_t omitted = eg_errs_omitted(errs, severity);

		eg_vec_foreach (msg, &errs->msgs)
			if (msg->severity == severity)
				eg_log(ctl->log, EG_LOG_CORE, level, "%s", msg->text);
		if (omitted)
			eg_log(ctl->log, EG_LOG_CORE, level, "... and %zu more %s", omitted,
			       eg_severity_name(severity));
	}
}

/* The rest of the build, and then all of it comes into force. 0 or -1. */
static int build_rest(struct reload *reload)
{
	struct eg_ctl *ctl = reload->ctl;
	const struct eg_snap_options options = {
		.before = eg_publisher_read(ctl->publisher),
		.now_ns = eg_mono_ns(),
		.policy_given = true,
		.policy = reload->policy,
	};
	struct eg_snap *snap = eg_snap_build(reload->config, ctl->sas, &options, &reload->errs);

	/* Without a policy it was built for its errors. */
	if (snap && reload->policy_failed) {
		eg_snap_free(snap);
		snap = NULL;
	}
	return snap ? put_in_force(ctl, reload->config, snap, reload->start_ns, &reload->errs) : -1;
}

static int apply(struct reload *reload)
{
	struct eg_ctl *ctl = reload->ctl;
	const struct eg_config *config = reload->config;
	const struct eg_snap_policy *policy = eg_publisher_read(ctl->publisher)->policy;
	bool had_policy = policy, audited = policy && policy->audit;
	struct eg_log log = {0};

	if (open_log(ctl, config, &log, &reload->errs))
		return -1;
	if (build_rest(reload)) {
		eg_log_close(&log);
		return -1;
	}
	eg_kernels_address(ctl->ports, config);
	warn_if_weaker(config, had_policy, audited, &reload->errs);
	apply_log(ctl, config, &log);
	reload->applied(reload->arg, config);
	return 0;
}

static void finish(struct eg_build *base)
{
	struct reload *reload = reload_of(base);
	int err = reload->config ? apply(reload) : -1;

	log_errors(reload->ctl, &reload->errs);
	if (err)
		eg_log(reload->ctl->log, EG_LOG_CORE, EG_LOG_ERROR,
		       "reload refused: the configuration before stays in force");
	/* In its turn after the replaced snapshot, which eg_publish() deferred. */
	eg_rcu_defer(reload->ctl->rcu, &reload->rcu, discard_retired);
}

void eg_ctl_reload(struct eg_ctl *ctl, eg_ctl_applied_fn *applied, void *arg)
{
	struct reload *reload;

	/* First, and whatever the configuration says: logrotate has moved the file away. */
	if (eg_log_reopen(ctl->log))
		eg_log(ctl->log, EG_LOG_CORE, EG_LOG_ERROR,
		       "%s: %s: the log stays in the file that it had", ctl->log->target,
		       strerror(errno));
	reload = calloc(1, sizeof(*reload));
	if (!reload) {
		eg_log(ctl->log, EG_LOG_CORE, EG_LOG_ERROR, "reload refused: out of memory");
		return;
	}
	*reload = (struct reload){
		.build = {.run = build, .finish = finish, .discard = free_reload},
		.ctl = ctl,
		.start_ns = eg_mono_ns(),
		.before = eg_snap_policy_retain(eg_publisher_read(ctl->publisher)->policy),
		.applied = applied,
		.arg = arg,
	};
	if (eg_builder_busy(ctl->builder))
		eg_log(ctl->log, EG_LOG_CORE, EG_LOG_INFO,
		       "reload: the one before is not in force yet, and is superseded");
	eg_builder_submit(ctl->builder, &reload->build);
}
