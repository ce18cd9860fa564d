/* Later fragments have no ports, so policy cannot evaluate them: they pass if their first fragment
 * passed before them. One worker's table; no locks. All fragments of a packet reach the same
 * worker: NICs distribute fragments by addresses alone, and an SA is handled by one worker.
 *
 * A fixed-size table in sets of four: a new packet's first fragment replaces the oldest entry of
 * its set. */
#ifndef EG_FLOW_FRAG_H
#define EG_FLOW_FRAG_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/key.h"

#define EG_FRAG_SETS 256
#define EG_FRAG_WAYS 4
#define EG_FRAG_TIMEOUT_S                                                                          \
	30 /* RFC 1122 s3.3.2 and RFC 8200 s4.5: reassembly takes 60 s at most                     \
	    */

struct eg_frag_entry {
	uint64_t src[2], dst[2];
	uint32_t id;         /* IPv4: 16 bits */
	uint32_t generation; /* of the snapshot under which the first fragment passed */
	uint32_t seen_s;
	uint16_t sport, dport;  /* of the first fragment */
	uint16_t end;           /* payload bytes of the first fragment */
	uint8_t version, proto; /* version 0: free */
	uint8_t l4_proto;       /* of its connection; set by the caller */
};

struct eg_frags {
	uint64_t seed; /* random, so that outsiders cannot evict each other's fragments */
	struct eg_frag_entry set[EG_FRAG_SETS][EG_FRAG_WAYS];
};

/* Record that the first fragment of this packet passed. The caller fills generation, end and
 * l4_proto. */
struct eg_frag_entry *eg_frag_put(struct eg_frags *frags, const struct eg_flow_tuple *tuple,
				  uint32_t id, uint32_t now_s);

/* Find the first fragment for a later one, or NULL. The tuple's ports are ignored. */
struct eg_frag_entry *eg_frag_get(struct eg_frags *frags, const struct eg_flow_tuple *tuple,
				  uint32_t id, uint32_t now_s);

#endif
