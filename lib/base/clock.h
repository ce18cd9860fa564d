/* The monotonic and the wall clock. Any thread. */
#ifndef EG_BASE_CLOCK_H
#define EG_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define EG_NS_PER_S  1000000000ull
#define EG_NS_PER_MS 1000000ull

static inline uint64_t eg_clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * EG_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Nanoseconds, never going backwards: for intervals and timeouts. */
static inline uint64_t eg_mono_ns(void)
{
	return eg_clock_ns(CLOCK_MONOTONIC);
}

/* Nanoseconds since 1970: for values that must differ across restarts (the IV clock) and for
 * display. */
static inline uint64_t eg_wall_ns(void)
{
	return eg_clock_ns(CLOCK_REALTIME);
}

#endif
