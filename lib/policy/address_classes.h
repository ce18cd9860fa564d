/* Address classes: addresses that every selector and every ipBlock of every policy treats alike.
 *
 * Three things determine the class of an address: the signature of the pod that owns it (or that
 * none does), the set of ipBlocks that contain it, and whether it belongs to a node. All unknown
 * addresses (in a pod network, without an owner) form one class, which is denied whatever contains
 * them. Control thread; the resulting lookup table (lpm) may be read by any thread. */
#ifndef EG_POLICY_ADDRESS_CLASSES_H
#define EG_POLICY_ADDRESS_CLASSES_H

#include "policy/regions.h"
#include "policy/pod_classes.h"
#include "route/lpm.h"

struct eg_address_class {
	uint32_t signature; /* of the owning pod, or EG_NONE */
	uint32_t blocks;    /* set of the region (eg_regions) */
	bool node;          /* a node's address */
	bool unknown;       /* in a pod network, without an owner */
	uint32_t
		shared; /* 1 + index in cluster->pod_ips if several pods have the address; else 0 */
};

/* List i ends at ends[i]. */
struct eg_class_lists {
	struct eg_words classes, ends;
};

struct eg_address_classes {
	EG_VEC(struct eg_address_class) v; /* class 0: no pod, no block, no node */
	uint32_t unknown;                  /* the class of unknown addresses, or EG_NONE */
	struct eg_words of_owner; /* class by owner i in cluster->pod_ips; empty: nothing shared */
	struct eg_intern keys;
	struct eg_regions regions;
	struct eg_class_lists of_matcher;
	struct eg_lpm *lpm; /* address -> class; the compiler takes ownership */
};

/* *classes must be zeroed; call eg_address_classes_free() even after an error. Returns 0 or
 * -ENOMEM. */
int eg_address_classes_build(struct eg_address_classes *classes, const struct eg_cluster *cluster,
			     const struct eg_rules *rules,
			     const struct eg_pod_classes *pod_classes);

void eg_address_classes_free(struct eg_address_classes *classes);

static inline const uint32_t *eg_class_list(const struct eg_class_lists *lists, uint32_t i,
					    size_t *n)
{
	uint32_t start = i ? lists->ends.v[i - 1] : 0;

	*n = lists->ends.v[i] - start;
	return *n ? lists->classes.v + start : NULL;
}

#endif
