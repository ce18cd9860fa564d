/* Which fragments follow an allowed first one: non-first fragments have no ports, so policy cannot
 * decide them; they go where their first fragment went before them. One worker's; no locks. All
 * fragments of a packet reach one worker: devices spread fragments by addresses alone, and an SA is
 * opened by one worker.
 *
 * A table of fixed size, in sets of four: a newer packet's first fragment takes the place of the
 * oldest one's in its set. */
#ifndef EG_FLOW_FRAG_H
#define EG_FLOW_FRAG_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/key.h"

#define EG_FRAG_SETS      256
#define EG_FRAG_WAYS      4
#define EG_FRAG_TIMEOUT_S 30 /* RFC 1122 s3.3.2 and RFC 8200 s4.5: 60 s to reassemble at most */

struct eg_frag_entry {
	uint64_t src[2], dst[2];
	uint32_t id;         /* IPv4: 16 bits */
	uint32_t generation; /* of the snapshot that let the first one pass */
	uint32_t seen_s;
	uint16_t sport, dport;  /* of the first one */
	uint16_t end;           /* bytes that the first one carries behind the fragment's header */
	uint8_t version, proto; /* version 0: free */
	uint8_t l4_proto;       /* of its connection, as the caller likes to say it */
};

struct eg_frags {
	uint64_t seed; /* so that outsiders cannot throw each other's fragments out of one set */
	struct eg_frag_entry set[EG_FRAG_SETS][EG_FRAG_WAYS];
};

/* Remember that the first fragment of this packet passed. The caller fills
 * generation, end and l4_proto. */
struct eg_frag_entry *eg_frag_put(struct eg_frags *frags, const struct eg_flow_tuple *tuple,
				  uint32_t id, uint32_t now_s);

/* The first fragment of the packet that one behind it belongs to, or NULL. Ports of the tuple do
 * not count. */
struct eg_frag_entry *eg_frag_get(struct eg_frags *frags, const struct eg_flow_tuple *tuple,
				  uint32_t id, uint32_t now_s);

#endif
