#include "policy/blocks.h"

#include <errno.h>

/* What a prefix does to the set of blocks on the way into it. */
struct edge {
	struct eg_prefix prefix;
	uint32_t block;
	bool leaves; /* an exception: the block no longer holds */
};

struct edges {
	struct edge *v;
	size_t n, cap;
};

/* Prefixes we are inside of while walking in address order, with the set of each. */
struct nest {
	EG_VEC(struct eg_region) v;
};

/* Outer prefixes before what lies inside; entering a cidr before leaving by an exception. */
static int compare_edges(const void *va, const void *vb)
{
	const struct edge *a = va, *b = vb;
	int c = a->prefix.ip.family - b->prefix.ip.family;

	if (!c)
		c = memcmp(a->prefix.ip.bytes, b->prefix.ip.bytes, sizeof(a->prefix.ip.bytes));
	if (!c)
		c = a->prefix.len - b->prefix.len;
	return c ? c : a->leaves - b->leaves;
}

static int collect_edges(struct edges *edges, const struct eg_rules *rules)
{
	for (uint32_t b = 0; b < rules->blocks.n; b++) {
		const struct eg_peer *block = rules->blocks.v[b];
		struct edge *edge = eg_vec_add(edges);

		if (!edge)
			return -ENOMEM;
		*edge = (struct edge){block->cidr, b, false};
		eg_vec_foreach (except, &block->except) {
			edge = eg_vec_add(edges);
			if (!edge)
				return -ENOMEM;
			*edge = (struct edge){*except, b, true};
		}
	}
	if (edges->n)
		qsort(edges->v, edges->n, sizeof(*edges->v), compare_edges);
	return 0;
}

static bool same_prefix(const struct eg_prefix *a, const struct eg_prefix *b)
{
	return a->len == b->len && eg_ip_equal(&a->ip, &b->ip);
}

/* Leave what does not hold the prefix; the set we are in is then the innermost that does. */
static uint32_t enclosing_set(struct nest *nest, const struct eg_prefix *prefix)
{
	while (nest->v.n && !eg_prefix_contains(&nest->v.v[nest->v.n - 1].prefix, &prefix->ip))
		nest->v.n--;
	return nest->v.n ? nest->v.v[nest->v.n - 1].set : 0;
}

static void drop_word(struct eg_words *words, uint32_t word)
{
	for (size_t i = 0; i < words->n; i++) {
		if (words->v[i] != word)
			continue;
		memmove(words->v + i, words->v + i + 1, (words->n - i - 1) * sizeof(*words->v));
		words->n--;
		return;
	}
}

/* One region: the enclosing set as the edges of this very prefix change it. `set` is scratch. */
static int add_region(struct eg_regions *regions, struct eg_intern *sets, struct nest *nest,
		      const struct edge *first, const struct edge *end, struct eg_words *set)
{
	struct eg_region region = {first->prefix, 0}, *entry, *top;
	size_t n;
	const uint32_t *outer = eg_intern_get(sets, enclosing_set(nest, &first->prefix), &n);

	set->n = 0;
	if (eg_words_append(set, outer, n))
		return -ENOMEM;
	for (const struct edge *e = first; e < end; e++) {
		if (e->leaves)
			drop_word(set, e->block);
		else if (eg_words_add(set, e->block))
			return -ENOMEM;
	}
	eg_words_sort(set);
	region.set = eg_intern_add(sets, set->v, set->n);
	entry = eg_vec_add(&regions->v);
	top = eg_vec_add(&nest->v);
	if (region.set == EG_INTERN_FAILED || !entry || !top)
		return -ENOMEM;
	*entry = *top = region;
	return 0;
}

int eg_regions_build(struct eg_regions *regions, struct eg_intern *sets,
		     const struct eg_rules *rules)
{
	struct edges edges = {0};
	struct nest nest = {0};
	struct eg_words set = {0};
	int err = eg_intern_add(sets, NULL, 0) == EG_INTERN_FAILED ? -ENOMEM : 0;

	if (!err)
		err = collect_edges(&edges, rules);
	for (size_t i = 0, end; !err && i < edges.n; i = end) {
		for (end = i + 1; end < edges.n; end++)
			if (!same_prefix(&edges.v[i].prefix, &edges.v[end].prefix))
				break;
		err = add_region(regions, sets, &nest, edges.v + i, edges.v + end, &set);
	}
	eg_vec_free(&edges);
	eg_vec_free(&nest.v);
	eg_vec_free(&set);
	return err;
}
