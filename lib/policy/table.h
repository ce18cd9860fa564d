/* One direction's decisions: (isolation group of the subject, class of the other end) -> cell.
 *
 * Rows are cut into pages of 32 cells and equal pages are kept once: a group's rules usually speak
 * about a few namespaces, so nearly all pages of its row are the one that says "nothing else".
 * Built by the control thread, read by any. */
#ifndef EG_POLICY_TABLE_H
#define EG_POLICY_TABLE_H

#include "policy/classes.h"
#include "policy/row_blocks.h"
#include "policy/groups.h"
#include "policy/program.h"

#define EG_PAGE_BITS  5
#define EG_PAGE_CELLS (1u << EG_PAGE_BITS)

struct eg_table {
	uint32_t *rows;     /* page of (group, class / 32) */
	uint32_t row_pages; /* in a row */
	uint32_t *cells;    /* of page i from i * 32 on */
	size_t n_rows, n_pages;
};

/* What the table is made from; all borrowed. */
struct eg_table_input {
	const struct eg_world *world;
	const struct eg_rules *rules;
	const struct eg_kinds *kinds;
	const struct eg_classes *classes;
	const struct eg_groups *groups;
	struct eg_row_blocks *row_blocks; /* over the classes' regions; scratch */
	struct eg_meter *meter;
	const uint64_t *weights; /* of policies: a row's cost goes to its heaviest one */
	const bool *named;       /* rule i names a port */
	enum eg_dir dir;
};

/* Zeroed *table in; eg_table_free() also after an error. Programs are shared by both directions.
 * 0, -ENOMEM, or -E2BIG where the meter says so. */
int eg_table_build(struct eg_table *table, const struct eg_table_input *in,
		   struct eg_programs *programs);

void eg_table_free(struct eg_table *table);

static inline uint32_t eg_table_cell(const struct eg_table *table, uint32_t group,
				     uint32_t class_id)
{
	uint32_t page = table->rows[(size_t)group * table->row_pages + (class_id >> EG_PAGE_BITS)];

	return table->cells[(size_t)page << EG_PAGE_BITS | (class_id & (EG_PAGE_CELLS - 1))];
}

#endif
