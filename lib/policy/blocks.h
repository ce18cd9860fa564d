/* ipBlocks cut the address space into regions, each with the set of blocks that hold it.
 * Control thread. */
#ifndef EG_POLICY_BLOCKS_H
#define EG_POLICY_BLOCKS_H

#include "policy/rules.h"

/* All addresses for which this is the longest of the blocks' prefixes. */
struct eg_region {
	struct eg_prefix prefix;
	uint32_t set; /* in the sets table: block numbers ascending */
};

struct eg_regions {
	EG_VEC(struct eg_region) v;
};

/* Cut. Set 0 of *sets becomes the empty one. 0 or -ENOMEM; eg_vec_free(&regions->v) ends it. */
int eg_regions_build(struct eg_regions *regions, struct eg_intern *sets,
		     const struct eg_rules *rules);

#endif
