#include "tunnel/liveness.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/secret.h"

struct eg_liveness *eg_liveness_new(unsigned worker, unsigned workers)
{
	size_t bytes = sizeof(struct eg_liveness) +
		       workers * sizeof(((struct eg_liveness *)NULL)->rerouted[0]);
	struct eg_liveness *liveness = aligned_alloc(64, bytes);
	uint16_t id;

	if (!liveness || eg_secret_random(&id, sizeof(id))) {
		free(liveness);
		return NULL;
	}
	memset(liveness, 0, bytes);
	liveness->id = id;
	liveness->worker = (uint16_t)worker;
	liveness->workers = (uint16_t)workers;
	liveness->refs = 1;
	return liveness;
}

struct eg_liveness *eg_liveness_retain(struct eg_liveness *liveness)
{
	if (liveness)
		liveness->refs++;
	return liveness;
}

void eg_liveness_release(struct eg_liveness *liveness)
{
	if (liveness && !--liveness->refs)
		free(liveness);
}

static void become(struct eg_liveness *liveness, bool dead, uint64_t now_ns)
{
	uint32_t changes = atomic_load_explicit(&liveness->changes, memory_order_relaxed);

	liveness->in_a_row = 0;
	atomic_store_explicit(&liveness->down, dead, memory_order_relaxed);
	atomic_store_explicit(&liveness->since_ns, now_ns, memory_order_relaxed);
	/* Release: a reader that sees the change also sees what it is and since when. */
	atomic_store_explicit(&liveness->changes, changes + 1, memory_order_release);
}

/* 75 to 100% of the interval; if one lost reply is enough, up to 90% (RFC 5880 s6.8.7). */
static uint64_t until_next(const struct eg_liveness *liveness, const struct eg_liveness_plan *plan)
{
	uint32_t asked = atomic_load_explicit(&liveness->requests, memory_order_relaxed);
	uint64_t chance = eg_hash_u64((uint64_t)liveness->id << 32 | asked) >> 48; /* of 65536 */
	uint64_t quarter = plan->interval_ns / 4;
	uint64_t least = plan->threshold == 1 ? plan->interval_ns / 10 : 0;

	return plan->interval_ns - least - ((quarter - least) * chance >> 16);
}

static void ask(struct eg_liveness *liveness, const struct eg_liveness_plan *plan, uint64_t now_ns)
{
	uint32_t asked = atomic_load_explicit(&liveness->requests, memory_order_relaxed);

	if (atomic_load_explicit(&liveness->down, memory_order_relaxed)) {
		liveness->in_a_row = liveness->answered_before != liveness->answered_at_request
					     ? liveness->in_a_row + 1
					     : 0;
		if (liveness->in_a_row >= plan->threshold)
			become(liveness, false, now_ns);
	}
	liveness->answered_at_request = liveness->answered_before;
	liveness->next_ns = now_ns + until_next(liveness, plan);
	/* Release: pairs with the worker that receives the reply. */
	atomic_store_explicit(&liveness->requests, asked + 1, memory_order_release);
}

bool eg_liveness_poll(struct eg_liveness *liveness, const struct eg_liveness_plan *plan,
		      uint64_t now_ns)
{
	uint32_t answered = atomic_load_explicit(&liveness->answered, memory_order_relaxed);

	if (!liveness->polled_ns)
		liveness->answered_ns = liveness->next_ns = now_ns;
	else if (now_ns - liveness->polled_ns >= plan->interval_ns)
		liveness->answered_ns += now_ns - liveness->polled_ns;
	liveness->polled_ns = now_ns;
	if (liveness->answered_before != answered) {
		liveness->answered_before = answered;
		liveness->answered_ns = now_ns;
	}
	if (now_ns - liveness->answered_ns >= plan->interval_ns * plan->threshold &&
	    !atomic_load_explicit(&liveness->down, memory_order_relaxed))
		become(liveness, true, now_ns);
	if (now_ns < liveness->next_ns)
		return false;
	ask(liveness, plan, now_ns);
	return true;
}

void eg_liveness_link_down(struct eg_liveness *liveness, uint64_t now_ns)
{
	if (!atomic_load_explicit(&liveness->down, memory_order_relaxed))
		become(liveness, true, now_ns);
}

void eg_liveness_reply(struct eg_liveness *liveness, uint16_t number)
{
	uint32_t asked = atomic_load_explicit(&liveness->requests, memory_order_acquire);
	uint32_t before = atomic_load_explicit(&liveness->answered, memory_order_relaxed);
	uint32_t behind = (uint16_t)(asked - number), request = asked - behind;

	if (behind >= EG_LIVENESS_LATE)
		return;
	do {
		if ((int32_t)(request - before) <= 0)
			return;
	} while (!atomic_compare_exchange_weak_explicit(
		&liveness->answered, &before, request, memory_order_relaxed, memory_order_relaxed));
	atomic_fetch_add_explicit(&liveness->answers, 1, memory_order_relaxed);
}

uint64_t eg_liveness_rerouted(const struct eg_liveness *liveness)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < liveness->workers; w++)
		sum += atomic_load_explicit(&liveness->rerouted[w].packets, memory_order_relaxed);
	return sum;
}
