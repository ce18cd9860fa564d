/* Classes: addresses that every selector and every ipBlock of every policy treat alike.
 *
 * An address is known by three things: the signature of the pod that owns it (or that none does),
 * the set of ipBlocks that hold it, and whether it is a node's. All unknown addresses (those that
 * nobody owns in a pod network) are one class, which is denied whatever holds them. Control thread;
 * the lookup that comes out (lpm) is any thread's. */
#ifndef EG_POLICY_CLASSES_H
#define EG_POLICY_CLASSES_H

#include "policy/blocks.h"
#include "policy/kinds.h"
#include "route/lpm.h"

struct eg_class {
	uint32_t signature; /* of the owning pod, or EG_NONE */
	uint32_t blocks;    /* set of the region (eg_regions) */
	bool node;          /* a node's address */
	bool unknown;       /* in a pod network, and nobody's */
	uint32_t shared; /* 1 + its place in world->pod_ips where several pods claim it; else 0 */
};

/* Lists of classes, one for each i. */
struct eg_class_lists {
	struct eg_words classes, ends;
};

struct eg_classes {
	EG_VEC(struct eg_class) v; /* 0: no pod, no block, no node */
	uint32_t unknown;          /* the class of unknown addresses, or EG_NONE: there are none */
	struct eg_words of_owner;  /* class of world->pod_ips i as if only that pod claimed the
				    * address; empty where no address is shared */
	struct eg_intern keys;
	struct eg_regions regions;
	struct eg_class_lists of_matcher;
	struct eg_lpm *lpm; /* address -> class; the compiler takes it over */
};

/* Zeroed *classes in; eg_classes_free() also after an error. 0 or -ENOMEM. */
int eg_classes_build(struct eg_classes *classes, const struct eg_world *world,
		     const struct eg_rules *rules, const struct eg_kinds *kinds);

void eg_classes_free(struct eg_classes *classes);

static inline const uint32_t *eg_class_list(const struct eg_class_lists *lists, uint32_t i,
					    size_t *n)
{
	uint32_t start = i ? lists->ends.v[i - 1] : 0;

	*n = lists->ends.v[i] - start;
	return *n ? lists->classes.v + start : NULL;
}

#endif
