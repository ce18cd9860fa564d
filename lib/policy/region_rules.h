/* For one table row: the rules that apply in each region because of their ipBlocks. A row has the
 * rules of one isolation group's policies.
 *
 * A region inherits from the enclosing region, so a row costs one step per region, and more only
 * where one of its own blocks begins, ends or has an exception. Control thread. */
#ifndef EG_POLICY_REGION_RULES_H
#define EG_POLICY_REGION_RULES_H

#include "policy/regions.h"
#include "policy/meter.h"

struct eg_block_use {
	uint32_t block, rule;
};

struct eg_region_rules {
	const struct eg_cluster *cluster;
	const struct eg_rules *rules;
	const struct eg_regions *regions;
	struct eg_words regions_of, ends; /* regions with an edge of block i end at ends[i] */
	uint32_t *first_use;              /* 1 + index in uses of block i; 0: not in this row */
	uint32_t *count;                  /* blocks of rule i that contain the current region */

	/* Per row. */
	EG_VEC(struct eg_block_use) uses; /* sorted by block, then rule */
	struct eg_words row_rules;        /* rules with blocks, ascending */
	struct eg_intern lists;           /* lists of rules; 0 is empty */
	struct eg_words list_of;          /* list of region i */
	struct eg_words touched, enclosing, scratch;
	uint32_t *seen; /* last scan that saw port set i */
	uint32_t scans, n_port_sets;
};

/* *region_rules must be zeroed; the rest is borrowed. Call eg_region_rules_free() even after an
 * error. Returns 0 or -ENOMEM. */
int eg_region_rules_init(struct eg_region_rules *region_rules, const struct eg_cluster *cluster,
			 const struct eg_rules *rules, const struct eg_regions *regions);

void eg_region_rules_free(struct eg_region_rules *region_rules);

/* For each row: begin, add the blocks of its rules, find. Then lists and list_of are valid. A list
 * has only the first rule of each port set, and ends with a rule that covers every protocol and
 * port: other rules never decide. The cost is charged to policy `charged`. Returns 0, -ENOMEM or
 * -E2BIG. */
void eg_region_rules_begin(struct eg_region_rules *region_rules);
int eg_region_rules_add(struct eg_region_rules *region_rules, uint32_t block, uint32_t rule);
int eg_region_rules_find(struct eg_region_rules *region_rules, struct eg_meter *meter,
			 uint32_t charged);

#endif
