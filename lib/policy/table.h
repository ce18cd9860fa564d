/* The verdict table of one direction: (isolation group of the subject, class of the other endpoint)
 * -> cell.
 *
 * Rows are split into pages of 32 cells, and equal pages are stored once: the rules of a group
 * usually concern a few namespaces, so nearly all pages of its row are the same "no match" page.
 * Built by the control thread, read by any thread. */
#ifndef EG_POLICY_TABLE_H
#define EG_POLICY_TABLE_H

#include "policy/address_classes.h"
#include "policy/region_rules.h"
#include "policy/isolation_groups.h"
#include "policy/port_map.h"

#define EG_PAGE_BITS  5
#define EG_PAGE_CELLS (1u << EG_PAGE_BITS)

struct eg_table {
	uint32_t *rows;     /* page of (group, class / 32) */
	uint32_t row_pages; /* pages per row */
	uint32_t *cells;    /* page i starts at i * 32 */
	size_t n_rows, n_pages;
};

/* Input of the build; all borrowed. */
struct eg_table_input {
	const struct eg_cluster *cluster;
	const struct eg_rules *rules;
	const struct eg_pod_classes *pod_classes;
	const struct eg_address_classes *classes;
	const struct eg_isolation_groups *groups;
	struct eg_region_rules *region_rules; /* scratch, for the regions of `classes` */
	struct eg_meter *meter;
	const uint64_t
		*weights;  /* per policy; the cost of a row is charged to its heaviest policy */
	const bool *named; /* rule i names a port */
	enum eg_dir dir;
};

/* *table must be zeroed; call eg_table_free() even after an error. port_maps is shared by both
 * directions. Returns 0, -ENOMEM, or -E2BIG if the meter's limit is exceeded. */
int eg_table_build(struct eg_table *table, const struct eg_table_input *in,
		   struct eg_port_maps *port_maps);

void eg_table_free(struct eg_table *table);

static inline uint32_t eg_table_cell(const struct eg_table *table, uint32_t group,
				     uint32_t class_id)
{
	uint32_t page = table->rows[(size_t)group * table->row_pages + (class_id >> EG_PAGE_BITS)];

	return table->cells[(size_t)page << EG_PAGE_BITS | (class_id & (EG_PAGE_CELLS - 1))];
}

#endif
