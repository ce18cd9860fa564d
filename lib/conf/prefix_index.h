/* Sorted prefixes with links from each one to the prefix that covers it. Finds the longest covering
 * prefix among the subnets of 100,000 peers without comparing every pair.
 *
 * Life cycle: eg_prefix_index_add() for each -> eg_prefix_index_build() -> lookups ->
 * eg_prefix_index_free(). Zeroed memory is an empty index. Control thread. */
#ifndef EG_CONF_PREFIX_INDEX_H
#define EG_CONF_PREFIX_INDEX_H

#include <stddef.h>

#include "base/ip.h"
#include "base/vec.h"
#include "conf/tree.h"

#define EG_PREFIX_INDEX_NONE ((size_t)-1)

struct eg_prefix_item {
	struct eg_prefix prefix;
	unsigned kind;              /* caller-defined; orders equal prefixes */
	size_t owner, sub;          /* caller-defined, such as the peer's and the subnet's index */
	const struct eg_node *node; /* position in the file */
	size_t parent; /* item with the longest shorter prefix that contains it, or NONE */
};

struct eg_prefix_index {
	EG_VEC(struct eg_prefix_item) items; /* in address order, covering first */
};

/* Add a copy. The prefix must have no host bits; a prefix without a family is skipped. Returns 0,
 * or -1 if out of memory. */
int eg_prefix_index_add(struct eg_prefix_index *index, const struct eg_prefix_item *item);

void eg_prefix_index_build(struct eg_prefix_index *index);

/* The longest prefix that contains or equals `prefix`; of equal ones the last in sort order. NULL
 * if there is none. */
const struct eg_prefix_item *eg_prefix_index_find(const struct eg_prefix_index *index,
						  const struct eg_prefix *prefix);

void eg_prefix_index_free(struct eg_prefix_index *index);

static inline struct eg_prefix eg_host_prefix(const struct eg_ip *ip)
{
	return (struct eg_prefix){.ip = *ip, .len = (uint8_t)eg_ip_bits(ip)};
}

static inline bool eg_prefix_equal(const struct eg_prefix *a, const struct eg_prefix *b)
{
	return a->len == b->len && eg_ip_equal(&a->ip, &b->ip);
}

#endif
