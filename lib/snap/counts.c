#include <errno.h>
#include <stdlib.h>

#include "snap/policy.h"

#define LINE 64

static _Atomic uint64_t *make_counts(size_t n)
{
	size_t bytes = (n * sizeof(uint64_t) / LINE + 1) * LINE;
	void *counts = aligned_alloc(LINE, bytes);

	return counts ? memset(counts, 0, bytes) : NULL;
}

int eg_snap_policy_add_counts(struct eg_snap_policy *policy, unsigned n_workers)
{
	const struct eg_policy_stats *stats = eg_policy_stats(policy->compiled);

	policy->counts = calloc(n_workers, sizeof(*policy->counts));
	if (!policy->counts)
		return -ENOMEM;
	policy->n_workers = n_workers;
	for (unsigned w = 0; w < n_workers; w++) {
		struct eg_policy_counts *counts = &policy->counts[w];

		counts->allowed = make_counts(stats->n_rules);
		for (int dir = 0; dir < EG_DIRS; dir++)
			counts->denied[dir] = make_counts(stats->n_groups[dir]);
		if (!counts->allowed || !counts->denied[EG_INGRESS] || !counts->denied[EG_EGRESS])
			return -ENOMEM;
	}
	return 0;
}

static int make_totals(const struct eg_snap_policy *policy, struct eg_policy_totals *totals)
{
	size_t n_rules = eg_policy_stats(policy->compiled)->n_rules;

	totals->allowed = calloc(n_rules + 1, sizeof(*totals->allowed));
	for (int dir = 0; dir < EG_DIRS; dir++)
		totals->denied[dir] =
			calloc(policy->cluster.policies.n + 1, sizeof(*totals->denied[dir]));
	return totals->allowed && totals->denied[EG_INGRESS] && totals->denied[EG_EGRESS] ? 0
											  : -ENOMEM;
}

void eg_policy_totals_free(struct eg_policy_totals *totals)
{
	free(totals->allowed);
	for (int dir = 0; dir < EG_DIRS; dir++)
		free(totals->denied[dir]);
	*totals = (struct eg_policy_totals){0};
}

static uint64_t sum_allowed(const struct eg_snap_policy *policy, size_t rule)
{
	uint64_t sum = policy->carried.allowed ? policy->carried.allowed[rule] : 0;

	for (unsigned w = 0; w < policy->n_workers; w++)
		sum += atomic_load_explicit(&policy->counts[w].allowed[rule], memory_order_relaxed);
	return sum;
}

/* Every policy that isolates the group has its share in a denial. */
static void sum_denied(const struct eg_snap_policy *policy, enum eg_dir dir, uint64_t *denied)
{
	for (uint32_t g = 0; g < eg_policy_stats(policy->compiled)->n_groups[dir]; g++) {
		const uint32_t *isolating;
		uint64_t sum = 0;
		size_t n;

		for (unsigned w = 0; w < policy->n_workers; w++)
			sum += atomic_load_explicit(&policy->counts[w].denied[dir][g],
						    memory_order_relaxed);
		if (!sum)
			continue;
		isolating = eg_policy_group_policies(policy->compiled, g, dir, &n);
		for (size_t i = 0; i < n; i++)
			denied[isolating[i]] += sum;
	}
}

/* Of this policy and those folded into it. */
static void sum(const struct eg_snap_policy *policy, struct eg_policy_totals *totals)
{
	for (size_t r = 0; r < eg_policy_stats(policy->compiled)->n_rules; r++)
		totals->allowed[r] = sum_allowed(policy, r);
	for (int dir = 0; dir < EG_DIRS; dir++) {
		for (size_t p = 0; policy->carried.denied[dir] && p < policy->cluster.policies.n;
		     p++)
			totals->denied[dir][p] = policy->carried.denied[dir][p];
		sum_denied(policy, (enum eg_dir)dir, totals->denied[dir]);
	}
}

/* What identifies a policy across reloads. */
struct identity {
	const char *ns, *name; /* borrowed from the cluster */
	uint32_t index;
};

static int compare_names(const struct identity *a, const struct identity *b)
{
	int c = strcmp(a->ns, b->ns);

	return c ? c : strcmp(a->name, b->name);
}

static int compare_identities(const void *va, const void *vb)
{
	return compare_names(va, vb);
}

static struct identity *sorted_identities(const struct eg_cluster *cluster)
{
	struct identity *ids = calloc(cluster->policies.n + 1, sizeof(*ids));

	for (uint32_t p = 0; ids && p < cluster->policies.n; p++) {
		const struct eg_netpol *policy = &cluster->policies.v[p];

		ids[p] = (struct identity){
			eg_sym_text(&cluster->syms, cluster->namespaces.v[policy->ns].name),
			eg_sym_text(&cluster->syms, policy->name), p};
	}
	if (ids)
		qsort(ids, cluster->policies.n, sizeof(*ids), compare_identities);
	return ids;
}

/* For each policy of `from` its index in `to`, or EG_NONE. NULL if out of memory. */
static uint32_t *find_successors(const struct eg_cluster *to, const struct eg_cluster *from)
{
	struct identity *olds = sorted_identities(from), *news = sorted_identities(to);
	uint32_t *successors = calloc(from->policies.n + 1, sizeof(*successors));

	for (size_t i = 0, k = 0; olds && news && successors && i < from->policies.n; i++) {
		while (k < to->policies.n && compare_names(&news[k], &olds[i]) < 0)
			k++;
		successors[olds[i].index] = k < to->policies.n && !compare_names(&news[k], &olds[i])
						    ? news[k].index
						    : EG_NONE;
	}
	if (!olds || !news) {
		free(successors);
		successors = NULL;
	}
	free(olds);
	free(news);
	return successors;
}

/* Rules are sorted by policy, direction and place. */
static void add_allowed(struct eg_policy_totals *out, const struct eg_snap_policy *to,
			const uint64_t *allowed)
{
	const struct eg_snap_policy *from = to->before;
	size_t n_old = eg_policy_stats(from->compiled)->n_rules;

	for (uint32_t r = 0; r < n_old; r++) {
		const struct eg_rule_ref *old = eg_policy_rule(from->compiled, EG_POLICY_RULE + r);
		uint32_t policy = to->successors[old->policy];
		uint32_t rule = policy == EG_NONE ? EG_NONE
						  : eg_policy_rule_number(to->compiled, policy,
									  old->dir, old->rule);

		if (rule != EG_NONE)
			out->allowed[rule] += allowed[r];
	}
}

/* What the policy before counted, by the rules and policies of this one. 0 or -ENOMEM. */
static int add_before(struct eg_policy_totals *out, const struct eg_snap_policy *to)
{
	const struct eg_snap_policy *from = to->before;
	struct eg_policy_totals totals;
	int err = eg_snap_policy_totals(from, &totals);

	if (!err)
		add_allowed(out, to, totals.allowed);
	for (uint32_t p = 0; !err && p < from->cluster.policies.n; p++)
		for (int dir = 0; to->successors[p] != EG_NONE && dir < EG_DIRS; dir++)
			out->denied[dir][to->successors[p]] += totals.denied[dir][p];
	eg_policy_totals_free(&totals);
	return err;
}

int eg_snap_policy_totals(const struct eg_snap_policy *policy, struct eg_policy_totals *totals)
{
	*totals = (struct eg_policy_totals){0};
	if (make_totals(policy, totals))
		return -ENOMEM;
	sum(policy, totals);
	return policy->before ? add_before(totals, policy) : 0;
}

static void forget_before(struct eg_snap_policy *policy)
{
	eg_snap_policy_release(policy->before);
	policy->before = NULL;
	free(policy->successors);
	policy->successors = NULL;
}

void eg_snap_policy_follow(struct eg_snap_policy *to, struct eg_snap_policy *from)
{
	if (to->before == from)
		return;
	forget_before(to);
	to->successors = find_successors(&to->cluster, &from->cluster);
	if (to->successors)
		to->before = eg_snap_policy_retain(from);
}

void eg_snap_policy_fold(struct eg_snap_policy *to, const struct eg_snap_policy *from)
{
	if (!to->before || to->before != from)
		return;
	if (to->carried.allowed || !make_totals(to, &to->carried))
		add_before(&to->carried, to);
	else
		eg_policy_totals_free(&to->carried);
	forget_before(to);
}
