#include "sa/sad_table.h"

#include <errno.h>
#include <stdlib.h>

int eg_sad_table_build(struct eg_sad_table *sad, const struct eg_sad_entry *entries, size_t n)
{
	uint32_t size = 8;

	while (size < 2 * n)
		size *= 2;
	sad->slots = calloc(size, sizeof(*sad->slots));
	if (!sad->slots)
		return -ENOMEM;
	sad->mask = size - 1;
	for (size_t i = 0; i < n; i++) {
		uint32_t at = (uint32_t)eg_hash_u64(entries[i].spi_be) & sad->mask;

		while (sad->slots[at].spi_be)
			at = (at + 1) & sad->mask;
		sad->slots[at] = entries[i];
	}
	return 0;
}

void eg_sad_table_free(struct eg_sad_table *sad)
{
	free(sad->slots);
	sad->slots = NULL;
}
