#include "conf/prefix_index.h"

#include <stdlib.h>
#include <string.h>

int eg_prefix_index_add(struct eg_prefix_index *index, const struct eg_prefix_item *item)
{
	struct eg_prefix_item *slot;

	if (!item->prefix.ip.family)
		return 0;
	slot = eg_vec_add(&index->items);
	if (!slot)
		return -1;
	*slot = *item;
	return 0;
}

/* By address, then covering before covered: everything inside a prefix directly follows it. */
static int compare_prefixes(const struct eg_prefix *a, const struct eg_prefix *b)
{
	int order;

	if (a->ip.family != b->ip.family)
		return a->ip.family < b->ip.family ? -1 : 1;
	order = memcmp(a->ip.bytes, b->ip.bytes, sizeof(a->ip.bytes));
	return order ? order : (int)a->len - (int)b->len;
}

static int compare_items(const void *a, const void *b)
{
	const struct eg_prefix_item *x = a, *y = b;
	int order = compare_prefixes(&x->prefix, &y->prefix);

	if (order)
		return order;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return x->sub < y->sub ? -1 : x->sub > y->sub;
}

static bool holds(const struct eg_prefix *outer, const struct eg_prefix *inner)
{
	return outer->len <= inner->len && eg_prefix_contains(outer, &inner->ip);
}

/* The previous item and its chain of parents form the stack of open prefixes; each item closes
 * those that do not contain it. Equal prefixes share one parent, so a chain is never longer than an
 * address has bits. */
void eg_prefix_index_build(struct eg_prefix_index *index)
{
	struct eg_prefix_item *items = index->items.v;

	if (index->items.n)
		qsort(items, index->items.n, sizeof(*items), compare_items);
	for (size_t i = 0; i < index->items.n; i++) {
		size_t open = i ? i - 1 : EG_PREFIX_INDEX_NONE;

		if (i && eg_prefix_equal(&items[i - 1].prefix, &items[i].prefix))
			open = items[i - 1].parent;
		while (open != EG_PREFIX_INDEX_NONE &&
		       !holds(&items[open].prefix, &items[i].prefix))
			open = items[open].parent;
		items[i].parent = open;
	}
}

const struct eg_prefix_item *eg_prefix_index_find(const struct eg_prefix_index *index,
						  const struct eg_prefix *prefix)
{
	const struct eg_prefix_item *items = index->items.v;
	size_t low = 0, high = index->items.n;

	/* Find the first item after `prefix`; whatever contains it is the item before that or one
	 * of its parents. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_prefixes(&items[middle].prefix, prefix) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low ? low - 1 : EG_PREFIX_INDEX_NONE; i != EG_PREFIX_INDEX_NONE;
	     i = items[i].parent) {
		if (holds(&items[i].prefix, prefix))
			return &items[i];
	}
	return NULL;
}

void eg_prefix_index_free(struct eg_prefix_index *index)
{
	eg_vec_free(&index->items);
}
