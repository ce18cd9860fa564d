/* Reference model: evaluates the NetworkPolicy API for one packet exactly as the API is written:
 * every policy of the namespace, every rule, every peer, every port. Deliberately slow and simple;
 * the compiled tables are checked against it, so it shares only the cluster model and its selectors
 * with them.
 *
 * Decisions where the API is open:
 * - A pod's own node may always send to the pod. (Not the other way round: the API exempts only
 *   ingress.)
 * - A pod cannot block itself, in either direction.
 * - Pods on the host network and finished pods have no address of their own: selectors never match
 *   them, and their traffic is their node's. ipBlock matches any address, including pods.
 * - Only TCP, UDP and SCTP have ports. A rule without ports covers every protocol, a rule with
 *   ports only these protocols: ICMP is allowed by rules without ports.
 * - If several pods have one address, only what each of them may do is allowed, with each pod that
 *   has the other address.
 * - A named port is defined by the destination, even if an ipBlock matched; an address without
 *   a pod has no named ports.
 * - An address in a pod network without an owner is unknown: it may neither send nor receive,
 *   whatever an ipBlock says, not even to itself.
 *
 * Pure functions of an indexed cluster; any thread. */
#ifndef EG_POLICY_REFERENCE_H
#define EG_POLICY_REFERENCE_H

#include "policy/cluster.h"

/* The fields of a connection's first packet that policies consider. */
struct eg_packet_key {
	struct eg_ip src, dst;
	uint16_t port; /* destination, host order; 0 for protocols without ports */
	uint8_t proto; /* IP protocol number */
};

enum eg_ref_why {
	EG_REF_NOT_ISOLATED, /* not isolated in this direction */
	EG_REF_RULE,         /* allowed by a rule */
	EG_REF_SELF,         /* from a pod to itself */
	EG_REF_NODE,         /* from a pod's node to the pod */
	EG_REF_DENIED,       /* isolated, and no rule allows it */
	EG_REF_UNKNOWN,      /* an endpoint is unknown (eg_cluster_unknown()) */
};

static inline bool eg_ref_passes(enum eg_ref_why why)
{
	return why != EG_REF_DENIED && why != EG_REF_UNKNOWN;
}

/* Verdict of one direction: egress of the source or ingress of the destination. */
struct eg_ref_side {
	enum eg_ref_why why;
	uint32_t pod;    /* the pod concerned; EG_NONE: no pod, never isolated */
	uint32_t policy; /* index of the first policy with an allowing rule, or EG_NONE */
	uint32_t rule;   /* index of that rule in its direction's list */
};

/* True if the policy isolates the pod in that direction. */
bool eg_ref_isolates(const struct eg_cluster *cluster, uint32_t policy, enum eg_dir dir,
		     uint32_t pod);

/* True if a peer entry of the policy matches the other endpoint. */
bool eg_ref_peer_matches(const struct eg_cluster *cluster, const struct eg_netpol *policy,
			 const struct eg_peer *peer, const struct eg_ip *other);

/* True if a port entry covers the packet. */
bool eg_ref_port_matches(const struct eg_cluster *cluster, const struct eg_port *port,
			 const struct eg_packet_key *key);

/* One direction, by rules only, without the exemptions for own node and own pod. */
struct eg_ref_side eg_ref_rules(const struct eg_cluster *cluster, enum eg_dir dir,
				const struct eg_packet_key *key);

/* One direction, complete. The packet passes if both directions pass (eg_ref_passes()). */
struct eg_ref_side eg_ref_evaluate(const struct eg_cluster *cluster, enum eg_dir dir,
				   const struct eg_packet_key *key);

#endif
