/* When a worker does its housekeeping: keepalives, probes, expiry, neighbour resolution and kernel
 * devices. An idle worker does it in every poll. A busy one does it when something waits for it,
 * and otherwise once per 64 polls or per millisecond, whichever comes first: the clock, rings and
 * lists that it reads would cost each burst about as much as one more packet. Pure; one worker's.
 */
#ifndef EG_WORKER_HOUSEKEEPING_H
#define EG_WORKER_HOUSEKEEPING_H

#include <stdbool.h>
#include <stdint.h>

#define EG_HOUSEKEEPING_POLLS 64
#define EG_HOUSEKEEPING_PER_S 1000

struct eg_housekeeping { /* zeroed: due */
	uint64_t next_cycles;
	unsigned polls_left;
};

/* Once per poll: is it due? at_once: the poll found no packets, or something waits. cycles: the
 * poll's time. */
static inline bool eg_housekeeping_is_due(struct eg_housekeeping *housekeeping, bool at_once,
					  uint64_t cycles, uint64_t cycles_per_s)
{
	if (!at_once && housekeeping->polls_left && cycles < housekeeping->next_cycles) {
		housekeeping->polls_left--;
		return false;
	}
	housekeeping->polls_left = EG_HOUSEKEEPING_POLLS - 1;
	housekeeping->next_cycles = cycles + cycles_per_s / EG_HOUSEKEEPING_PER_S;
	return true;
}

/* There was something to do, so there may be more: it is due in the next poll, too. */
static inline void eg_housekeeping_again(struct eg_housekeeping *housekeeping)
{
	housekeeping->polls_left = 0;
}

#endif
