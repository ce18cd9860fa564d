/* Protocol and port as one key, and the key ranges covered by a rule's port entries. Control
 * thread, except eg_port_key(). */
#ifndef EG_POLICY_PORT_RANGES_H
#define EG_POLICY_PORT_RANGES_H

#include "policy/cluster.h"

/* Ports of TCP, UDP and SCTP, then one key for everything else, because rules without ports cover
 * every protocol. */
#define EG_PORT_KEYS (4u << 16)

static inline uint32_t eg_port_key(uint8_t proto, uint16_t port)
{
	switch (proto) {
	case EG_PROTO_TCP:
		return port;
	case EG_PROTO_UDP:
		return 1u << 16 | port;
	case EG_PROTO_SCTP:
		return 2u << 16 | port;
	default:
		return 3u << 16;
	}
}

struct eg_key_range {
	uint32_t first, last; /* keys, inclusive */
};

struct eg_key_ranges {
	struct eg_key_range *v;
	size_t n, cap;
};

/* Append the ranges covered by the rule's numeric port entries, merged: sorted and not adjacent.
 * 16,000 consecutive single ports become one range. Returns 0 or -ENOMEM. */
int eg_ports_merge(const struct eg_rule *rule, struct eg_key_ranges *ranges);

#endif
