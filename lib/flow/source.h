/* Number of open connections per source address, so that none can take the whole table.
 *
 * Two rows of counters; an address has one cell in each, chosen by a seeded hash, and its count is
 * the smaller of the two. Memory is fixed whatever addresses appear. A count is never too low, and
 * too high only if both cells are shared with other addresses.
 *
 * Synchronization: workers add on insert; the thread that removes a connection from the table
 * subtracts. Atomic, relaxed: the limit may be exceeded by the number of workers. */
#ifndef EG_FLOW_SOURCE_H
#define EG_FLOW_SOURCE_H

#include <stdatomic.h>
#include <stdint.h>

#include "flow/key.h"

#define EG_SOURCE_CELLS 16384 /* per row */

struct eg_flow_sources {
	_Atomic uint32_t cell[2][EG_SOURCE_CELLS];
};

/* Connections charged to the address at that side of the key. Any thread. */
uint32_t eg_flow_source_count(const struct eg_flow_sources *sources, const struct eg_flow_key *key,
			      unsigned side, const struct eg_flow_seed *seed);

/* Add or remove one connection. Any thread. */
void eg_flow_source_add(struct eg_flow_sources *sources, const struct eg_flow_key *key,
			unsigned side, const struct eg_flow_seed *seed);
void eg_flow_source_remove(struct eg_flow_sources *sources, const struct eg_flow_key *key,
			   unsigned side, const struct eg_flow_seed *seed);

#endif
