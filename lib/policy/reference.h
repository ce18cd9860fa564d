/* What the NetworkPolicy API says about one packet, in the API's own words and order: every policy
 * of the namespace, every rule, every peer, every port. Slow and plain on purpose: the compiled
 * tables are measured against it, so it shares no code with them but the model and its selectors.
 *
 * Decisions where the API leaves room:
 * - A pod's own node is always let in (not out: the API names only the way in under isolation).
 * - A pod cannot block itself, in either direction.
 * - Pods of the host network and finished ones own no address: selectors never match them, their
 *   traffic is their node's. ipBlock matches any address, pods' too.
 * - Only TCP, UDP and SCTP have ports. A rule without ports covers every protocol, one with ports
 *   those protocols only: ICMP passes by rules without ports.
 * - Where several pods claim an address, it may do what each of them may, with each that claims the
 *   other end's.
 * - A named port is the destination's, also where ipBlock matched it; an address without a pod has
 *   none.
 * - An address in a pod network that belongs to nobody is unknown: what it sends and what is sent
 * to it is denied in both directions, whatever an ipBlock says, and even to itself.
 *
 * Pure functions over an indexed world; any thread. */
#ifndef EG_POLICY_REFERENCE_H
#define EG_POLICY_REFERENCE_H

#include "policy/model.h"

/* A packet as policy sees it: what opens a connection. */
struct eg_packet_key {
	struct eg_ip src, dst;
	uint16_t port; /* destination, host order; 0 for protocols without ports */
	uint8_t proto; /* IP protocol number */
};

enum eg_ref_why {
	EG_REF_OPEN,    /* no policy isolates this end in this direction */
	EG_REF_RULE,    /* a rule allows */
	EG_REF_SELF,    /* a pod and itself */
	EG_REF_NODE,    /* into a pod from its own node */
	EG_REF_DENIED,  /* isolated, and no rule allows */
	EG_REF_UNKNOWN, /* one of the ends is unknown (eg_world_unknown()) */
};

static inline bool eg_ref_passes(enum eg_ref_why why)
{
	return why != EG_REF_DENIED && why != EG_REF_UNKNOWN;
}

/* One direction's verdict: egress of the source or ingress of the destination. */
struct eg_ref_side {
	enum eg_ref_why why;
	uint32_t pod;    /* whose direction it is, or EG_NONE: no pod, never isolated */
	uint32_t policy; /* index of the first policy with an allowing rule, or EG_NONE */
	uint32_t rule;   /* index of that rule in its direction's list */
};

/* True where the policy isolates the pod in that direction. */
bool eg_ref_isolates(const struct eg_world *world, uint32_t policy, enum eg_dir dir, uint32_t pod);

/* True where a peer entry of the policy matches the other end. */
bool eg_ref_peer_matches(const struct eg_world *world, const struct eg_netpol *policy,
			 const struct eg_peer *peer, const struct eg_ip *other);

/* True where a port entry covers the packet. */
bool eg_ref_port_matches(const struct eg_world *world, const struct eg_port *port,
			 const struct eg_packet_key *key);

/* One direction without what no policy can forbid: rules alone. */
struct eg_ref_side eg_ref_rules(const struct eg_world *world, enum eg_dir dir,
				const struct eg_packet_key *key);

/* One direction, complete. The packet passes where both do (eg_ref_passes()). */
struct eg_ref_side eg_ref_decide(const struct eg_world *world, enum eg_dir dir,
				 const struct eg_packet_key *key);

#endif
