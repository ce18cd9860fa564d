#include "sa/sa.h"

static uint64_t now_of(const _Atomic uint64_t *number)
{
	return atomic_load_explicit(number, memory_order_relaxed);
}

bool eg_sa_sent_lately(const struct eg_sa *sa, uint32_t seq, const uint64_t *iv)
{
	uint64_t last = now_of(&sa->seq), from = now_of(&sa->sent[1].seq);
	uint32_t back = (uint32_t)last - seq;

	if (back >= EG_SA_SENT_MOST || back >= last || last - back <= from)
		return false;
	if (!iv)
		return true;
	if (*iv <= now_of(&sa->sent[1].iv) || *iv > now_of(&sa->iv))
		return false;
	/* Both counts advance together, unless several workers send, which update them separately.
	 */
	return sa->shared ||
	       (last - back > now_of(&sa->sent[0].seq)) == (*iv > now_of(&sa->sent[0].iv));
}
