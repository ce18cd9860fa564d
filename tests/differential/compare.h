/* The state of two gateways that must be the same after the same packets. */
#ifndef DIFFERENTIAL_COMPARE_H
#define DIFFERENTIAL_COMPARE_H

#include "gateway.h"

/* Counters: after every burst. Each prints the first difference and returns false. */
bool counters_equal(const struct gateway *a, const struct gateway *b);

/* A neighbour counts as used by a packet that the cache learns from and that is dropped after that:
 * make it the same, because the resolver's next messages depend on it. */
void equalize_uses(const struct gateway *a, struct gateway *b);

/* SAs, tunnels, neighbours, connections and the counts of policies: now and then. */
bool states_equal(struct gateway *a, struct gateway *b);

#endif
