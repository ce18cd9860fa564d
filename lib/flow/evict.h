/* Early drop: what gives way in a full table. Connections of which no more is known than that
 * somebody opened them: unanswered ones, ones whose opener has not spoken since the answer (half
 * open TCP, a single question by UDP), and closed ones. Never an established one, and never one
 * that policy has denied: forgotten, it could be opened the other way round. */
#ifndef EG_FLOW_EVICT_H
#define EG_FLOW_EVICT_H

#include "flow/table.h"

/* Buckets that are searched for a victim: a flood costs each packet no more than this. */
#define EG_EVICT_BUCKETS 4

/* Take the oldest such connection out of the hash's own two buckets, or if `anywhere` out of these
 * and their neighbours. False if there is none. Any worker. */
bool eg_flow_evict(struct eg_flow_table *table, uint64_t hash, bool anywhere, uint32_t now_s);

#endif
