#include "ctl/reload.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "conf/restart_keys.h"
#include "port/kernel.h"

/* A reload on its way through the builder thread. */
struct eg_reload {
	struct eg_build build;
	struct eg_rcu_node rcu;
	struct eg_ctl *ctl;
	uint64_t start_ns;             /* monotonic */
	struct eg_snap_policy *before; /* a reference to the policy in force when it began: the last
					* one, if this reload replaces it */
	struct eg_config *config;      /* NULL: refused */
	struct eg_candidate *candidate; /* NULL: refused, or taken over by `apply` */
	struct eg_apply *apply;
	bool had_policy, audited; /* before */
	struct eg_log log;        /* that it opened */
	struct eg_errs errs;
	struct eg_changes changes;
	uint64_t number;
	eg_ctl_applied_fn *applied;
	void *arg;
};

/* What an operator wants to read in the log after a load. */
static void report_load(struct eg_ctl *ctl, uint64_t took_ns)
{
	const struct eg_snap *snap = eg_publisher_read(ctl->publisher);
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
	       "configuration %lu in force after %.1f ms: %u peers, %u SAs; %s",
	       (unsigned long)snap->generation, (double)took_ns / 1e6, ctl->reload.installed.n_ids,
	       ctl->tunnels->n_sas, text.v ? text.v : "");
	eg_buf_free(&text);
}

/* How long the builder thread waits for a disk. */
#define RESERVE_WAIT_NS (10 * EG_NS_PER_S)

static enum eg_snap_tolerance tolerance(const struct eg_snap_policy *before)
{
	return before ? EG_QUARANTINE_ALL : EG_QUARANTINE_COSTLY;
}

/* Build everything that can be built while another configuration is in force, and reserve the first
 * sequence numbers of new SAs. NULL with the reasons in errs. Builder thread, or at the start. */
static struct eg_candidate *build_candidate(struct eg_ctl *ctl, const struct eg_config *config,
					    struct eg_snap_policy *before,
					    const struct eg_builder *builder, struct eg_errs *errs)
{
	uint64_t wait_ns = builder ? RESERVE_WAIT_NS : UINT64_MAX;
	const struct eg_candidate_options options = {
		.prove_ns = EG_PROVE_BUDGET_NS,
		.before = before,
		.tolerance = tolerance(before),
	};
	struct eg_candidate *candidate = eg_candidate_build(config, ctl->sas, &options, errs);
	int err;

	if (!candidate)
		return NULL;
	if (builder && eg_builder_superseded(builder)) {
		eg_candidate_free(candidate);
		return NULL;
	}
	err = eg_sa_store_reserve(ctl->sas, &(struct eg_now){eg_wall_ns(), eg_mono_ns()}, wait_ns);
	if (!err)
		return candidate;
	eg_error(errs, &config->state_dir_pos, "state_dir", "%s: %s", config->state_dir,
		 strerror(-err));
	eg_candidate_free(candidate);
	return NULL;
}

/* It is in force. */
static void conclude(struct eg_ctl *ctl, const struct eg_config *config, uint64_t start_ns,
		     struct eg_errs *errs)
{
	if (eg_sa_store_swappable(ctl->sas))
		eg_warning(errs, NULL, "keys",
			   "their memory cannot be locked, so they may be swapped out: raise "
			   "RLIMIT_MEMLOCK (systemd: LimitMEMLOCK=infinity), or turn swap off");
	ctl->reload.since_ns = eg_wall_ns();
	eg_flow_limit_source(ctl->flows, config->policy.max_connections_per_source);
	report_load(ctl, eg_mono_ns() - start_ns);
}

/* The build of a start. */
struct first {
	struct eg_ctl *ctl;
	const struct eg_config *config;
	struct eg_errs *errs;
	struct eg_candidate *candidate;
};

static void *build_first(void *arg)
{
	struct first *first = arg;

	first->candidate = build_candidate(first->ctl, first->config, NULL, NULL, first->errs);
	return NULL;
}

int eg_ctl_load(struct eg_ctl *ctl, const struct eg_config *config, struct eg_errs *errs)
{
	uint64_t start_ns = eg_mono_ns();
	struct first first = {ctl, config, errs, NULL};
	struct eg_candidate *candidate;
	pthread_t thread;

	/* In a thread of its own, although this one waits for it: a large cluster must not lie in
	 * the arena from which the control thread allocates (ctl/builder.c). */
	if (pthread_create(&thread, NULL, build_first, &first))
		build_first(&first);
	else
		pthread_join(thread, NULL);
	candidate = first.candidate;

	ctl->reload.installed.tunnels = ctl->tunnels;
	ctl->reload.installed.publisher = ctl->publisher;
	if (!candidate || eg_apply_all(&ctl->reload.installed, candidate, start_ns, errs))
		return -1;
	conclude(ctl, config, start_ns, errs);
	return 0;
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

static struct eg_reload *reload_of(struct eg_build *build)
{
	return (struct eg_reload *)((char *)build - offsetof(struct eg_reload, build));
}

static void free_reload(struct eg_build *build)
{
	struct eg_reload *reload = reload_of(build);

	eg_apply_free(reload->apply);
	eg_candidate_free(reload->candidate);
	eg_snap_policy_release(reload->before);
	eg_log_close(&reload->log);
	eg_errs_free(&reload->errs);
	eg_changes_free(&reload->changes);
	eg_config_free(reload->config);
	free(reload);
}

/* No worker sees what the reload replaced, and its snapshot is freed. Policy and configuration of a
 * large cluster take long to free: the builder thread does that. */
static void discard_retired(struct eg_rcu_node *node)
{
	struct eg_reload *reload = eg_rcu_container(node, struct eg_reload, rcu);

	if (reload->ctl->builder)
		eg_builder_discard(reload->ctl->builder, &reload->build);
	else
		free_reload(&reload->build);
}

/* Builder thread. */
static void build(struct eg_build *base, struct eg_builder *builder)
{
	struct eg_reload *reload = reload_of(base);
	const struct eg_config *running = reload->ctl->config;

	reload->config = eg_config_load(running->file, &reload->errs);
	if (reload->config &&
	    eg_config_retain_restart_keys(reload->config, running, &reload->errs)) {
		eg_config_free(reload->config);
		reload->config = NULL;
	}
	if (reload->config && !eg_builder_superseded(builder))
		reload->candidate = build_candidate(reload->ctl, reload->config, reload->before,
						    builder, &reload->errs);
	if (reload->candidate) {
		const struct eg_snap_policy *now = reload->candidate->snap->policy;

		eg_changes_policy(&reload->changes,
				  reload->before ? &reload->before->cluster : NULL,
				  now ? &now->cluster : NULL);
	}
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

/* The replaced snapshot, which eg_publish() deferred, is freed before. */
static void end(struct eg_reload *reload, bool refused)
{
	struct eg_ctl *ctl = reload->ctl;

	log_errors(ctl, &reload->errs);
	if (refused) {
		eg_log(ctl->log, EG_LOG_CORE, EG_LOG_ERROR,
		       "reload refused: the configuration before stays in force");
		ctl->reload.refused++;
		ctl->reload.refused_ns = eg_wall_ns();
	} else {
		ctl->reload.in_force++;
	}
	if (ctl->reload.reloaded)
		ctl->reload.reloaded(
			ctl->reload.reloaded_arg,
			&(struct eg_reload_result){
				.number = reload->number,
				.refused = refused,
				.generation = eg_publisher_read(ctl->publisher)->generation,
				.took_ns = eg_mono_ns() - reload->start_ns,
				.errs = &reload->errs,
				.changes = &reload->changes,
			});
	eg_rcu_defer(ctl->rcu, &reload->rcu, discard_retired);
}

static void start(struct eg_reload *reload);

/* The one that is being applied has ended: the next one may start. */
static void next(struct eg_ctl *ctl)
{
	struct eg_reload *reload = ctl->reload.next;

	ctl->reload.applying = NULL;
	ctl->reload.next = NULL;
	if (reload)
		start(reload);
}

static void succeed(struct eg_reload *reload)
{
	struct eg_ctl *ctl = reload->ctl;

	conclude(ctl, reload->config, reload->start_ns, &reload->errs);
	eg_kernels_address(ctl->ports, reload->config);
	warn_if_weaker(reload->config, reload->had_policy, reload->audited, &reload->errs);
	apply_log(ctl, reload->config, &reload->log);
	reload->log = (struct eg_log){0};
	reload->applied(reload->arg, reload->config);
}

/* A slice. False: it has ended. */
static bool step(void *arg)
{
	struct eg_reload *reload = arg;
	struct eg_ctl *ctl = reload->ctl;
	enum eg_apply_state state = eg_apply_step(reload->apply, eg_mono_ns(), &reload->errs);

	if (state == EG_APPLY_MORE)
		return true;
	if (state == EG_APPLY_DONE)
		succeed(reload);
	end(reload, state == EG_APPLY_REFUSED);
	next(ctl);
	return false;
}

/* Apply what was built, as a job of the loop. */
static void start(struct eg_reload *reload)
{
	struct eg_ctl *ctl = reload->ctl;
	const struct eg_snap_policy *policy = eg_publisher_read(ctl->publisher)->policy;

	reload->had_policy = policy;
	reload->audited = policy && policy->audit;
	if (reload->candidate && !open_log(ctl, reload->config, &reload->log, &reload->errs)) {
		reload->apply = eg_apply_new(&ctl->reload.installed, reload->candidate);
		if (reload->apply) {
			reload->candidate = NULL;
			eg_apply_count(reload->apply, &reload->changes);
		} else {
			eg_error(&reload->errs, NULL, NULL, "out of memory");
		}
	}
	if (reload->apply && eg_loop_add_job(ctl->loop, "reload", step, reload)) {
		ctl->reload.applying = reload;
		return;
	}
	end(reload, true);
}

/* Built. Only one is applied at a time; of those that wait for it the newest counts. */
static void finish(struct eg_build *base)
{
	struct eg_reload *reload = reload_of(base);
	struct eg_ctl *ctl = reload->ctl;

	if (!ctl->reload.applying) {
		start(reload);
		return;
	}
	if (ctl->reload.next)
		eg_builder_discard(ctl->builder, &ctl->reload.next->build);
	ctl->reload.next = reload;
}

void eg_ctl_finish_reload(struct eg_ctl *ctl)
{
	struct eg_reload *next_one = ctl->reload.next;

	ctl->reload.next = NULL;
	if (next_one)
		free_reload(&next_one->build);
	while (ctl->reload.applying)
		step(ctl->reload.applying);
}

uint64_t eg_ctl_reload(struct eg_ctl *ctl, eg_ctl_applied_fn *applied, void *arg)
{
	struct eg_reload *reload;

	/* First, and whatever the configuration says: logrotate has moved the file away. */
	if (eg_log_reopen(ctl->log))
		eg_log(ctl->log, EG_LOG_CORE, EG_LOG_ERROR,
		       "%s: %s: the log stays in the file that it had", ctl->log->target,
		       strerror(errno));
	reload = calloc(1, sizeof(*reload));
	if (!reload) {
		eg_log(ctl->log, EG_LOG_CORE, EG_LOG_ERROR, "reload refused: out of memory");
		return 0;
	}
	*reload = (struct eg_reload){
		.build = {.run = build, .finish = finish, .discard = free_reload},
		.ctl = ctl,
		.start_ns = eg_mono_ns(),
		.before = eg_snap_policy_retain(eg_publisher_read(ctl->publisher)->policy),
		.number = ++ctl->reload.submitted,
		.applied = applied,
		.arg = arg,
	};
	if (eg_builder_busy(ctl->builder))
		eg_log(ctl->log, EG_LOG_CORE, EG_LOG_INFO,
		       "reload: the one before is not in force yet, and is superseded");
	eg_builder_submit(ctl->builder, &reload->build);
	return ctl->reload.submitted;
}
