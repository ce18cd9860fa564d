/* Boundary values: where a verdict can change, at the edges of prefixes and of port ranges. Used by
 * the proof and by tests. Control thread. */
#ifndef EG_POLICY_BOUNDARY_VALUES_H
#define EG_POLICY_BOUNDARY_VALUES_H

#include "policy/intern.h"
#include "policy/policy.h"

struct eg_ips {
	struct eg_ip *v;
	size_t n, cap;
};

struct eg_boundary {
	struct eg_ips all;  /* pods, nodes, prefix edges and their neighbours; sorted */
	struct eg_ips ends; /* one address per class and family */
};

/* *boundary must be zeroed; call eg_boundary_free() even after an error. Returns 0 or -ENOMEM. */
int eg_boundary_find(struct eg_boundary *boundary, const struct eg_policy *policy);

void eg_boundary_free(struct eg_boundary *boundary);

/* A protocol and port in one word. */
#define EG_BOUNDARY_KEY(proto, port) ((uint32_t)(proto) << 16 | (port))
#define EG_BOUNDARY_PROTO(key)       ((uint8_t)((key) >> 16))
#define EG_BOUNDARY_PORT(key)        ((uint16_t)(key))

/* The protocols and ports worth testing between two addresses: the edges of all port ranges in the
 * policies that isolate them, the ports beside those, and ICMP. Sorted into *keys. Returns 0 or
 * -ENOMEM. */
int eg_boundary_ports(const struct eg_cluster *cluster, const struct eg_ip *src,
		      const struct eg_ip *dst, struct eg_words *keys);

#endif
