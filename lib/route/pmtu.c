#include "route/pmtu.h"

#include <stddef.h>
#include <stdlib.h>

#define LINE 64 /* nobody else's writes in the line that workers read */

struct eg_pmtu *eg_pmtu_new(void)
{
	struct eg_pmtu *pmtu = aligned_alloc(LINE, LINE);

	_Static_assert(sizeof(*pmtu) <= LINE, "one cache line");
	if (!pmtu)
		return NULL;
	eg_pmtu_init(pmtu);
	pmtu->refs = 1;
	return pmtu;
}

void eg_pmtu_init(struct eg_pmtu *pmtu)
{
	*pmtu = (struct eg_pmtu){.told = EG_PMTU_NONE};
	atomic_init(&pmtu->word, EG_PMTU_NONE);
}

void eg_pmtu_forget(struct eg_pmtu *pmtu)
{
	atomic_store_explicit(&pmtu->word, EG_PMTU_NONE, memory_order_relaxed);
}

struct eg_pmtu *eg_pmtu_retain(struct eg_pmtu *pmtu)
{
	pmtu->refs++;
	return pmtu;
}

void eg_pmtu_release(struct eg_pmtu *pmtu)
{
	if (pmtu && !--pmtu->refs)
		free(pmtu);
}

void eg_pmtu_learn(struct eg_pmtu *pmtu, uint16_t bytes, uint32_t now_s)
{
	uint64_t word = atomic_load_explicit(&pmtu->word, memory_order_relaxed);

	while (bytes <= (uint16_t)word && !atomic_compare_exchange_weak_explicit(
						  &pmtu->word, &word, (uint64_t)now_s << 16 | bytes,
						  memory_order_relaxed, memory_order_relaxed))
		;
}

void eg_pmtu_age(struct eg_pmtu *pmtu, uint32_t now_s)
{
	uint64_t word = atomic_load_explicit(&pmtu->word, memory_order_relaxed);

	/* Where a worker learns at this moment, what it learned stays. */
	if ((uint16_t)word != EG_PMTU_NONE &&
	    (int32_t)(now_s - (uint32_t)(word >> 16)) >= EG_PMTU_AGE_S)
		atomic_compare_exchange_strong_explicit(&pmtu->word, &word, EG_PMTU_NONE,
							memory_order_relaxed, memory_order_relaxed);
}

uint16_t eg_pmtu_plateau(uint16_t bytes)
{
	static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296};

	for (size_t i = 0; i < sizeof(plateaus) / sizeof(*plateaus); i++) {
		if (plateaus[i] < bytes)
			return plateaus[i];
	}
	return 68;
}
