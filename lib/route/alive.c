#include "route/alive.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/secret.h"

struct eg_alive *eg_alive_new(unsigned worker, unsigned workers)
{
	size_t bytes =
		sizeof(struct eg_alive) + workers * sizeof(((struct eg_alive *)NULL)->moved[0]);
	struct eg_alive *alive = aligned_alloc(64, bytes);
	uint16_t id;

	if (!alive || eg_secret_random(&id, sizeof(id))) {
		free(alive);
		return NULL;
	}
	memset(alive, 0, bytes);
	alive->id = id;
	alive->worker = (uint16_t)worker;
	alive->workers = (uint16_t)workers;
	alive->refs = 1;
	return alive;
}

struct eg_alive *eg_alive_retain(struct eg_alive *alive)
{
	if (alive)
		alive->refs++;
	return alive;
}

void eg_alive_release(struct eg_alive *alive)
{
	if (alive && !--alive->refs)
		free(alive);
}

static void become(struct eg_alive *alive, bool dead, uint64_t now_ns)
{
	uint32_t changes = atomic_load_explicit(&alive->changes, memory_order_relaxed);

	alive->in_a_row = 0;
	atomic_store_explicit(&alive->dead, dead, memory_order_relaxed);
	atomic_store_explicit(&alive->since_ns, now_ns, memory_order_relaxed);
	/* Release: who sees the change sees what it is and since when. */
	atomic_store_explicit(&alive->changes, changes + 1, memory_order_release);
}

/* 75 to 100% of the interval; where one lost answer is enough, up to 90% (RFC 5880 s6.8.7). */
static uint64_t until_next(const struct eg_alive *alive, const struct eg_alive_plan *plan)
{
	uint32_t asked = atomic_load_explicit(&alive->asked, memory_order_relaxed);
	uint64_t chance = eg_hash_u64((uint64_t)alive->id << 32 | asked) >> 48; /* of 65536 */
	uint64_t quarter = plan->interval_ns / 4;
	uint64_t least = plan->threshold == 1 ? plan->interval_ns / 10 : 0;

	return plan->interval_ns - least - ((quarter - least) * chance >> 16);
}

static void ask(struct eg_alive *alive, const struct eg_alive_plan *plan, uint64_t now_ns)
{
	uint32_t asked = atomic_load_explicit(&alive->asked, memory_order_relaxed);

	if (atomic_load_explicit(&alive->dead, memory_order_relaxed)) {
		alive->in_a_row = alive->heard != alive->heard_at_asking ? alive->in_a_row + 1 : 0;
		if (alive->in_a_row >= plan->threshold)
			become(alive, false, now_ns);
	}
	alive->heard_at_asking = alive->heard;
	alive->next_ns = now_ns + until_next(alive, plan);
	/* Release: pairs with whoever hears the answer, on another worker. */
	atomic_store_explicit(&alive->asked, asked + 1, memory_order_release);
}

bool eg_alive_look(struct eg_alive *alive, const struct eg_alive_plan *plan, uint64_t now_ns)
{
	uint32_t answered = atomic_load_explicit(&alive->answered, memory_order_relaxed);

	if (!alive->looked_ns)
		alive->heard_ns = alive->next_ns = now_ns;
	else if (now_ns - alive->looked_ns >= plan->interval_ns)
		alive->heard_ns += now_ns - alive->looked_ns;
	alive->looked_ns = now_ns;
	if (alive->heard != answered) {
		alive->heard = answered;
		alive->heard_ns = now_ns;
	}
	if (now_ns - alive->heard_ns >= plan->interval_ns * plan->threshold &&
	    !atomic_load_explicit(&alive->dead, memory_order_relaxed))
		become(alive, true, now_ns);
	if (now_ns < alive->next_ns)
		return false;
	ask(alive, plan, now_ns);
	return true;
}

void eg_alive_cut(struct eg_alive *alive, uint64_t now_ns)
{
	if (!atomic_load_explicit(&alive->dead, memory_order_relaxed))
		become(alive, true, now_ns);
}

void eg_alive_hear(struct eg_alive *alive, uint16_t number)
{
	uint32_t asked = atomic_load_explicit(&alive->asked, memory_order_acquire);
	uint32_t before = atomic_load_explicit(&alive->answered, memory_order_relaxed);
	uint32_t behind = (uint16_t)(asked - number), request = asked - behind;

	if (behind >= EG_ALIVE_LATE)
		return;
	do {
		if ((int32_t)(request - before) <= 0)
			return;
	} while (!atomic_compare_exchange_weak_explicit(
		&alive->answered, &before, request, memory_order_relaxed, memory_order_relaxed));
	atomic_fetch_add_explicit(&alive->answers, 1, memory_order_relaxed);
}

uint64_t eg_alive_moved(const struct eg_alive *alive)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < alive->workers; w++)
		sum += atomic_load_explicit(&alive->moved[w].packets, memory_order_relaxed);
	return sum;
}
