#include <errno.h>

#include "policy/budget.h"
#include "policy/compiled.h"

/* Intermediate state, freed at the end. */
struct work {
	const struct eg_cluster *cluster;
	struct eg_policy *policy;
	struct eg_rules rules;
	struct eg_pod_classes pod_classes;
	struct eg_address_classes classes;
	struct eg_isolation_groups groups[EG_DIRS];
	struct eg_port_maps port_maps;
	struct eg_region_rules region_rules;
	struct eg_meter meter;
	uint64_t *weights; /* per policy */
	bool *named;       /* rule i names a port */
};

static int find_named(struct work *w)
{
	w->named = calloc(w->rules.refs.n + 1, sizeof(*w->named));
	for (size_t r = 0; w->named && r < w->rules.refs.n; r++)
		eg_vec_foreach (port, &eg_rule_of(w->cluster, &w->rules.refs.v[r])->ports)
			w->named[r] |= port->kind == EG_PORT_NAMED;
	return w->named ? 0 : -ENOMEM;
}

static int build_tables(struct work *w)
{
	for (int dir = 0; dir < EG_DIRS; dir++) {
		struct eg_table_input in = {
			.cluster = w->cluster,
			.rules = &w->rules,
			.pod_classes = &w->pod_classes,
			.classes = &w->classes,
			.groups = &w->groups[dir],
			.region_rules = &w->region_rules,
			.meter = &w->meter,
			.weights = w->weights,
			.named = w->named,
			.dir = (enum eg_dir)dir,
		};
		int err = eg_isolation_groups_build(&w->groups[dir], w->cluster, &w->rules,
						    &w->pod_classes, in.dir, w->named, &w->meter);

		if (!err)
			err = eg_table_build(&w->policy->tables[dir], &in, &w->port_maps);
		if (err)
			return err;
	}
	return 0;
}

static int take_classes(struct work *w)
{
	struct eg_policy *policy = w->policy;

	policy->classes = calloc(w->classes.v.n, sizeof(*policy->classes));
	if (!policy->classes)
		return -ENOMEM;
	for (size_t c = 0; c < w->classes.v.n; c++) {
		const struct eg_address_class *class = &w->classes.v.v[c];
		struct eg_class_info *info = &policy->classes[c];

		info->node = class->node;
		info->shared = class->shared;
		info->pod = class->signature != EG_NONE;
		for (int dir = 0; info->pod && dir < EG_DIRS; dir++)
			info->group[dir] = w->groups[dir].of_signature.v[class->signature];
	}
	return 0;
}

/* Move everything that lookups need into the policy. */
static int take_results(struct work *w)
{
	struct eg_policy *policy = w->policy;
	int err = take_classes(w);

	if (err)
		return err;
	policy->unknown = w->classes.unknown;
	policy->lpm = w->classes.lpm;
	w->classes.lpm = NULL;
	policy->of_owner = w->classes.of_owner.v;
	w->classes.of_owner = (struct eg_words){0};
	policy->port_maps = w->port_maps.maps.words.v;
	w->port_maps.maps.words.v = NULL;
	policy->rules = w->rules.refs.v;
	w->rules.refs.v = NULL;
	for (int dir = 0; dir < EG_DIRS; dir++) {
		policy->isolating[dir] = w->groups[dir].lists;
		w->groups[dir].lists = (struct eg_intern){0};
	}
	return 0;
}

static size_t table_bytes(const struct eg_table *table)
{
	return (table->n_rows * table->row_pages + table->n_pages * EG_PAGE_CELLS) *
	       sizeof(uint32_t);
}

static void fill_stats(struct work *w)
{
	struct eg_policy_stats *stats = &w->policy->stats;

	stats->n_classes = w->classes.v.n;
	stats->n_rules = w->rules.refs.n;
	stats->n_matchers = w->rules.matchers.n;
	stats->n_blocks = w->rules.blocks.n;
	stats->n_port_maps = eg_intern_count(&w->port_maps.maps);
	stats->bytes = sizeof(*w->policy) + eg_lpm_bytes(w->policy->lpm) +
		       stats->n_classes * sizeof(struct eg_class_info) +
		       stats->n_rules * sizeof(struct eg_rule_ref) +
		       w->port_maps.maps.words.n * sizeof(uint32_t);
	for (int dir = 0; dir < EG_DIRS; dir++) {
		stats->n_groups[dir] = eg_intern_count(&w->policy->isolating[dir]);
		stats->bytes += table_bytes(&w->policy->tables[dir]) +
				w->policy->isolating[dir].words.n * sizeof(uint32_t);
	}
}

static int build(struct work *w)
{
	int err = eg_rules_collect(&w->rules, w->cluster);

	if (!err)
		err = find_named(w);
	if (!err)
		err = eg_pod_classes_build(&w->pod_classes, w->cluster, &w->rules, &w->meter);
	if (!err)
		err = eg_address_classes_build(&w->classes, w->cluster, &w->rules, &w->pod_classes);
	if (!err)
		err = eg_region_rules_init(&w->region_rules, w->cluster, &w->rules,
					   &w->classes.regions);
	if (!err)
		err = build_tables(w);
	if (!err)
		err = take_results(w);
	if (!err)
		fill_stats(w);
	return err;
}

static void free_work(struct work *w)
{
	eg_port_maps_free(&w->port_maps);
	for (int dir = 0; dir < EG_DIRS; dir++)
		eg_isolation_groups_free(&w->groups[dir]);
	eg_region_rules_free(&w->region_rules);
	eg_address_classes_free(&w->classes);
	eg_pod_classes_free(&w->pod_classes);
	eg_rules_free(&w->rules);
	free(w->named);
	free(w->weights);
	free(w->meter.by_policy);
}

/* Choose the policies to quarantine so that the rest can be compiled. */
static int find_excess(const struct work *w, bool work, uint64_t each_max, uint64_t total_max,
		       struct eg_policy_excess *excess)
{
	if (!excess)
		return 0;
	excess->work = work;
	excess->each_max = each_max;
	excess->total_max = total_max;
	return eg_budget_excess(w->cluster, work ? w->meter.by_policy : w->weights, each_max,
				total_max, &excess->policies);
}

/* Check the rules against max_rules; *excess lists the policies over the limit. */
static int weigh(struct work *w, size_t max, struct eg_policy_excess *excess, struct eg_errs *errs)
{
	uint64_t sum, each_max = excess ? max / EG_BUDGET_SHARE : max;
	bool fits;

	if (eg_budget_weigh(w->cluster, w->weights))
		return -ENOMEM;
	sum = eg_budget_sum(w->cluster, w->weights);
	fits = sum <= max;
	w->policy->stats.n_rule_pairs = sum;
	for (size_t p = 0; p < w->cluster->policies.n; p++)
		fits = fits && w->weights[p] <= each_max;
	if (fits)
		return 0;
	if (!excess)
		eg_error(errs, NULL, NULL,
			 "the network policies contain %zu pairs of peer and port entries, more "
			 "than policy.max_rules (%zu)",
			 (size_t)sum, max);
	return find_excess(w, false, each_max, max, excess) ? -ENOMEM : -EFBIG;
}

static int prepare(struct work *w, const struct eg_policy_options *options)
{
	size_t n = w->cluster->policies.n + 1;

	w->policy = calloc(1, sizeof(*w->policy));
	w->weights = calloc(n, sizeof(*w->weights));
	w->meter.by_policy = calloc(n, sizeof(*w->meter.by_policy));
	w->meter.total_max = options->max_work ? options->max_work : EG_METER_TOTAL_MAX;
	w->meter.policy_max = w->meter.total_max / 4;
	if (!w->policy || !w->weights || !w->meter.by_policy)
		return -ENOMEM;
	w->policy->cluster = w->cluster;
	return 0;
}

struct eg_policy *eg_policy_compile_within(const struct eg_cluster *cluster,
					   const struct eg_policy_options *options,
					   struct eg_policy_excess *excess, struct eg_errs *errs)
{
	size_t max = options->max_rules ? options->max_rules : EG_POLICY_RULES_DEFAULT;
	struct work w = {.cluster = cluster};
	int err = prepare(&w, options);

	if (!err)
		err = weigh(&w, max, excess, errs);
	if (!err)
		err = build(&w);
	if (!err)
		w.policy->stats.work = w.meter.total;
	if (err == -E2BIG && find_excess(&w, true, w.meter.policy_max, w.meter.total_max, excess))
		err = -ENOMEM;
	free_work(&w);
	if (!err)
		return w.policy;
	eg_policy_free(w.policy);
	if (err == -E2BIG && !excess)
		eg_error(errs, NULL, NULL,
			 "the network policies select so many different sets of pods that their "
			 "tables would be too large");
	else if (err == -ENOMEM)
		eg_error(errs, NULL, NULL, "out of memory while compiling the network policies");
	return NULL;
}

struct eg_policy *eg_policy_compile(const struct eg_cluster *cluster,
				    const struct eg_policy_options *options, struct eg_errs *errs)
{
	return eg_policy_compile_within(cluster, options, NULL, errs);
}

void eg_policy_free(struct eg_policy *policy)
{
	if (!policy)
		return;
	for (int dir = 0; dir < EG_DIRS; dir++) {
		eg_table_free(&policy->tables[dir]);
		eg_intern_free(&policy->isolating[dir]);
	}
	eg_lpm_free(policy->lpm);
	free(policy->classes);
	free(policy->of_owner);
	free(policy->port_maps);
	free(policy->rules);
	free(policy);
}
