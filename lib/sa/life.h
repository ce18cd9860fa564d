/* Lifetimes against use: is a limit reached, and when will the next one be? Pure functions. */
#ifndef EG_SA_LIFE_H
#define EG_SA_LIFE_H

#include "base/lifetime.h"

/* Which limit. The sequence space is the hard limit of packets where none is set. */
enum eg_life_limit {
	EG_LIFE_NONE,
	EG_LIFE_PACKETS,
	EG_LIFE_BYTES,
	EG_LIFE_TIME,
	EG_LIFE_SEQUENCE,
};

/* "packets" and so on. */
const char *eg_life_name(enum eg_life_limit limit);

struct eg_life_use {
	uint64_t packets, bytes, age_ns;
};

/* The first limit that is reached, or EG_LIFE_NONE. */
enum eg_life_limit eg_life_soft(const struct eg_lifetime *life, const struct eg_life_use *use);
enum eg_life_limit eg_life_hard(const struct eg_lifetime *life, const struct eg_life_use *use);

/* How many percent of the sequence numbers are used; 0 below EG_LIFE_WARN_PERCENT, and with a space
 * that no sender gets through. What ends an SA without ESN comes after 2^32 - 1 packets, which is
 * an hour of a fast one (RFC 4303 s3.3.3). */
#define EG_LIFE_WARN_PERCENT 90
unsigned eg_life_percent(uint64_t space, uint64_t seq);

/* The hard limit that comes first at the present rate. */
struct eg_life_forecast {
	enum eg_life_limit limit; /* EG_LIFE_NONE: none in sight */
	double seconds;
};

struct eg_life_forecast eg_life_forecast(const struct eg_lifetime *life,
					 const struct eg_life_use *use, uint64_t space, double pps,
					 double bytes_per_s);

#endif
