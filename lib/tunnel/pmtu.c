#include "tunnel/pmtu.h"

#include <stddef.h>

void eg_pmtu_init(struct eg_pmtu *pmtu)
{
	*pmtu = (struct eg_pmtu){.logged = EG_PMTU_NONE};
	atomic_init(&pmtu->word, EG_PMTU_NONE);
}

bool eg_pmtu_forget(struct eg_pmtu *pmtu)
{
	uint64_t word = atomic_exchange_explicit(&pmtu->word, EG_PMTU_NONE, memory_order_relaxed);

	return (uint16_t)word != EG_PMTU_NONE;
}

bool eg_pmtu_learn(struct eg_pmtu *pmtu, uint16_t bytes, uint32_t now_s)
{
	uint64_t word = atomic_load_explicit(&pmtu->word, memory_order_relaxed);

	while (bytes <= (uint16_t)word) {
		if (atomic_compare_exchange_weak_explicit(
			    &pmtu->word, &word, (uint64_t)now_s << 16 | bytes, memory_order_relaxed,
			    memory_order_relaxed))
			return bytes < (uint16_t)word;
	}
	return false;
}

bool eg_pmtu_age(struct eg_pmtu *pmtu, uint32_t now_s)
{
	uint64_t word = atomic_load_explicit(&pmtu->word, memory_order_relaxed);

	/* If a worker learns at this moment, what it learned stays. */
	return (uint16_t)word != EG_PMTU_NONE &&
	       (int32_t)(now_s - (uint32_t)(word >> 16)) >= EG_PMTU_AGE_S &&
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
