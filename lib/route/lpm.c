#include "route/lpm.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define ROOT_BYTES  2 /* address bytes that index the root */
#define ROOT_SLOTS  (1u << 16)
#define TABLE_SLOTS (1u << 8)

static_assert(sizeof(struct eg_lpm_skip) <= EG_LPM_UNIT_BYTES, "a skip node is one unit");
static_assert(sizeof(((struct eg_lpm_skip *)0)->bytes) >= 16 - ROOT_BYTES, "a whole IPv6 tail");

/* Sorted so that a prefix precedes all prefixes inside it. */
struct item {
	struct eg_prefix prefix;
	uint32_t value;
	size_t order; /* position in the caller's list: equal prefixes keep their order */
};

/* Prefixes that share the first `depth` bytes and are longer than that. */
struct range {
	const struct item *first, *end;
	unsigned depth;
};

struct builder {
	struct eg_lpm *lpm;
	size_t cap_units;
};

static int compare(const void *va, const void *vb)
{
	const struct item *a = va, *b = vb;
	int c = memcmp(a->prefix.ip.bytes, b->prefix.ip.bytes, sizeof(a->prefix.ip.bytes));

	if (c)
		return c;
	if (a->prefix.len != b->prefix.len)
		return a->prefix.len < b->prefix.len ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Append space for a node; *index is its number. May move all nodes: do not hold a pointer to one
 * across this call. */
static int append_node(struct builder *b, size_t bytes, uint32_t *index)
{
	size_t units = (bytes + EG_LPM_UNIT_BYTES - 1) / EG_LPM_UNIT_BYTES;
	struct eg_lpm *lpm = b->lpm;

	if (lpm->n_units + units > EG_LPM_INDEX) {
		errno = ENOMEM;
		return -1;
	}
	if (lpm->n_units + units > b->cap_units) {
		size_t cap = b->cap_units * 2 + 1024;
		void *p = reallocarray(lpm->nodes, cap, EG_LPM_UNIT_BYTES);

		if (!p)
			return -1;
		lpm->nodes = p;
		b->cap_units = cap;
	}
	*index = (uint32_t)lpm->n_units;
	lpm->n_units += units;
	return 0;
}

static void *node_at(const struct builder *b, uint32_t index)
{
	return b->lpm->nodes + (size_t)index * EG_LPM_UNIT_BYTES;
}

static void fill(uint32_t *slots, size_t n, uint32_t value)
{
	for (size_t i = 0; i < n; i++)
		slots[i] = value;
}

static int build_below(struct builder *b, struct range range, uint32_t inherited, uint32_t *slot);

/* Fill the slots of a table or root that covers `bytes` bytes from range.depth. */
static int build_slots(struct builder *b, struct range range, uint32_t *slots, unsigned bytes)
{
	unsigned end_bits = (range.depth + bytes) * 8;

	for (const struct item *it = range.first; it < range.end;) {
		const uint8_t *at = it->prefix.ip.bytes + range.depth;
		uint32_t index = bytes == 2 ? (uint32_t)at[0] << 8 | at[1] : at[0];
		struct range below = {it, it + 1, range.depth + bytes};

		if (it->prefix.len <= end_bits) {
			fill(slots + index, (size_t)1 << (end_bits - it->prefix.len), it->value);
			it++;
			continue;
		}
		/* By the sort order, the remaining prefixes of this slot are longer. */
		while (below.end < range.end &&
		       !memcmp(below.end->prefix.ip.bytes + range.depth, at, bytes))
			below.end++;
		if (build_below(b, below, slots[index], &slots[index]))
			return -1;
		it = below.end;
	}
	return 0;
}

static int build_table(struct builder *b, struct range range, uint32_t inherited, uint32_t *slot)
{
	uint32_t slots[TABLE_SLOTS], index;

	fill(slots, TABLE_SLOTS, inherited);
	if (build_slots(b, range, slots, 1) || append_node(b, sizeof(slots), &index))
		return -1;
	memcpy(node_at(b, index), slots, sizeof(slots));
	*slot = EG_LPM_NODE | index;
	return 0;
}

/* Number of bytes from range.depth that all prefixes of the range contain in full and share. */
static unsigned common_bytes(struct range range)
{
	const uint8_t *first = range.first->prefix.ip.bytes;
	const uint8_t *last =
		range.end[-1].prefix.ip.bytes; /* sorted: none in between differs earlier */
	unsigned end = 16;

	for (const struct item *it = range.first; it < range.end; it++)
		if (it->prefix.len / 8u < end)
			end = it->prefix.len / 8u;
	for (unsigned i = range.depth; i < end; i++)
		if (first[i] != last[i])
			return i - range.depth;
	return end - range.depth;
}

/* Build one slot for the whole range: a skip node if there are shared bytes, then a table if
 * prefixes are left. */
static int build_below(struct builder *b, struct range range, uint32_t inherited, uint32_t *slot)
{
	struct eg_lpm_skip skip = {.miss = inherited, .n = (uint8_t)common_bytes(range)};
	uint32_t index;

	memcpy(skip.bytes, range.first->prefix.ip.bytes + range.depth, skip.n);
	range.depth += skip.n;
	for (; range.first < range.end && range.first->prefix.len == range.depth * 8; range.first++)
		inherited = range.first->value;
	skip.next = inherited;
	if (range.first < range.end && build_table(b, range, inherited, &skip.next))
		return -1;
	if (!skip.n) {
		*slot = skip.next;
		return 0;
	}
	if (append_node(b, sizeof(skip), &index))
		return -1;
	memcpy(node_at(b, index), &skip, sizeof(skip));
	*slot = EG_LPM_NODE | EG_LPM_SKIP | index;
	return 0;
}

/* Masked and sorted prefixes of one family; *n is their number. NULL with errno set. */
static struct item *sorted_family(const struct eg_lpm_entry *entries, size_t n_entries,
				  unsigned family, size_t *n)
{
	struct item *items = calloc(n_entries + 1, sizeof(*items));

	*n = 0;
	if (!items)
		return NULL;
	for (size_t i = 0; i < n_entries; i++) {
		struct item *it = &items[*n];

		if (entries[i].prefix.ip.family != family)
			continue;
		*it = (struct item){entries[i].prefix, entries[i].value, i};
		eg_prefix_mask(&it->prefix);
		++*n;
	}
	qsort(items, *n, sizeof(*items), compare);
	return items;
}

static int check(const struct eg_lpm_entry *entries, size_t n, uint32_t default_value)
{
	for (size_t i = 0; i < n; i++) {
		const struct eg_prefix *p = &entries[i].prefix;

		if ((p->ip.family != 4 && p->ip.family != 6) || p->len > eg_ip_bits(&p->ip) ||
		    entries[i].value > EG_LPM_VALUE_MAX)
			return -1;
	}
	return default_value > EG_LPM_VALUE_MAX ? -1 : 0;
}

struct eg_lpm *eg_lpm_build(const struct eg_lpm_entry *entries, size_t n, uint32_t default_value)
{
	struct builder b = {0};

	if (check(entries, n, default_value)) {
		errno = EINVAL;
		return NULL;
	}
	b.lpm = calloc(1, sizeof(*b.lpm));
	for (unsigned i = 0; b.lpm && i < 2; i++) {
		uint32_t *root = malloc(ROOT_SLOTS * sizeof(*root));
		struct item *items;
		size_t n_items;
		int err;

		b.lpm->root[i] = root;
		items = root ? sorted_family(entries, n, i ? 6 : 4, &n_items) : NULL;
		if (!items)
			goto fail;
		fill(root, ROOT_SLOTS, default_value);
		err = build_slots(&b, (struct range){items, items + n_items, 0}, root, ROOT_BYTES);
		free(items);
		if (err)
			goto fail;
	}
	return b.lpm;
fail:
	eg_lpm_free(b.lpm);
	errno = ENOMEM;
	return NULL;
}

void eg_lpm_free(struct eg_lpm *lpm)
{
	if (!lpm)
		return;
	free(lpm->root[0]);
	free(lpm->root[1]);
	free(lpm->nodes);
	free(lpm);
}

size_t eg_lpm_bytes(const struct eg_lpm *lpm)
{
	return sizeof(*lpm) + 2 * ROOT_SLOTS * sizeof(uint32_t) + lpm->n_units * EG_LPM_UNIT_BYTES;
}
