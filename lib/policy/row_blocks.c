#include "policy/row_blocks.h"

#include <errno.h>

/* Turn "edges of this region" into "regions with edges of this block". */
static int invert_edges(struct eg_row_blocks *row_blocks)
{
	const struct eg_regions *regions = row_blocks->regions;
	size_t n_blocks = row_blocks->rules->blocks.n;
	uint32_t *next = calloc(n_blocks + 2, sizeof(*next));

	row_blocks->ends = (struct eg_words){next, n_blocks, n_blocks + 2};
	row_blocks->regions_of.v = malloc((regions->edges.n + 1) * sizeof(uint32_t));
	if (!next || !row_blocks->regions_of.v)
		return -ENOMEM;
	row_blocks->regions_of.n = row_blocks->regions_of.cap = regions->edges.n;
	eg_vec_foreach (edge, &regions->edges)
		next[edge->block + 1]++;
	for (size_t b = 1; b <= n_blocks; b++)
		next[b] += next[b - 1];
	/* next[b] is the start of block b's regions and grows to their end. */
	for (uint32_t r = 0; r < regions->v.n; r++)
		for (uint32_t e = 0; e < regions->v.v[r].n_edges; e++) {
			uint32_t block = regions->edges.v[regions->v.v[r].first_edge + e].block;

			row_blocks->regions_of.v[next[block]++] = r;
		}
	return 0;
}

int eg_row_blocks_init(struct eg_row_blocks *row_blocks, const struct eg_world *world,
		       const struct eg_rules *rules, const struct eg_regions *regions)
{
	row_blocks->world = world;
	row_blocks->rules = rules;
	row_blocks->regions = regions;
	row_blocks->first_use = calloc(rules->blocks.n + 1, sizeof(*row_blocks->first_use));
	row_blocks->count = calloc(rules->refs.n + 1, sizeof(*row_blocks->count));
	row_blocks->seen =
		calloc(eg_intern_count(&rules->port_sets) + 1, sizeof(*row_blocks->seen));
	row_blocks->list_of.v = calloc(regions->v.n + 1, sizeof(*row_blocks->list_of.v));
	if (!row_blocks->first_use || !row_blocks->count || !row_blocks->seen ||
	    !row_blocks->list_of.v)
		return -ENOMEM;
	row_blocks->list_of.n = row_blocks->list_of.cap = regions->v.n;
	return invert_edges(row_blocks);
}

void eg_row_blocks_free(struct eg_row_blocks *row_blocks)
{
	eg_vec_free(&row_blocks->regions_of);
	eg_vec_free(&row_blocks->ends);
	free(row_blocks->first_use);
	free(row_blocks->count);
	free(row_blocks->seen);
	eg_vec_free(&row_blocks->uses);
	eg_vec_free(&row_blocks->row_rules);
	eg_intern_free(&row_blocks->lists);
	eg_vec_free(&row_blocks->list_of);
	eg_vec_free(&row_blocks->touched);
	eg_vec_free(&row_blocks->nest);
	eg_vec_free(&row_blocks->scratch);
	*row_blocks = (struct eg_row_blocks){0};
}

void eg_row_blocks_begin(struct eg_row_blocks *row_blocks)
{
	eg_vec_foreach (use, &row_blocks->uses)
		row_blocks->first_use[use->block] = 0;
	row_blocks->uses.n = row_blocks->row_rules.n = row_blocks->touched.n = row_blocks->nest.n =
		0;
}

int eg_row_blocks_add(struct eg_row_blocks *row_blocks, uint32_t block, uint32_t rule)
{
	struct eg_block_use *use = eg_vec_add(&row_blocks->uses);

	if (!use)
		return -ENOMEM;
	*use = (struct eg_block_use){block, rule};
	return eg_words_add(&row_blocks->row_rules, rule);
}

static int compare_uses(const void *va, const void *vb)
{
	const struct eg_block_use *a = va, *b = vb;

	if (a->block != b->block)
		return a->block < b->block ? -1 : 1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

/* True for the first rule of its port set in this scan. */
static bool is_first(struct eg_row_blocks *row_blocks, uint32_t rule)
{
	uint32_t *seen = &row_blocks->seen[row_blocks->rules->port_set.v[rule]];
	bool first = *seen != row_blocks->scans;

	*seen = row_blocks->scans;
	return first;
}

/* Scans number from 1; 2^32 of them are beyond what the meter allows. */
static void begin_scan(struct eg_row_blocks *row_blocks)
{
	row_blocks->scans++;
}

/* Sort the uses, and find the regions where one of their blocks has an edge. */
static int index_uses(struct eg_row_blocks *row_blocks)
{
	qsort(row_blocks->uses.v, row_blocks->uses.n, sizeof(*row_blocks->uses.v), compare_uses);
	eg_words_sort(&row_blocks->row_rules);
	begin_scan(row_blocks);
	row_blocks->n_port_sets = 0;
	eg_vec_foreach (rule, &row_blocks->row_rules)
		row_blocks->n_port_sets += is_first(row_blocks, *rule);
	for (uint32_t u = 0; u < row_blocks->uses.n; u++) {
		uint32_t block = row_blocks->uses.v[u].block;
		uint32_t start = block ? row_blocks->ends.v[block - 1] : 0;

		if (row_blocks->first_use[block])
			continue;
		row_blocks->first_use[block] = u + 1;
		if (eg_words_append(&row_blocks->touched, row_blocks->regions_of.v + start,
				    row_blocks->ends.v[block] - start))
			return -ENOMEM;
	}
	eg_words_sort(&row_blocks->touched);
	return 0;
}

/* Cross a region's edges, inwards or back out. Returns how many steps that took. */
static uint64_t cross(struct eg_row_blocks *row_blocks, const struct eg_region *region,
		      bool inwards)
{
	uint64_t steps = region->n_edges;

	for (uint32_t e = 0; e < region->n_edges; e++) {
		const struct eg_edge *edge = &row_blocks->regions->edges.v[region->first_edge + e];
		uint32_t first = row_blocks->first_use[edge->block];

		for (uint32_t u = first - 1; first && u < row_blocks->uses.n; u++) {
			if (row_blocks->uses.v[u].block != edge->block)
				break;
			/* In and back out cancel out in any order: these are only counts. */
			row_blocks->count[row_blocks->uses.v[u].rule] +=
				edge->leaves == inwards ? -1u : 1u;
			steps++;
		}
	}
	return steps;
}

static uint64_t go_out(struct eg_row_blocks *row_blocks, const struct eg_prefix *prefix)
{
	uint64_t steps = 0;

	while (row_blocks->nest.n) {
		const struct eg_region *region =
			&row_blocks->regions->v.v[row_blocks->nest.v[row_blocks->nest.n - 1]];

		if (prefix && eg_prefix_contains(&region->prefix, &prefix->ip))
			break;
		steps += cross(row_blocks, region, false);
		row_blocks->nest.n--;
	}
	return steps;
}

/* The list of the rules that hold here. *list EG_INTERN_FAILED where memory is short. Returns the
 * steps. */
static uint64_t find_list(struct eg_row_blocks *row_blocks, uint32_t *list)
{
	uint64_t steps = 0;

	*list = EG_INTERN_FAILED;
	row_blocks->scratch.n = 0;
	begin_scan(row_blocks);
	eg_vec_foreach (rule, &row_blocks->row_rules) {
		steps++;
		if (!row_blocks->count[*rule] || !is_first(row_blocks, *rule))
			continue;
		if (eg_words_add(&row_blocks->scratch, *rule))
			return steps;
		if (eg_rules_whole(row_blocks->world, row_blocks->rules, *rule) ||
		    row_blocks->scratch.n == row_blocks->n_port_sets)
			break;
	}
	*list = eg_intern_add(&row_blocks->lists, row_blocks->scratch.v, row_blocks->scratch.n);
	return steps + row_blocks->scratch.n;
}

/* Parents stand in front of what they hold, so their lists are known. */
static void inherit(struct eg_row_blocks *row_blocks)
{
	size_t t = 0;

	for (uint32_t r = 0; r < row_blocks->regions->v.n; r++) {
		uint32_t parent = row_blocks->regions->v.v[r].parent;

		if (t < row_blocks->touched.n && row_blocks->touched.v[t] == r)
			t++;
		else
			row_blocks->list_of.v[r] =
				parent == EG_NONE ? 0 : row_blocks->list_of.v[parent];
	}
}

int eg_row_blocks_run(struct eg_row_blocks *row_blocks, struct eg_meter *meter, uint32_t payer)
{
	int err = index_uses(row_blocks);

	eg_intern_free(&row_blocks->lists);
	if (!err && eg_intern_add(&row_blocks->lists, NULL, 0) != 0)
		err = -ENOMEM;
	for (size_t t = 0; !err && t < row_blocks->touched.n; t++) {
		uint32_t index = row_blocks->touched.v[t], list;
		const struct eg_region *region = &row_blocks->regions->v.v[index];
		uint64_t steps =
			go_out(row_blocks, &region->prefix) + cross(row_blocks, region, true);

		steps += find_list(row_blocks, &list);
		row_blocks->list_of.v[index] = list;
		err = list == EG_INTERN_FAILED ? -ENOMEM : eg_words_add(&row_blocks->nest, index);
		if (!err)
			err = eg_meter_charge(meter, payer, steps);
	}
	go_out(row_blocks, NULL); /* counts are zero again */
	if (!err)
		inherit(row_blocks);
	return err;
}
