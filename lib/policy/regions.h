/* ipBlocks divide the address space into regions, each with the set of blocks that contain it.
 *
 * Memory is proportional to the text of the policies: a region stores only how its prefix changes
 * the set of the enclosing region, and sets are numbered, not listed (20,000 blocks with an
 * exception each make 20,000 sets of 19,999 blocks). Control thread. */
#ifndef EG_POLICY_REGIONS_H
#define EG_POLICY_REGIONS_H

#include "policy/rules.h"

/* A block that a prefix enters or (through an exception) leaves. Recorded only if that changes the
 * set: an exception inside another one has no edge. */
struct eg_edge {
	uint32_t block;
	bool leaves;
};

/* All addresses whose longest matching block prefix is this one. */
struct eg_region {
	struct eg_prefix prefix;
	uint32_t parent;              /* the enclosing region, or EG_NONE */
	uint32_t set;                 /* number of its set of blocks; 0: empty */
	uint32_t first_edge, n_edges; /* of its own prefix */
};

struct eg_regions {
	EG_VEC(struct eg_region) v; /* in address order, each after its parent */
	EG_VEC(struct eg_edge) edges;
	struct eg_words region_of_set; /* some region with set i, or EG_NONE */
};

/* *regions must be zeroed; call eg_regions_free() even after an error. Returns 0 or -ENOMEM. */
int eg_regions_build(struct eg_regions *regions, const struct eg_rules *rules);

void eg_regions_free(struct eg_regions *regions);

#endif
