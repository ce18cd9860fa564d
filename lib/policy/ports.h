/* Protocol and port as one number, and the ranges that a rule's port entries cover. Control thread,
 * but for eg_port_key(). */
#ifndef EG_POLICY_PORTS_H
#define EG_POLICY_PORTS_H

#include "policy/model.h"

/* Ports of TCP, UDP and SCTP side by side, then all the rest as one, for rules without ports cover
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
	uint32_t first, last; /* keys, both included */
};

struct eg_key_ranges {
	struct eg_key_range *v;
	size_t n, cap;
};

/* Append what the rule's entries without names cover, as few ranges: sorted, apart from each other.
 * 16,000 single ports side by side are one. 0 or -ENOMEM. */
int eg_ports_merge(const struct eg_rule *rule, struct eg_key_ranges *ranges);

#endif
