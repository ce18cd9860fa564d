#include "flow/source.h"

struct cells {
	uint32_t at[2];
};

static struct cells cells_of(const struct eg_flow_key *key, unsigned side,
			     const struct eg_flow_seed *seed)
{
	uint64_t hash = eg_flow_fold(key->addr[side][0] ^ seed->word[2],
				     key->addr[side][1] ^ seed->word[3] ^ key->version);

	hash = eg_flow_fold(hash ^ seed->word[0], seed->word[1] | 1);
	return (struct cells){
		{(uint32_t)hash % EG_SOURCE_CELLS, (uint32_t)(hash >> 32) % EG_SOURCE_CELLS}};
}

uint32_t eg_flow_source_count(const struct eg_flow_sources *sources, const struct eg_flow_key *key,
			      unsigned side, const struct eg_flow_seed *seed)
{
	struct cells cells = cells_of(key, side, seed);
	uint32_t a = atomic_load_explicit(&sources->cell[0][cells.at[0]], memory_order_relaxed);
	uint32_t b = atomic_load_explicit(&sources->cell[1][cells.at[1]], memory_order_relaxed);

	return a < b ? a : b;
}

void eg_flow_source_add(struct eg_flow_sources *sources, const struct eg_flow_key *key,
			unsigned side, const struct eg_flow_seed *seed)
{
	struct cells cells = cells_of(key, side, seed);

	for (int row = 0; row < 2; row++)
		atomic_fetch_add_explicit(&sources->cell[row][cells.at[row]], 1,
					  memory_order_relaxed);
}

void eg_flow_source_remove(struct eg_flow_sources *sources, const struct eg_flow_key *key,
			   unsigned side, const struct eg_flow_seed *seed)
{
	struct cells cells = cells_of(key, side, seed);

	for (int row = 0; row < 2; row++)
		atomic_fetch_sub_explicit(&sources->cell[row][cells.at[row]], 1,
					  memory_order_relaxed);
}
