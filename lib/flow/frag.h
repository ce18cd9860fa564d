/* Which fragments follow an allowed first one: non-first fragments have no ports, so policy cannot
 * decide them. They pass where their first fragment passed before them, else they are dropped by
 * name. One worker's; no locks. All fragments of a packet reach one worker: devices spread
 * fragments by addresses alone, and an SA is opened by one worker.
 *
 * A table of fixed size: a newer packet's first fragment takes the place of an older one's. */
#ifndef EG_FLOW_FRAG_H
#define EG_FLOW_FRAG_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/key.h"

#define EG_FRAG_SLOTS     1024
#define EG_FRAG_TIMEOUT_S 30 /* RFC 1122 s3.3.2 and RFC 8200 s4.5: 60 s to reassemble at most */

struct eg_frag_entry {
	uint64_t src[2], dst[2];
	uint32_t id; /* IPv4: 16 bits */
	uint32_t generation;
	uint32_t seen_s;
	uint8_t version, proto; /* 0: free */
};

struct eg_frags {
	struct eg_frag_entry slot[EG_FRAG_SLOTS];
};

/* Remember that the first fragment of this packet passed. tuple's ports are not used. */
void eg_frag_allow(struct eg_frags *frags, const struct eg_flow_tuple *tuple, uint32_t id,
		   uint32_t generation, uint32_t now_s);

/* Did it, under the same generation of policy? */
bool eg_frag_allowed(const struct eg_frags *frags, const struct eg_flow_tuple *tuple, uint32_t id,
		     uint32_t generation, uint32_t now_s);

#endif
