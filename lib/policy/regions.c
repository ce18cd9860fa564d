#include "policy/regions.h"

#include <errno.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/hash.h"

/* One block's cidr or exception, before it is known whether it changes the set. */
struct cut {
	struct eg_prefix prefix;
	uint32_t block;
	bool leaves;
};

struct cuts {
	struct cut *v;
	size_t n, cap;
};

/* A set of blocks, as the sum of one random number per block: 128 bits, with a new seed for every
 * compile, so that nobody can construct different sets with equal sums. */
struct sum {
	uint64_t lane[2];
};

struct state {
	struct eg_regions *regions;
	bool *inside;              /* block i contains the current prefix */
	struct eg_words enclosing; /* enclosing regions, outermost first */
	struct sum sum;            /* of the blocks that contain the current prefix */
	struct eg_intern sets;     /* sums, to number the sets */
	uint64_t seed[2];
};

/* Covering prefixes before covered ones; at one prefix, cidrs before exceptions. */
static int compare_cuts(const void *va, const void *vb)
{
	const struct cut *a = va, *b = vb;
	int c = a->prefix.ip.family - b->prefix.ip.family;

	if (!c)
		c = memcmp(a->prefix.ip.bytes, b->prefix.ip.bytes, sizeof(a->prefix.ip.bytes));
	if (!c)
		c = a->prefix.len - b->prefix.len;
	if (!c)
		c = a->leaves - b->leaves;
	return c ? c : a->block < b->block ? -1 : a->block > b->block;
}

static int collect_cuts(struct cuts *cuts, const struct eg_rules *rules)
{
	for (uint32_t b = 0; b < rules->blocks.n; b++) {
		const struct eg_peer *block = rules->blocks.v[b];
		struct cut *cut = eg_vec_add(cuts);

		if (!cut)
			return -ENOMEM;
		*cut = (struct cut){block->cidr, b, false};
		eg_vec_foreach (except, &block->except) {
			cut = eg_vec_add(cuts);
			if (!cut)
				return -ENOMEM;
			*cut = (struct cut){*except, b, true};
		}
	}
	if (cuts->n)
		qsort(cuts->v, cuts->n, sizeof(*cuts->v), compare_cuts);
	return 0;
}

static bool same_prefix(const struct eg_prefix *a, const struct eg_prefix *b)
{
	return a->len == b->len && eg_ip_equal(&a->ip, &b->ip);
}

static void apply_edge(struct state *state, const struct eg_edge *edge, bool leaves)
{
	state->inside[edge->block] = !leaves;
	for (int i = 0; i < 2; i++) {
		uint64_t number = eg_hash_u64(state->seed[i] ^ edge->block);

		state->sum.lane[i] += leaves ? -number : number;
	}
}

/* Leave the regions that do not contain the prefix, and undo their edges. */
static void leave_regions(struct state *state, const struct eg_prefix *prefix)
{
	while (state->enclosing.n) {
		const struct eg_region *region =
			&state->regions->v.v[state->enclosing.v[state->enclosing.n - 1]];

		if (eg_prefix_contains(&region->prefix, &prefix->ip))
			return;
		for (uint32_t e = region->n_edges; e-- > 0;) {
			const struct eg_edge *edge =
				&state->regions->edges.v[region->first_edge + e];

			apply_edge(state, edge, !edge->leaves);
		}
		state->enclosing.n--;
	}
}

static uint32_t set_number(struct state *state, uint32_t region)
{
	uint32_t words[4], set;

	memcpy(words, state->sum.lane, sizeof(words));
	set = eg_intern_add(&state->sets, words, 4);
	if (set != EG_INTERN_FAILED && set >= state->regions->region_of_set.n &&
	    eg_words_add(&state->regions->region_of_set, region))
		return EG_INTERN_FAILED;
	return set;
}

/* Enter one region: all cuts at one prefix. */
static int enter_region(struct state *state, const struct cut *first, const struct cut *end)
{
	struct eg_regions *regions = state->regions;
	uint32_t index = (uint32_t)regions->v.n;
	struct eg_region region = {.prefix = first->prefix,
				   .parent = EG_NONE,
				   .first_edge = (uint32_t)regions->edges.n};
	struct eg_region *entry;

	leave_regions(state, &first->prefix);
	if (state->enclosing.n)
		region.parent = state->enclosing.v[state->enclosing.n - 1];
	for (const struct cut *cut = first; cut < end; cut++) {
		struct eg_edge *edge;

		if (state->inside[cut->block] != cut->leaves)
			continue;
		edge = eg_vec_add(&regions->edges);
		if (!edge)
			return -ENOMEM;
		*edge = (struct eg_edge){cut->block, cut->leaves};
		apply_edge(state, edge, edge->leaves);
	}
	region.n_edges = (uint32_t)regions->edges.n - region.first_edge;
	region.set = set_number(state, index);
	entry = eg_vec_add(&regions->v);
	if (region.set == EG_INTERN_FAILED || !entry)
		return -ENOMEM;
	*entry = region;
	return eg_words_add(&state->enclosing, index);
}

/* Secret per compile; falls back to the clock if the kernel has no entropy yet. */
static void make_seed(uint64_t seed[2])
{
	if (getrandom(seed, 2 * sizeof(*seed), GRND_NONBLOCK) == 2 * (ssize_t)sizeof(*seed))
		return;
	seed[0] = eg_hash_u64(eg_mono_ns());
	seed[1] = eg_hash_u64(seed[0] ^ eg_wall_ns());
}

int eg_regions_build(struct eg_regions *regions, const struct eg_rules *rules)
{
	struct state state = {.regions = regions,
			      .inside = calloc(rules->blocks.n + 1, sizeof(*state.inside))};
	struct cuts cuts = {0};
	int err = state.inside ? collect_cuts(&cuts, rules) : -ENOMEM;

	make_seed(state.seed);
	/* Set 0 is the empty set, with sum 0. */
	if (!err && set_number(&state, EG_NONE) != 0)
		err = -ENOMEM;
	for (size_t i = 0, end; !err && i < cuts.n; i = end) {
		for (end = i + 1; end < cuts.n; end++)
			if (!same_prefix(&cuts.v[i].prefix, &cuts.v[end].prefix))
				break;
		err = enter_region(&state, cuts.v + i, cuts.v + end);
	}
	eg_vec_free(&cuts);
	eg_vec_free(&state.enclosing);
	eg_intern_free(&state.sets);
	free(state.inside);
	return err;
}

void eg_regions_free(struct eg_regions *regions)
{
	eg_vec_free(&regions->v);
	eg_vec_free(&regions->edges);
	eg_vec_free(&regions->region_of_set);
}
