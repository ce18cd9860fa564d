/* Prefixes that know which of them lies inside which: for "does anything cover this?", asked of
 * 100,000 peers without looking at each pair.
 *
 * Life cycle: eg_cover_add() all -> eg_cover_build() -> lookups -> eg_cover_free(). Zeroed memory
 * is an empty cover. Control thread. */
#ifndef EG_CONF_COVER_H
#define EG_CONF_COVER_H

#include <stddef.h>

#include "base/ip.h"
#include "base/vec.h"
#include "conf/tree.h"

#define EG_COVER_NONE ((size_t)-1)

struct eg_cover_item {
	struct eg_prefix prefix;
	unsigned kind;              /* the caller's; orders equal prefixes */
	size_t owner, sub;          /* the caller's: which peer, which of its subnets */
	const struct eg_node *node; /* where it is written */
	size_t parent; /* nearest item with a shorter prefix that holds this one, or EG_COVER_NONE
			*/
};

struct eg_cover {
	EG_VEC(struct eg_cover_item) items; /* once built: in address order, outer before inner */
};

/* Add a copy; its prefix must have no host bits, and one of no family is left out. 0, or -1 where
 * memory is short. */
int eg_cover_add(struct eg_cover *cover, const struct eg_cover_item *item);

void eg_cover_build(struct eg_cover *cover);

/* The longest prefix that holds all of `prefix` (or equals it), of equal ones the last in order;
 * NULL where none does. */
const struct eg_cover_item *eg_cover_find(const struct eg_cover *cover,
					  const struct eg_prefix *prefix);

void eg_cover_free(struct eg_cover *cover);

static inline struct eg_prefix eg_host_prefix(const struct eg_ip *ip)
{
	return (struct eg_prefix){.ip = *ip, .len = (uint8_t)eg_ip_bits(ip)};
}

static inline bool eg_prefix_equal(const struct eg_prefix *a, const struct eg_prefix *b)
{
	return a->len == b->len && eg_ip_equal(&a->ip, &b->ip);
}

#endif
