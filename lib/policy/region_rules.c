#include "policy/region_rules.h"

#include <errno.h>

/* Invert "edges of a region" into "regions with an edge of a block". */
static int invert_edges(struct eg_region_rules *region_rules)
{
	const struct eg_regions *regions = region_rules->regions;
	size_t n_blocks = region_rules->rules->blocks.n;
	uint32_t *next = calloc(n_blocks + 2, sizeof(*next));

	region_rules->ends = (struct eg_words){next, n_blocks, n_blocks + 2};
	region_rules->regions_of.v = malloc((regions->edges.n + 1) * sizeof(uint32_t));
	if (!next || !region_rules->regions_of.v)
		return -ENOMEM;
	region_rules->regions_of.n = region_rules->regions_of.cap = regions->edges.n;
	eg_vec_foreach (edge, &regions->edges)
		next[edge->block + 1]++;
	for (size_t b = 1; b <= n_blocks; b++)
		next[b] += next[b - 1];
	/* next[b] starts as the beginning of block b's regions and ends as their end. */
	for (uint32_t r = 0; r < regions->v.n; r++)
		for (uint32_t e = 0; e < regions->v.v[r].n_edges; e++) {
			uint32_t block = regions->edges.v[regions->v.v[r].first_edge + e].block;

			region_rules->regions_of.v[next[block]++] = r;
		}
	return 0;
}

int eg_region_rules_init(struct eg_region_rules *region_rules, const struct eg_cluster *cluster,
			 const struct eg_rules *rules, const struct eg_regions *regions)
{
	region_rules->cluster = cluster;
	region_rules->rules = rules;
	region_rules->regions = regions;
	region_rules->first_use = calloc(rules->blocks.n + 1, sizeof(*region_rules->first_use));
	region_rules->count = calloc(rules->refs.n + 1, sizeof(*region_rules->count));
	region_rules->seen =
		calloc(eg_intern_count(&rules->port_sets) + 1, sizeof(*region_rules->seen));
	region_rules->list_of.v = calloc(regions->v.n + 1, sizeof(*region_rules->list_of.v));
	if (!region_rules->first_use || !region_rules->count || !region_rules->seen ||
	    !region_rules->list_of.v)
		return -ENOMEM;
	region_rules->list_of.n = region_rules->list_of.cap = regions->v.n;
	return invert_edges(region_rules);
}

void eg_region_rules_free(struct eg_region_rules *region_rules)
{
	eg_vec_free(&region_rules->regions_of);
	eg_vec_free(&region_rules->ends);
	free(region_rules->first_use);
	free(region_rules->count);
	free(region_rules->seen);
	eg_vec_free(&region_rules->uses);
	eg_vec_free(&region_rules->row_rules);
	eg_intern_free(&region_rules->lists);
	eg_vec_free(&region_rules->list_of);
	eg_vec_free(&region_rules->touched);
	eg_vec_free(&region_rules->enclosing);
	eg_vec_free(&region_rules->scratch);
	*region_rules = (struct eg_region_rules){0};
}

void eg_region_rules_begin(struct eg_region_rules *region_rules)
{
	eg_vec_foreach (use, &region_rules->uses)
		region_rules->first_use[use->block] = 0;
	region_rules->uses.n = region_rules->row_rules.n = region_rules->touched.n =
		region_rules->enclosing.n = 0;
}

int eg_region_rules_add(struct eg_region_rules *region_rules, uint32_t block, uint32_t rule)
{
	struct eg_block_use *use = eg_vec_add(&region_rules->uses);

	if (!use)
		return -ENOMEM;
	*use = (struct eg_block_use){block, rule};
	return eg_words_add(&region_rules->row_rules, rule);
}

static int compare_uses(const void *va, const void *vb)
{
	const struct eg_block_use *a = va, *b = vb;

	if (a->block != b->block)
		return a->block < b->block ? -1 : 1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

/* True for the first rule of its port set in this scan. */
static bool is_first(struct eg_region_rules *region_rules, uint32_t rule)
{
	uint32_t *seen = &region_rules->seen[region_rules->rules->port_set.v[rule]];
	bool first = *seen != region_rules->scans;

	*seen = region_rules->scans;
	return first;
}

/* Scans are numbered from 1; the meter does not allow 2^32 of them. */
static void begin_scan(struct eg_region_rules *region_rules)
{
	region_rules->scans++;
}

/* Sort the uses and collect the regions in which one of their blocks has an edge. */
static int index_uses(struct eg_region_rules *region_rules)
{
	qsort(region_rules->uses.v, region_rules->uses.n, sizeof(*region_rules->uses.v),
	      compare_uses);
	eg_words_sort(&region_rules->row_rules);
	begin_scan(region_rules);
	region_rules->n_port_sets = 0;
	eg_vec_foreach (rule, &region_rules->row_rules)
		region_rules->n_port_sets += is_first(region_rules, *rule);
	for (uint32_t u = 0; u < region_rules->uses.n; u++) {
		uint32_t block = region_rules->uses.v[u].block;
		uint32_t start = block ? region_rules->ends.v[block - 1] : 0;

		if (region_rules->first_use[block])
			continue;
		region_rules->first_use[block] = u + 1;
		if (eg_words_append(&region_rules->touched, region_rules->regions_of.v + start,
				    region_rules->ends.v[block] - start))
			return -ENOMEM;
	}
	eg_words_sort(&region_rules->touched);
	return 0;
}

/* Apply a region's edges on entering or leaving it. Returns the number of steps. */
static uint64_t apply_edges(struct eg_region_rules *region_rules, const struct eg_region *region,
			    bool inwards)
{
	uint64_t steps = region->n_edges;

	for (uint32_t e = 0; e < region->n_edges; e++) {
		const struct eg_edge *edge =
			&region_rules->regions->edges.v[region->first_edge + e];
		uint32_t first = region_rules->first_use[edge->block];

		for (uint32_t u = first - 1; first && u < region_rules->uses.n; u++) {
			if (region_rules->uses.v[u].block != edge->block)
				break;
			/* Entering and leaving cancel out in any order: these are only counts. */
			region_rules->count[region_rules->uses.v[u].rule] +=
				edge->leaves == inwards ? -1u : 1u;
			steps++;
		}
	}
	return steps;
}

static uint64_t leave_regions(struct eg_region_rules *region_rules, const struct eg_prefix *prefix)
{
	uint64_t steps = 0;

	while (region_rules->enclosing.n) {
		const struct eg_region *region =
			&region_rules->regions->v
				 .v[region_rules->enclosing.v[region_rules->enclosing.n - 1]];

		if (prefix && eg_prefix_contains(&region->prefix, &prefix->ip))
			break;
		steps += apply_edges(region_rules, region, false);
		region_rules->enclosing.n--;
	}
	return steps;
}

/* Find the list of the rules that apply in the current region. *list is EG_INTERN_FAILED if out of
 * memory. Returns the number of steps. */
static uint64_t find_list(struct eg_region_rules *region_rules, uint32_t *list)
{
	uint64_t steps = 0;

	*list = EG_INTERN_FAILED;
	region_rules->scratch.n = 0;
	begin_scan(region_rules);
	eg_vec_foreach (rule, &region_rules->row_rules) {
		steps++;
		if (!region_rules->count[*rule] || !is_first(region_rules, *rule))
			continue;
		if (eg_words_add(&region_rules->scratch, *rule))
			return steps;
		if (eg_rule_covers_all_ports(region_rules->cluster, region_rules->rules, *rule) ||
		    region_rules->scratch.n == region_rules->n_port_sets)
			break;
	}
	*list = eg_intern_add(&region_rules->lists, region_rules->scratch.v,
			      region_rules->scratch.n);
	return steps + region_rules->scratch.n;
}

/* Parents precede their children, so their lists are known. */
static void inherit_lists(struct eg_region_rules *region_rules)
{
	size_t t = 0;

	for (uint32_t r = 0; r < region_rules->regions->v.n; r++) {
		uint32_t parent = region_rules->regions->v.v[r].parent;

		if (t < region_rules->touched.n && region_rules->touched.v[t] == r)
			t++;
		else
			region_rules->list_of.v[r] =
				parent == EG_NONE ? 0 : region_rules->list_of.v[parent];
	}
}

int eg_region_rules_find(struct eg_region_rules *region_rules, struct eg_meter *meter,
			 uint32_t charged)
{
	int err = index_uses(region_rules);

	eg_intern_free(&region_rules->lists);
	if (!err && eg_intern_add(&region_rules->lists, NULL, 0) != 0)
		err = -ENOMEM;
	for (size_t t = 0; !err && t < region_rules->touched.n; t++) {
		uint32_t index = region_rules->touched.v[t], list;
		const struct eg_region *region = &region_rules->regions->v.v[index];
		uint64_t steps = leave_regions(region_rules, &region->prefix) +
				 apply_edges(region_rules, region, true);

		steps += find_list(region_rules, &list);
		region_rules->list_of.v[index] = list;
		err = list == EG_INTERN_FAILED ? -ENOMEM
					       : eg_words_add(&region_rules->enclosing, index);
		if (!err)
			err = eg_meter_charge(meter, charged, steps);
	}
	leave_regions(region_rules, NULL); /* resets all counts to 0 */
	if (!err)
		inherit_lists(region_rules);
	return err;
}
