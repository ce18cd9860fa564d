/* The cluster: namespaces, pods, nodes and NetworkPolicies (networking.k8s.io/v1) as plain structs,
 * with every text as a symbol.
 *
 * Life cycle: zeroed memory -> filled by a reader (lib/k8s) or a test -> eg_cluster_index() -> read
 * only, shared by the reference model, the compiler and explanations -> eg_cluster_free(). The
 * cluster owns everything it points to. Filling is for the control thread; an indexed cluster may
 * be read by any thread.
 *
 * A reader guarantees that indexes are valid, labels are sorted by key without duplicates, prefixes
 * are masked, exceptions lie inside their cidr, a pod has at most one address per family and no
 * duplicate (name, protocol, port), and, in a consistent cluster, that an address belongs to one
 * pod. */
#ifndef EG_POLICY_CLUSTER_H
#define EG_POLICY_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/vec.h"
#include "net/headers.h"
#include "policy/symbol.h"

#define EG_NONE UINT32_MAX /* no index */

enum eg_dir {
	EG_INGRESS,
	EG_EGRESS,
	EG_DIRS,
};

/* Protocols that have ports; all others match only rules without ports. */
static inline bool eg_proto_has_ports(uint8_t proto)
{
	return proto == EG_PROTO_TCP || proto == EG_PROTO_UDP || proto == EG_PROTO_SCTP;
}

struct eg_label {
	eg_sym key, value;
};

struct eg_labels {
	struct eg_label *v;
	size_t n, cap;
};

enum eg_op {
	EG_OP_IN, /* also matchLabels, with a single value */
	EG_OP_NOT_IN,
	EG_OP_EXISTS,
	EG_OP_NOT_EXISTS,
};

struct eg_requirement {
	eg_sym key;
	enum eg_op op;
	EG_VEC(eg_sym) values;
};

/* All requirements must hold; an empty selector selects everything. */
struct eg_selector {
	EG_VEC(struct eg_requirement) reqs;
};

struct eg_namespace {
	eg_sym name;
	struct eg_labels labels;
	bool implied;               /* not in the inventory: only its name label is known */
	EG_VEC(uint32_t) policies;  /* of this namespace, ascending; set by eg_cluster_index() */
	uint32_t quarantine_policy; /* 1 + policy for its quarantined pods; 0: none */
	struct eg_pos pos;
};

struct eg_named_port {
	eg_sym name;
	uint16_t port;
	uint8_t proto;
};

struct eg_pod {
	uint32_t ns; /* index */
	eg_sym name;
	struct eg_labels labels;
	EG_VEC(struct eg_ip) ips;
	EG_VEC(struct eg_named_port) ports;
	uint32_t node;     /* index or EG_NONE */
	bool host_network; /* its addresses are its node's; no selector matches it */
	bool finished;     /* Succeeded or Failed: its addresses may have been reused */
	bool terminating;  /* being deleted */
	bool quarantined;  /* its addresses are denied (policy/quarantine.h) */
	uint64_t created;  /* seconds since 1970; 0: unknown */
	struct eg_pos pos;
};

struct eg_prefixes {
	struct eg_prefix *v;
	size_t n, cap;
};

struct eg_cluster_node {
	eg_sym name;
	EG_VEC(struct eg_ip) ips;
	struct eg_prefixes pod_cidrs; /* spec.podCIDRs */
	bool ours;                    /* the gateway's node: it also has the gateway's addresses */
	struct eg_pos pos;
};

/* One entry of `from` or `to`: an ipBlock, or selectors that must all match. */
struct eg_peer {
	bool is_block, has_ns, has_pod;
	struct eg_selector ns, pod;
	struct eg_prefix cidr;
	EG_VEC(struct eg_prefix) except;
	struct eg_pos pos;
};

enum eg_port_kind {
	EG_PORT_ALL,   /* every port of the protocol */
	EG_PORT_RANGE, /* first to last, inclusive */
	EG_PORT_NAMED, /* all ports of that name and protocol at the destination pod */
};

struct eg_port {
	enum eg_port_kind kind;
	uint8_t proto;
	uint16_t first, last;
	eg_sym name;
	struct eg_pos pos;
};

/* Peers and ports are ANDed, the entries of each are ORed; an empty list allows all. */
struct eg_rule {
	EG_VEC(struct eg_peer) peers;
	EG_VEC(struct eg_port) ports;
	struct eg_pos pos;
};

struct eg_netpol {
	uint32_t ns; /* index */
	eg_sym name;
	struct eg_selector pods;
	bool isolates[EG_DIRS]; /* policyTypes */
	bool quarantined;       /* isolates and allows nothing (policy/quarantine.h) */
	EG_VEC(struct eg_rule) rules[EG_DIRS];
	struct eg_pos pos;
};

/* Owners of addresses, sorted by address. */
struct eg_owner {
	struct eg_ip ip;
	uint32_t index; /* of the pod or node */
};

struct eg_owners {
	struct eg_owner *v;
	size_t n, cap;
};

/* A quarantined object (policy/quarantine.h). */
struct eg_quarantined {
	eg_sym kind;     /* "NetworkPolicy", "Pod" ... */
	eg_sym ns, name; /* EG_SYM_NONE if missing or unreadable */
	eg_sym reason;   /* what is wrong with it */
	struct eg_pos pos;
};

struct eg_cluster {
	struct eg_symtab syms;
	EG_VEC(struct eg_namespace) namespaces;
	EG_VEC(struct eg_pod) pods;
	EG_VEC(struct eg_cluster_node) nodes;
	EG_VEC(struct eg_netpol) policies;
	EG_VEC(struct eg_quarantined) quarantined;
	struct eg_owners pod_ips, node_ips; /* set by eg_cluster_index() */

	/* Networks in which an address without an owner is unknown (eg_cluster_unknown()).
	 * eg_cluster_index() sorts them and removes those inside another one. */
	struct eg_prefixes pod_networks;
	EG_VEC(struct eg_ip) gateway_ips; /* the gateway's; never unknown */
};

/* True if the pod's addresses are its own: it is neither finished nor on the host network. */
static inline bool eg_pod_has_own_ips(const struct eg_pod *pod)
{
	return !pod->host_network && !pod->finished;
}

/* Build the search indexes: addresses and the policies of each namespace. Call again after every
 * change. Returns 0 or -ENOMEM. */
int eg_cluster_index(struct eg_cluster *cluster);

/* All *n owners of an address, sorted by pod index; NULL if none. If several pods have the address,
 * the policies of all apply: only what each of them may do is allowed. The cluster must be
 * indexed. */
const struct eg_owner *eg_cluster_pods_at(const struct eg_cluster *cluster, const struct eg_ip *ip,
					  size_t *n);

/* Index of the (first) pod that owns an address, or EG_NONE. The cluster must be indexed. */
uint32_t eg_cluster_pod_at(const struct eg_cluster *cluster, const struct eg_ip *ip);

/* Index of the (first) node that has an address, or EG_NONE. */
uint32_t eg_cluster_node_at(const struct eg_cluster *cluster, const struct eg_ip *ip);

/* True if the node has that address. */
bool eg_cluster_node_has(const struct eg_cluster *cluster, uint32_t node, const struct eg_ip *ip);

/* The pod network that contains or equals `prefix`, or NULL. The cluster must be indexed. */
const struct eg_prefix *eg_cluster_pod_network(const struct eg_cluster *cluster,
					       const struct eg_prefix *prefix);

/* True for an address in a pod network that belongs to no pod, no node and not to the gateway: a
 * pod newer than the inventory, or a spoofed source. The cluster must be indexed. */
bool eg_cluster_unknown(const struct eg_cluster *cluster, const struct eg_ip *ip);

/* The part of eg_cluster_index() for pod_networks and gateway_ips. */
void eg_cluster_index_networks(struct eg_cluster *cluster);

/* Sort labels as eg_selector_matches() requires. */
void eg_labels_sort(struct eg_labels *labels);

/* The value of a key, or EG_SYM_NONE. */
eg_sym eg_labels_get(const struct eg_labels *labels, eg_sym key);

bool eg_selector_matches(const struct eg_selector *selector, const struct eg_labels *labels);
/* The same for a pod; NULL is an empty selector. A quarantined pod is selected only through its
 * quarantine label: no tenant's policy can allow it anything. */
bool eg_pod_selected(const struct eg_selector *selector, const struct eg_pod *pod);
/* The same for a namespace. The labels of an implied namespace are unknown, so a requirement that a
 * key or value be absent does not hold. */
bool eg_namespace_matches(const struct eg_selector *selector, const struct eg_namespace *ns);
bool eg_requirement_holds(const struct eg_requirement *req, const struct eg_labels *labels);

/* True if the pod has a port of that name, protocol and number. Several containers may use one name
 * for different ports: it then means all of them. */
bool eg_pod_has_port(const struct eg_pod *pod, eg_sym name, uint8_t proto, uint16_t port);

/* Free a policy's rules of one direction, in which it then allows nothing. */
void eg_netpol_clear_rules(struct eg_netpol *policy, enum eg_dir dir);
void eg_selector_clear(struct eg_selector *selector);

void eg_cluster_free(struct eg_cluster *cluster);

#endif
