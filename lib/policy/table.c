#include "policy/table.h"

#include <errno.h>

#define NO_RULE UINT32_MAX

/* A set of rules of one row that match some classes, as a node of a tree: the parent's rules and
 * one more. Set 0 is empty; its siblings at the root are the lists of rules that match by
 * ipBlock. */
struct set {
	uint32_t parent, rule;
	uint32_t list;       /* list of in->region_rules, if rule is NO_RULE */
	uint32_t with, next; /* adding rule `with` to this set gives set `next` */
	uint32_t cell;
	bool named; /* some rule names a port: the cell depends on the destination */
	bool has_cell;
};

struct row {
	const struct eg_table_input *in;
	struct eg_port_maps *port_maps;
	EG_VEC(struct set) sets;
	struct eg_words set_of_list; /* set of in->region_rules list i */
	uint32_t charged;            /* policy charged for this row */
	uint32_t *seen;              /* last scan that saw port set i */
	uint32_t scans;
	uint32_t *set_of;     /* set of class i */
	bool *touched;        /* page i has a class outside set 0 */
	struct eg_words base; /* rules without peers: part of all sets */
	struct eg_words key;  /* scratch */
	bool base_named;
	uint32_t profile; /* of the group */
	struct eg_intern pages;
	struct eg_words pages_of_rows;
};

static int add_set(struct row *row, uint32_t parent, uint32_t rule, bool named)
{
	struct set *set = eg_vec_add(&row->sets);

	if (!set)
		return -ENOMEM;
	*set = (struct set){.parent = parent, .rule = rule, .with = NO_RULE, .named = named};
	return 0;
}

/* Add `rule` to the sets of the classes. */
static int add_rule_to_classes(struct row *row, uint32_t rule, const uint32_t *classes, size_t n)
{
	if (eg_meter_charge(row->in->meter, row->charged, n))
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		uint32_t *at = &row->set_of[classes[i]];
		struct set *set = &row->sets.v[*at];

		if (set->rule == rule) /* matched by another peer of the same rule */
			continue;
		if (set->with != rule) {
			bool named = set->named || row->in->named[rule];

			set->with = rule;
			set->next = (uint32_t)row->sets.n;
			if (add_set(row, *at, rule, named))
				return -ENOMEM;
			set = &row->sets.v[*at];
		}
		*at = set->next;
		row->touched[classes[i] >> EG_PAGE_BITS] = true;
	}
	return 0;
}

/* Apply a rule that selects pods or has no peers. Blocks have been applied before. */
static int apply_rule(struct row *row, uint32_t rule)
{
	size_t n_peers, n;
	const uint32_t *peers = eg_rules_peers(row->in->rules, rule, &n_peers);
	int err = 0;

	if (!n_peers) {
		row->base_named |= row->in->named[rule];
		return eg_words_add(&row->base, rule);
	}
	for (size_t i = 0; !err && i < n_peers; i++) {
		const uint32_t *list;

		if (peers[i] & EG_PEER_BLOCK)
			continue;
		list = eg_class_list(&row->in->classes->of_matcher, peers[i], &n);
		err = add_rule_to_classes(row, rule, list, n);
	}
	return err;
}

static int collect_blocks(struct row *row, uint32_t rule)
{
	size_t n_peers;
	const uint32_t *peers = eg_rules_peers(row->in->rules, rule, &n_peers);

	for (size_t i = 0; i < n_peers; i++)
		if (peers[i] & EG_PEER_BLOCK &&
		    eg_region_rules_add(row->in->region_rules, peers[i] & ~EG_PEER_BLOCK, rule))
			return -ENOMEM;
	return 0;
}

/* Add a set for every list of rules that match by block; the empty list 0 is set 0. */
static int add_lists(struct row *row)
{
	const struct eg_region_rules *region_rules = row->in->region_rules;

	row->set_of_list.n = 0;
	if (eg_words_add(&row->set_of_list, 0))
		return -ENOMEM;
	for (uint32_t l = 1; l < eg_intern_count(&region_rules->lists); l++) {
		bool named = false;
		size_t n;
		const uint32_t *rules = eg_intern_get(&region_rules->lists, l, &n);

		for (size_t i = 0; i < n; i++)
			named |= row->in->named[rules[i]];
		if (eg_words_add(&row->set_of_list, (uint32_t)row->sets.n) ||
		    add_set(row, 0, NO_RULE, named))
			return -ENOMEM;
		row->sets.v[row->sets.n - 1].list = l;
	}
	return 0;
}

/* Start each class with the rules that match by block. */
static int apply_blocks(struct row *row)
{
	const struct eg_address_classes *classes = row->in->classes;
	struct eg_region_rules *region_rules = row->in->region_rules;
	int err;

	if (!region_rules->uses.n)
		return 0;
	err = eg_region_rules_find(region_rules, row->in->meter, row->charged);
	if (!err)
		err = add_lists(row);
	for (uint32_t c = 0; !err && c < classes->v.n; c++) {
		uint32_t region = classes->regions.region_of_set.v[classes->v.v[c].blocks];
		uint32_t list = region == EG_NONE ? 0 : region_rules->list_of.v[region];

		row->set_of[c] = row->set_of_list.v[list];
		row->touched[c >> EG_PAGE_BITS] |= list != 0;
	}
	return err;
}

/* Port names are the destination's: for egress those of the other endpoint, for ingress those of
 * the group. */
static uint32_t profile_at(const struct row *row, uint32_t class_id)
{
	const struct eg_table_input *in = row->in;
	uint32_t signature;

	if (in->dir == EG_INGRESS)
		return row->profile;
	signature = in->classes->v.v[class_id].signature;
	return signature == EG_NONE ? 0 : eg_pod_classes_profile(in->pod_classes, signature);
}

/* Keep only the rules in row->key that can decide: the first of each port set, and none after a
 * rule that covers everything. */
static void drop_shadowed_rules(struct row *row)
{
	const struct eg_rules *rules = row->in->rules;
	size_t kept = 0;

	row->scans++;
	eg_vec_foreach (rule, &row->key) {
		uint32_t *seen = &row->seen[rules->port_set.v[*rule]];

		if (*seen == row->scans)
			continue;
		*seen = row->scans;
		row->key.v[kept++] = *rule;
		if (eg_rule_covers_all_ports(row->in->cluster, rules, *rule))
			break;
	}
	row->key.n = kept;
}

/* Collects a set's rules in row->key: ascending, without duplicates. */
static int collect_rules(struct row *row, uint32_t at)
{
	const struct eg_table_input *in = row->in;
	const uint32_t *rules = NULL;
	size_t n = 0;

	row->key.n = 0;
	for (; row->sets.v[at].rule != NO_RULE; at = row->sets.v[at].parent)
		if (eg_words_add(&row->key, row->sets.v[at].rule))
			return -ENOMEM;
	if (row->sets.v[at].list)
		rules = eg_intern_get(&in->region_rules->lists, row->sets.v[at].list, &n);
	if (eg_words_append(&row->key, rules, n) ||
	    eg_words_append(&row->key, row->base.v, row->base.n))
		return -ENOMEM;
	eg_words_sort(&row->key);
	drop_shadowed_rules(row);
	return 0;
}

static int find_cell(struct row *row, uint32_t class_id, uint32_t *cell)
{
	uint64_t before = eg_port_maps_cost(row->port_maps);
	uint32_t at = row->set_of[class_id];
	bool named = row->sets.v[at].named || row->base_named;
	int err;

	if (row->sets.v[at].has_cell) {
		*cell = row->sets.v[at].cell;
		return 0;
	}
	if (collect_rules(row, at))
		return -ENOMEM;
	if (eg_words_add(&row->key, 0))
		return -ENOMEM;
	memmove(row->key.v + 1, row->key.v, (row->key.n - 1) * sizeof(*row->key.v));
	row->key.v[0] = named ? profile_at(row, class_id) : 0;
	err = eg_port_maps_cell(row->port_maps, row->in->cluster, row->in->rules,
				row->in->pod_classes, &row->key, cell);
	if (!err)
		err = eg_meter_charge(row->in->meter, row->charged,
				      eg_port_maps_cost(row->port_maps) - before + row->key.n);
	/* An ingress row has a single profile, so sets with port names have one cell, too. */
	row->sets.v[at].has_cell = !err && (!named || row->in->dir == EG_INGRESS);
	row->sets.v[at].cell = *cell;
	return err;
}

/* Add one page of the row; classes past the last are never looked up. */
static int add_page(struct row *row, uint32_t page)
{
	uint32_t cells[EG_PAGE_CELLS] = {0}, first = page << EG_PAGE_BITS, id;

	for (uint32_t i = 0; i < EG_PAGE_CELLS && first + i < row->in->classes->v.n; i++) {
		int err = find_cell(row, first + i, &cells[i]);

		if (err)
			return err;
	}
	id = eg_intern_add(&row->pages, cells, EG_PAGE_CELLS);
	return id == EG_INTERN_FAILED ? -ENOMEM : eg_words_add(&row->pages_of_rows, id);
}

static int add_pages(struct row *row, uint32_t n_pages)
{
	bool varies = row->in->dir == EG_EGRESS && row->base_named;
	uint32_t plain = EG_NONE;

	for (uint32_t p = 0; p < n_pages; p++) {
		bool whole = (p + 1) << EG_PAGE_BITS <= row->in->classes->v.n;
		bool same = whole && !varies && !row->touched[p];
		int err;

		if (same && plain != EG_NONE) {
			if (eg_words_add(&row->pages_of_rows, plain))
				return -ENOMEM;
			continue;
		}
		err = add_page(row, p);
		if (err)
			return err;
		if (same)
			plain = row->pages_of_rows.v[row->pages_of_rows.n - 1];
	}
	return 0;
}

static void reset_row(struct row *row, uint32_t n_pages)
{
	for (uint32_t p = 0; p < n_pages; p++) {
		if (row->touched[p])
			memset(row->set_of + ((size_t)p << EG_PAGE_BITS), 0,
			       EG_PAGE_CELLS * sizeof(*row->set_of));
		row->touched[p] = false;
	}
	row->sets.n = row->base.n = 0;
	row->base_named = false;
}

/* Call fn for all rules of the group's policies. */
static int for_each_rule(struct row *row, uint32_t group, int (*fn)(struct row *, uint32_t))
{
	const struct eg_table_input *in = row->in;
	size_t n;
	const uint32_t *policies = eg_isolation_groups_policies(in->groups, group, &n);
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		uint32_t first = in->rules->first.v[policies[i] * EG_DIRS + in->dir];
		size_t n_rules = in->cluster->policies.v[policies[i]].rules[in->dir].n;

		for (uint32_t r = 0; !err && r < n_rules; r++)
			err = fn(row, first + r);
	}
	return err;
}

static uint32_t heaviest_policy(const struct row *row, uint32_t group)
{
	size_t n;
	const uint32_t *policies = eg_isolation_groups_policies(row->in->groups, group, &n);
	uint32_t found = policies[0];

	for (size_t i = 1; i < n; i++)
		if (row->in->weights[policies[i]] > row->in->weights[found])
			found = policies[i];
	return found;
}

static int add_row(struct row *row, uint32_t group, uint32_t n_pages)
{
	const struct eg_table_input *in = row->in;
	size_t before = row->pages.words.n + row->pages_of_rows.n;
	int err;

	reset_row(row, n_pages);
	row->profile = eg_isolation_groups_profile(in->groups, group);
	row->charged = heaviest_policy(row, group);
	err = add_set(row, 0, NO_RULE, false);
	eg_region_rules_begin(in->region_rules);
	if (!err)
		err = for_each_rule(row, group, collect_blocks);
	if (!err)
		err = apply_blocks(row);
	if (!err)
		err = for_each_rule(row, group, apply_rule);
	if (!err)
		err = add_pages(row, n_pages);
	if (!err)
		err = eg_meter_charge(in->meter, row->charged,
				      row->pages.words.n + row->pages_of_rows.n - before);
	return err;
}

/* Group 0 is not isolated: a row of its own costs less than a branch in every lookup. */
static int add_unisolated_row(struct row *row, uint32_t n_pages)
{
	uint32_t cells[EG_PAGE_CELLS], id;

	for (uint32_t i = 0; i < EG_PAGE_CELLS; i++)
		cells[i] = EG_POLICY_NOT_ISOLATED;
	id = eg_intern_add(&row->pages, cells, EG_PAGE_CELLS);
	for (uint32_t p = 0; id != EG_INTERN_FAILED && p < n_pages; p++)
		if (eg_words_add(&row->pages_of_rows, id))
			return -ENOMEM;
	return id == EG_INTERN_FAILED ? -ENOMEM : 0;
}

int eg_table_build(struct eg_table *table, const struct eg_table_input *in,
		   struct eg_port_maps *port_maps)
{
	uint32_t n_pages = (uint32_t)(in->classes->v.n + EG_PAGE_CELLS - 1) >> EG_PAGE_BITS;
	size_t n_groups = eg_isolation_groups_count(in->groups);
	struct row row = {.in = in, .port_maps = port_maps};
	int err;

	row.set_of = calloc((size_t)n_pages << EG_PAGE_BITS, sizeof(*row.set_of));
	row.touched = calloc(n_pages, sizeof(*row.touched));
	row.seen = calloc(eg_intern_count(&in->rules->port_sets) + 1, sizeof(*row.seen));
	err = row.set_of && row.touched && row.seen ? add_unisolated_row(&row, n_pages) : -ENOMEM;
	for (uint32_t g = 1; !err && g < n_groups; g++)
		err = add_row(&row, g, n_pages);
	*table = (struct eg_table){.rows = row.pages_of_rows.v,
				   .row_pages = n_pages,
				   .cells = row.pages.words.v,
				   .n_rows = n_groups,
				   .n_pages = eg_intern_count(&row.pages)};
	row.pages.words.v = NULL; /* owned by the table now, like the rows */
	eg_intern_free(&row.pages);
	eg_vec_free(&row.sets);
	eg_vec_free(&row.set_of_list);
	eg_vec_free(&row.base);
	eg_vec_free(&row.key);
	free(row.set_of);
	free(row.touched);
	free(row.seen);
	return err;
}

void eg_table_free(struct eg_table *table)
{
	free(table->rows);
	free(table->cells);
	*table = (struct eg_table){0};
}
