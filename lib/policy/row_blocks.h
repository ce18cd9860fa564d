/* Which rules of a row the ipBlocks around an address allow. A row's rules are those of one
 * isolation group's policies.
 *
 * Regions take over the answer of the region around them, so a row costs one step for each region
 * and more only where one of its own blocks begins, ends or has an exception. Control thread. */
#ifndef EG_POLICY_ROW_BLOCKS_H
#define EG_POLICY_ROW_BLOCKS_H

#include "policy/blocks.h"
#include "policy/meter.h"

struct eg_block_use {
	uint32_t block, rule;
};

struct eg_row_blocks {
	const struct eg_world *world;
	const struct eg_rules *rules;
	const struct eg_regions *regions;
	struct eg_words regions_of, ends; /* regions with an edge of block i: up to ends[i] */
	uint32_t *first_use;              /* of block i in uses, + 1; 0: not in this row */
	uint32_t *count;                  /* blocks of rule i that hold where we are */

	/* Of one row. */
	EG_VEC(struct eg_block_use) uses; /* sorted by block, then rule */
	struct eg_words row_rules;        /* those with blocks, ascending */
	struct eg_intern lists;           /* of rules; 0: none */
	struct eg_words list_of;          /* list of region i */
	struct eg_words touched, nest, scratch;
	uint32_t *seen; /* port set i, in scan `scans` */
	uint32_t scans, n_port_sets;
};

/* Zeroed *row_blocks in; the rest is borrowed. eg_row_blocks_free() also after an error. 0 or
 * -ENOMEM. */
int eg_row_blocks_init(struct eg_row_blocks *row_blocks, const struct eg_world *world,
		       const struct eg_rules *rules, const struct eg_regions *regions);

void eg_row_blocks_free(struct eg_row_blocks *row_blocks);

/* A row: begin, add the blocks of its rules, run. Then list_of and lists are filled. A list has the
 * first rule of each port set and ends with one that covers every protocol and port: others never
 * decide. The cost goes to policy `payer`. 0, -ENOMEM or -E2BIG. */
void eg_row_blocks_begin(struct eg_row_blocks *row_blocks);
int eg_row_blocks_add(struct eg_row_blocks *row_blocks, uint32_t block, uint32_t rule);
int eg_row_blocks_run(struct eg_row_blocks *row_blocks, struct eg_meter *meter, uint32_t payer);

#endif
