/* SA lifetimes: which limits has an SA reached, and when will it reach the next one? Pure
 * functions. */
#ifndef EG_SA_LIFETIME_H
#define EG_SA_LIFETIME_H

#include "base/lifetime.h"

/* Kinds of limits. Without a hard limit of packets, the sequence space is one. */
enum eg_lifetime_limit {
	EG_LIFETIME_NONE,
	EG_LIFETIME_PACKETS,
	EG_LIFETIME_BYTES,
	EG_LIFETIME_TIME,
	EG_LIFETIME_SEQUENCE,
};

/* Name, such as "packets". */
const char *eg_lifetime_name(enum eg_lifetime_limit limit);

struct eg_lifetime_use {
	uint64_t packets, bytes, age_ns;
};

/* The first limit reached, or EG_LIFETIME_NONE. */
enum eg_lifetime_limit eg_lifetime_soft(const struct eg_lifetime *life,
					const struct eg_lifetime_use *use);
enum eg_lifetime_limit eg_lifetime_hard(const struct eg_lifetime *life,
					const struct eg_lifetime_use *use);

/* Percentage of sequence numbers used; 0 below EG_LIFETIME_WARN_PERCENT and for spaces that no
 * sender can exhaust. An SA without ESN ends after 2^32 - 1 packets: about an hour at a high rate
 * (RFC 4303 s3.3.3). */
#define EG_LIFETIME_WARN_PERCENT 90
unsigned eg_lifetime_percent(uint64_t space, uint64_t seq);

/* The hard limit that will be reached first at the present rate. */
struct eg_lifetime_forecast {
	enum eg_lifetime_limit limit; /* EG_LIFETIME_NONE: no limit is being approached */
	double seconds;
};

struct eg_lifetime_forecast eg_lifetime_forecast(const struct eg_lifetime *life,
						 const struct eg_lifetime_use *use, uint64_t space,
						 double pps, double bytes_per_s);

#endif
