/* The inbound side of the SA database: SPI -> SA and peer (RFC 4301 s4.4.2; unicast SAs are found
 * by SPI alone, which is ours to choose and unique over the gateway).
 *
 * Life cycle: build -> read-only lookups by any worker -> free. Borrowed: the SAs. */
#ifndef EG_SA_SAD_TABLE_H
#define EG_SA_SAD_TABLE_H

#include <stddef.h>

#include "base/hash.h"
#include "sa/sa.h"

struct eg_sad_entry {
	struct eg_sa *sa;
	uint32_t spi_be; /* 0: free slot; no SA has SPI 0 */
	uint32_t tunnel; /* index in the snapshot */
};

struct eg_sad_table {
	struct eg_sad_entry *slots; /* open addressing, at most half full */
	uint32_t mask;
};

/* Build from n entries with different SPIs. 0 or -ENOMEM. */
int eg_sad_table_build(struct eg_sad_table *sad, const struct eg_sad_entry *entries, size_t n);
void eg_sad_table_free(struct eg_sad_table *sad);

/* NULL where no SA has the SPI. */
static inline const struct eg_sad_entry *eg_sad_table_find(const struct eg_sad_table *sad,
							   uint32_t spi_be)
{
	for (uint32_t at = (uint32_t)eg_hash_u64(spi_be);; at++) {
		const struct eg_sad_entry *slot = &sad->slots[at & sad->mask];

		if (!slot->spi_be)
			return NULL;
		if (slot->spi_be == spi_be)
			return slot;
	}
}

#endif
