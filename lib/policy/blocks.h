/* ipBlocks cut the address space into regions, each with the set of blocks that hold it.
 *
 * Memory is proportional to the policies' text: a region keeps what its prefix changes in the set
 * of the region around it, and sets have numbers, not lists (20,000 blocks with an exception each
 * make 20,000 sets of 19,999 blocks). Control thread. */
#ifndef EG_POLICY_BLOCKS_H
#define EG_POLICY_BLOCKS_H

#include "policy/rules.h"

/* A block that a prefix enters or, by an exception, leaves. Only where that changes anything: an
 * exception inside another one has no edge. */
struct eg_edge {
	uint32_t block;
	bool leaves;
};

/* All addresses for which this is the longest of the blocks' prefixes. */
struct eg_region {
	struct eg_prefix prefix;
	uint32_t parent;              /* the region around it, or EG_NONE */
	uint32_t set;                 /* equal number, equal blocks; 0: none */
	uint32_t first_edge, n_edges; /* of its own prefix */
};

struct eg_regions {
	EG_VEC(struct eg_region) v; /* each behind its parent, in the order of addresses */
	EG_VEC(struct eg_edge) edges;
	struct eg_words region_of_set; /* one region with set i; EG_NONE: none has it */
};

/* Cut. Zeroed *regions in; eg_regions_free() also after an error. 0 or -ENOMEM. */
int eg_regions_build(struct eg_regions *regions, const struct eg_rules *rules);

void eg_regions_free(struct eg_regions *regions);

#endif
