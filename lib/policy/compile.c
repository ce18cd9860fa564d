#include <errno.h>

#include "policy/compiled.h"

/* What is needed on the way and thrown away at its end. */
struct work {
	const struct eg_world *world;
	struct eg_policy *policy;
	struct eg_rules rules;
	struct eg_kinds kinds;
	struct eg_classes classes;
	struct eg_groups groups[EG_DIRS];
	struct eg_programs programs;
	bool *named; /* rule i names a port */
};

static int find_named(struct work *w)
{
	w->named = calloc(w->rules.refs.n + 1, sizeof(*w->named));
	for (size_t r = 0; w->named && r < w->rules.refs.n; r++)
		eg_vec_foreach (port, &eg_rule_of(w->world, &w->rules.refs.v[r])->ports)
			w->named[r] |= port->kind == EG_PORT_NAMED;
	return w->named ? 0 : -ENOMEM;
}

static int build_tables(struct work *w)
{
	for (int dir = 0; dir < EG_DIRS; dir++) {
		struct eg_table_input in = {w->world,        &w->rules,       &w->kinds,
					    &w->classes,     &w->groups[dir], w->named,
					    (enum eg_dir)dir};
		int err = eg_groups_build(&w->groups[dir], w->world, &w->rules, &w->kinds, in.dir,
					  w->named);

		if (!err)
			err = eg_table_build(&w->policy->tables[dir], &in, &w->programs);
		if (err)
			return err;
	}
	return 0;
}

static int keep_classes(struct work *w)
{
	struct eg_policy *policy = w->policy;

	policy->classes = calloc(w->classes.v.n, sizeof(*policy->classes));
	if (!policy->classes)
		return -ENOMEM;
	for (size_t c = 0; c < w->classes.v.n; c++) {
		const struct eg_class *class = &w->classes.v.v[c];
		struct eg_class_facts *facts = &policy->classes[c];

		facts->node = class->node;
		facts->shared = class->shared;
		facts->pod = class->signature != EG_NONE;
		for (int dir = 0; facts->pod && dir < EG_DIRS; dir++)
			facts->group[dir] = w->groups[dir].of_signature.v[class->signature];
	}
	return 0;
}

/* Take over what lookups need. */
static int keep(struct work *w)
{
	struct eg_policy *policy = w->policy;
	int err = keep_classes(w);

	if (err)
		return err;
	policy->unknown = w->classes.unknown;
	policy->lpm = w->classes.lpm;
	w->classes.lpm = NULL;
	policy->of_owner = w->classes.of_owner.v;
	w->classes.of_owner = (struct eg_words){0};
	policy->programs = w->programs.code.words.v;
	w->programs.code.words.v = NULL;
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

static void count(struct work *w)
{
	struct eg_policy_stats *stats = &w->policy->stats;

	stats->n_classes = w->classes.v.n;
	stats->n_rules = w->rules.refs.n;
	stats->n_matchers = w->rules.matchers.n;
	stats->n_blocks = w->rules.blocks.n;
	stats->n_programs = eg_intern_count(&w->programs.code);
	stats->bytes = sizeof(*w->policy) + eg_lpm_bytes(w->policy->lpm) +
		       stats->n_classes * sizeof(struct eg_class_facts) +
		       stats->n_rules * sizeof(struct eg_rule_ref) +
		       w->programs.code.words.n * sizeof(uint32_t);
	for (int dir = 0; dir < EG_DIRS; dir++) {
		stats->n_groups[dir] = eg_intern_count(&w->policy->isolating[dir]);
		stats->bytes += table_bytes(&w->policy->tables[dir]) +
				w->policy->isolating[dir].words.n * sizeof(uint32_t);
	}
}

static int build(struct work *w)
{
	int err = eg_rules_collect(&w->rules, w->world);

	if (!err)
		err = find_named(w);
	if (!err)
		err = eg_kinds_build(&w->kinds, w->world, &w->rules);
	if (!err)
		err = eg_classes_build(&w->classes, w->world, &w->rules, &w->kinds);
	if (!err)
		err = build_tables(w);
	if (!err)
		err = keep(w);
	if (!err)
		count(w);
	return err;
}

static void clean(struct work *w)
{
	eg_programs_free(&w->programs);
	for (int dir = 0; dir < EG_DIRS; dir++)
		eg_groups_free(&w->groups[dir]);
	eg_classes_free(&w->classes);
	eg_kinds_free(&w->kinds);
	eg_rules_free(&w->rules);
	free(w->named);
}

struct eg_policy *eg_policy_compile(const struct eg_world *world,
				    const struct eg_policy_options *options, struct eg_errs *errs)
{
	size_t max = options->max_rules ? options->max_rules : EG_POLICY_RULES_DEFAULT;
	size_t weight = eg_rules_weight(world);
	struct work w = {.world = world};
	int err;

	if (weight > max) {
		eg_error(errs, NULL, NULL,
			 "the network policies hold %zu pairs of peer and port entries, more than "
			 "policy.max_rules allows (%zu)",
			 weight, max);
		return NULL;
	}
	w.policy = calloc(1, sizeof(*w.policy));
	err = w.policy ? 0 : -ENOMEM;
	if (!err) {
		w.policy->world = world;
		w.policy->stats.n_rule_pairs = weight;
		err = build(&w);
	}
	clean(&w);
	if (!err)
		return w.policy;
	eg_policy_free(w.policy);
	if (err == -E2BIG)
		eg_error(errs, NULL, NULL,
			 "the network policies choose so many different sets of pods that their "
			 "tables would pass %zu MiB",
			 EG_POLICY_TABLE_BYTES_MAX >> 20);
	else
		eg_error(errs, NULL, NULL, "not enough memory to compile the network policies");
	return NULL;
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
	free(policy->programs);
	free(policy->rules);
	free(policy);
}
