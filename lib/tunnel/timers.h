/* Private to lib/tunnel: a binary heap of tunnels by the time at which an SA's use changes, one
 * entry per tunnel. Setting a time never allocates. Control thread. */
#ifndef EG_TUNNEL_TIMERS_H
#define EG_TUNNEL_TIMERS_H

#include "tunnel/tunnel.h"

struct eg_timers {
	struct eg_tunnel_state **heap; /* mapped for `max` */
	uint32_t n, max;
};

/* NULL: out of memory. */
struct eg_timers *eg_timers_new(uint32_t max);
void eg_timers_free(struct eg_timers *timers);

/* Set state->next_ns; UINT64_MAX: no time. */
void eg_timers_set(struct eg_timers *timers, struct eg_tunnel_state *state, uint64_t next_ns);

/* The one with the earliest time, or NULL. */
static inline struct eg_tunnel_state *eg_timers_first(const struct eg_timers *timers)
{
	return timers->n ? timers->heap[0] : NULL;
}

#endif
