#include "policy/blocks.h"

#include <errno.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/hash.h"

/* What a prefix does, before it is known whether that changes anything. */
struct cut {
	struct eg_prefix prefix;
	uint32_t block;
	bool leaves;
};

struct cuts {
	struct cut *v;
	size_t n, cap;
};

/* A set of blocks as the sum of a random number for each: 128 bits, seeded anew for every compile,
 * so that nobody can write blocks whose different sets look equal. */
struct sum {
	uint64_t lane[2];
};

struct walk {
	struct eg_regions *regions;
	bool *inside;          /* block i holds where we are */
	struct eg_words nest;  /* regions around us, outermost first */
	struct sum sum;        /* of the blocks around us */
	struct eg_intern sets; /* sums */
	uint64_t seed[2];
};

/* Outer prefixes before what lies inside; entering a cidr before leaving by an exception. */
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

static void cross(struct walk *walk, const struct eg_edge *edge, bool leaves)
{
	walk->inside[edge->block] = !leaves;
	for (int i = 0; i < 2; i++) {
		uint64_t number = eg_hash_u64(walk->seed[i] ^ edge->block);

		walk->sum.lane[i] += leaves ? -number : number;
	}
}

/* Go out of regions that do not hold the prefix, undoing what going in did. */
static void go_out(struct walk *walk, const struct eg_prefix *prefix)
{
	while (walk->nest.n) {
		const struct eg_region *region =
			&walk->regions->v.v[walk->nest.v[walk->nest.n - 1]];

		if (eg_prefix_contains(&region->prefix, &prefix->ip))
			return;
		for (uint32_t e = region->n_edges; e-- > 0;) {
			const struct eg_edge *edge =
				&walk->regions->edges.v[region->first_edge + e];

			cross(walk, edge, !edge->leaves);
		}
		walk->nest.n--;
	}
}

static uint32_t set_number(struct walk *walk, uint32_t region)
{
	uint32_t words[4], set;

	memcpy(words, walk->sum.lane, sizeof(words));
	set = eg_intern_add(&walk->sets, words, 4);
	if (set != EG_INTERN_FAILED && set >= walk->regions->region_of_set.n &&
	    eg_words_add(&walk->regions->region_of_set, region))
		return EG_INTERN_FAILED;
	return set;
}

/* One region: all cuts at one prefix. */
static int go_in(struct walk *walk, const struct cut *first, const struct cut *end)
{
	struct eg_regions *regions = walk->regions;
	uint32_t index = (uint32_t)regions->v.n;
	struct eg_region region = {.prefix = first->prefix,
				   .parent = EG_NONE,
				   .first_edge = (uint32_t)regions->edges.n};
	struct eg_region *entry;

	go_out(walk, &first->prefix);
	if (walk->nest.n)
		region.parent = walk->nest.v[walk->nest.n - 1];
	for (const struct cut *cut = first; cut < end; cut++) {
		struct eg_edge *edge;

		if (walk->inside[cut->block] != cut->leaves)
			continue;
		edge = eg_vec_add(&regions->edges);
		if (!edge)
			return -ENOMEM;
		*edge = (struct eg_edge){cut->block, cut->leaves};
		cross(walk, edge, edge->leaves);
	}
	region.n_edges = (uint32_t)regions->edges.n - region.first_edge;
	region.set = set_number(walk, index);
	entry = eg_vec_add(&regions->v);
	if (region.set == EG_INTERN_FAILED || !entry)
		return -ENOMEM;
	*entry = region;
	return eg_words_add(&walk->nest, index);
}

/* A secret of this compile; where the kernel has none yet, the clock must do. */
static void make_seed(uint64_t seed[2])
{
	if (getrandom(seed, 2 * sizeof(*seed), GRND_NONBLOCK) == 2 * (ssize_t)sizeof(*seed))
		return;
	seed[0] = eg_hash_u64(eg_mono_ns());
	seed[1] = eg_hash_u64(seed[0] ^ eg_wall_ns());
}

int eg_regions_build(struct eg_regions *regions, const struct eg_rules *rules)
{
	struct walk walk = {.regions = regions,
			    .inside = calloc(rules->blocks.n + 1, sizeof(*walk.inside))};
	struct cuts cuts = {0};
	int err = walk.inside ? collect_cuts(&cuts, rules) : -ENOMEM;

	make_seed(walk.seed);
	/* Set 0 is the empty one, the sum of nothing. */
	if (!err && set_number(&walk, EG_NONE) != 0)
		err = -ENOMEM;
	for (size_t i = 0, end; !err && i < cuts.n; i = end) {
		for (end = i + 1; end < cuts.n; end++)
			if (!same_prefix(&cuts.v[i].prefix, &cuts.v[end].prefix))
				break;
		err = go_in(&walk, cuts.v + i, cuts.v + end);
	}
	eg_vec_free(&cuts);
	eg_vec_free(&walk.nest);
	eg_intern_free(&walk.sets);
	free(walk.inside);
	return err;
}

void eg_regions_free(struct eg_regions *regions)
{
	eg_vec_free(&regions->v);
	eg_vec_free(&regions->edges);
	eg_vec_free(&regions->region_of_set);
}
