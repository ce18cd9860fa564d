/* Where a verdict can change: addresses at the edges of prefixes, ports at the edges of ranges.
 * For the proof and for tests. Control thread. */
#ifndef EG_POLICY_BOUNDARY_H
#define EG_POLICY_BOUNDARY_H

#include "policy/intern.h"
#include "policy/policy.h"

struct eg_ips {
	struct eg_ip *v;
	size_t n, cap;
};

struct eg_boundary {
	struct eg_ips all;  /* every pod's and node's address, every edge of a prefix or pod network
			     * and the address beside it, the ends of both address spaces; sorted */
	struct eg_ips ends; /* one of each class and family */
};

/* Zeroed *boundary in; eg_boundary_free() also after an error. 0 or -ENOMEM. */
int eg_boundary_find(struct eg_boundary *boundary, const struct eg_policy *policy);

void eg_boundary_free(struct eg_boundary *boundary);

/* A protocol and port in one word. */
#define EG_BOUNDARY_KEY(proto, port) ((uint32_t)(proto) << 16 | (port))
#define EG_BOUNDARY_PROTO(key)       ((uint8_t)((key) >> 16))
#define EG_BOUNDARY_PORT(key)        ((uint16_t)(key))

/* The protocols and ports worth asking between two addresses: the edges of what the policies that
 * isolate them say, the ports beside, and ICMP. Sorted into *keys. 0 or -ENOMEM. */
int eg_boundary_ports(const struct eg_world *world, const struct eg_ip *src,
		      const struct eg_ip *dst, struct eg_words *keys);

#endif
