/* Port maps: the verdict for each protocol and port, for table cells that need more than one. Built
 * by the control thread, read by any thread. */
#ifndef EG_POLICY_PORT_MAP_H
#define EG_POLICY_PORT_MAP_H

#include "policy/pod_classes.h"

/* A cell is the verdict for all keys, or, with this bit set, the offset of a port map. */
#define EG_CELL_PORT_MAP 0x80000000u

/* A port map: n, then n start keys (ascending, the first is 0), then n verdicts. */
static inline uint32_t eg_port_map_lookup(const uint32_t *map, uint32_t key)
{
	uint32_t n = map[0], at = 0;
	const uint32_t *starts = map + 1;

	/* Binary search: a hundred ranges take seven steps, one port takes two. */
	for (uint32_t left = n; left > 1;) {
		uint32_t half = left / 2;

		at += starts[at + half] <= key ? half : 0;
		left -= half;
	}
	return starts[n + at];
}

struct eg_span {
	uint32_t first, last; /* keys, inclusive */
	uint32_t verdict;
};

struct eg_port_maps {
	struct eg_intern maps;                     /* each distinct map once */
	struct eg_intern cache;                    /* cache keys: profile, then rules */
	struct eg_words cells;                     /* cell of cache i */
	EG_VEC(struct eg_span) spans;              /* scratch */
	struct eg_words cuts, verdicts, next_free; /* scratch */
	uint64_t n_assigned;                       /* pieces processed, over all cells */
};

/* Words stored and pieces processed so far, for the meter. */
static inline uint64_t eg_port_maps_cost(const struct eg_port_maps *port_maps)
{
	return port_maps->maps.words.n + port_maps->cache.words.n + port_maps->n_assigned;
}

/* The cell for rules (ascending; the first match decides) at a destination with the named ports of
 * `profile`. key: profile, then rules. Returns 0, -ENOMEM or -E2BIG. */
int eg_port_maps_cell(struct eg_port_maps *port_maps, const struct eg_cluster *cluster,
		      const struct eg_rules *rules, const struct eg_pod_classes *pod_classes,
		      const struct eg_words *key, uint32_t *cell);

void eg_port_maps_free(struct eg_port_maps *port_maps);

#endif
