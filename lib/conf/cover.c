#include "conf/cover.h"

#include <stdlib.h>
#include <string.h>

int eg_cover_add(struct eg_cover *cover, const struct eg_cover_item *item)
{
	struct eg_cover_item *slot;

	if (!item->prefix.ip.family)
		return 0;
	slot = eg_vec_add(&cover->items);
	if (!slot)
		return -1;
	*slot = *item;
	return 0;
}

/* By address, then outer before inner: everything inside a prefix follows it without a gap. */
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
	const struct eg_cover_item *x = a, *y = b;
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

/* The chain of parents from the item before is the stack of prefixes that are still open; each
 * item closes those that do not hold it. Equal prefixes share one parent, so that no chain is
 * longer than the bits of an address. */
void eg_cover_build(struct eg_cover *cover)
{
	struct eg_cover_item *items = cover->items.v;

	if (cover->items.n)
		qsort(items, cover->items.n, sizeof(*items), compare_items);
	for (size_t i = 0; i < cover->items.n; i++) {
		size_t open = i ? i - 1 : EG_COVER_NONE;

		if (i && eg_prefix_equal(&items[i - 1].prefix, &items[i].prefix))
			open = items[i - 1].parent;
		while (open != EG_COVER_NONE && !holds(&items[open].prefix, &items[i].prefix))
			open = items[open].parent;
		items[i].parent = open;
	}
}

const struct eg_cover_item *eg_cover_find(const struct eg_cover *cover,
					  const struct eg_prefix *prefix)
{
	const struct eg_cover_item *items = cover->items.v;
	size_t low = 0, high = cover->items.n;

	/* The first item behind `prefix`; whatever holds it is the one before or that one's
	 * parents. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_prefixes(&items[middle].prefix, prefix) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low ? low - 1 : EG_COVER_NONE; i != EG_COVER_NONE; i = items[i].parent) {
		if (holds(&items[i].prefix, prefix))
			return &items[i];
	}
	return NULL;
}

void eg_cover_free(struct eg_cover *cover)
{
	eg_vec_free(&cover->items);
}
