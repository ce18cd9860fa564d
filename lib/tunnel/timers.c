#include "tunnel/timers.h"

#include <stdlib.h>

#include "tunnel/map.h"

struct eg_timers *eg_timers_new(uint32_t max)
{
	struct eg_timers *timers = calloc(1, sizeof(*timers));

	if (!timers)
		return NULL;
	timers->max = max;
	timers->heap = eg_map_zeroed(max * sizeof(*timers->heap));
	if (timers->heap)
		return timers;
	free(timers);
	return NULL;
}

void eg_timers_free(struct eg_timers *timers)
{
	if (!timers)
		return;
	eg_unmap(timers->heap, timers->max * sizeof(*timers->heap));
	free(timers);
}

static void place(struct eg_timers *timers, uint32_t at, struct eg_tunnel_state *state)
{
	timers->heap[at] = state;
	state->timer = at;
}

static void sift_up(struct eg_timers *timers, uint32_t at, struct eg_tunnel_state *state)
{
	while (at && timers->heap[(at - 1) / 2]->next_ns > state->next_ns) {
		place(timers, at, timers->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(timers, at, state);
}

static void sift_down(struct eg_timers *timers, uint32_t at, struct eg_tunnel_state *state)
{
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child + 1 < timers->n &&
		    timers->heap[child + 1]->next_ns < timers->heap[child]->next_ns)
			child++;
		if (child >= timers->n || timers->heap[child]->next_ns >= state->next_ns)
			break;
		place(timers, at, timers->heap[child]);
		at = child;
	}
	place(timers, at, state);
}

/* Put a state where its time belongs; `at` is free. */
static void settle(struct eg_timers *timers, uint32_t at, struct eg_tunnel_state *state)
{
	if (at && timers->heap[(at - 1) / 2]->next_ns > state->next_ns)
		sift_up(timers, at, state);
	else
		sift_down(timers, at, state);
}

static void take_out(struct eg_timers *timers, struct eg_tunnel_state *state)
{
	uint32_t at = state->timer;
	struct eg_tunnel_state *last = timers->heap[--timers->n];

	state->timer = EG_TUNNEL_NONE;
	if (last != state)
		settle(timers, at, last);
}

void eg_timers_set(struct eg_timers *timers, struct eg_tunnel_state *state, uint64_t next_ns)
{
	if (state->next_ns == next_ns)
		return;
	state->next_ns = next_ns;
	if (next_ns == UINT64_MAX)
		take_out(timers, state);
	else if (state->timer == EG_TUNNEL_NONE)
		sift_up(timers, timers->n++, state);
	else
		settle(timers, state->timer, state);
}
