/* Early drop: which connections a full table evicts. Only those that may not be real: unanswered
 * ones, ones whose opener has not sent since the answer (half-open TCP, a single UDP query), and
 * closed ones. Never an established connection, and never one that policy has denied: once
 * forgotten, it could be opened in the other direction. */
#ifndef EG_FLOW_EVICT_H
#define EG_FLOW_EVICT_H

#include "flow/table.h"

/* Buckets searched for a victim: limits the cost per packet during a flood. */
#define EG_EVICT_BUCKETS 4

/* Evict the oldest such connection from the hash's own two buckets, or if `anywhere` from these and
 * their neighbours. False if there is none. Any worker. */
bool eg_flow_evict(struct eg_flow_table *table, uint64_t hash, bool anywhere, uint32_t now_s);

#endif
