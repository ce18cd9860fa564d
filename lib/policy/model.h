/* The world that policies speak about: namespaces, pods, nodes and NetworkPolicies
 * (networking.k8s.io/v1) as plain structs, every text a symbol.
 *
 * Life cycle: zeroed memory -> filled by a reader (lib/k8s) or a test -> eg_world_index() -> read
 * only, shared by the reference model, the compiler and explanations -> eg_world_free(). The world
 * owns all it points to. Filling is the control thread's; an indexed world any thread's.
 *
 * What a reader guarantees: indexes are valid, labels are sorted by key without doubles, prefixes
 * are masked, exceptions lie inside their cidr, a pod has at most one address a family and no
 * (name, protocol, port) twice, an address to one pod where the cluster is in order. */
#ifndef EG_POLICY_MODEL_H
#define EG_POLICY_MODEL_H

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

/* Protocols that ports speak about; any other IP protocol is matched by rules without ports only.
 */
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
	EG_OP_IN, /* also what matchLabels says, with one value */
	EG_OP_NOT_IN,
	EG_OP_EXISTS,
	EG_OP_NOT_EXISTS,
};

struct eg_requirement {
	eg_sym key;
	enum eg_op op;
	EG_VEC(eg_sym) values;
};

/* All requirements must hold; without any it selects everything. */
struct eg_selector {
	EG_VEC(struct eg_requirement) reqs;
};

struct eg_namespace {
	eg_sym name;
	struct eg_labels labels;
	bool implied;              /* not in the inventory: only its own name's label is known */
	EG_VEC(uint32_t) policies; /* of this namespace, ascending; made by eg_world_index() */
	uint32_t closed_by;        /* 1 + the policy that isolates its quarantined pods; 0: none */
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
	bool host_network; /* its addresses are its node's: no selector matches it */
	bool finished;     /* Succeeded or Failed: its addresses may be another's by now */
	bool terminating;  /* is being deleted */
	bool quarantined;  /* its addresses are denied (policy/quarantine.h) */
	uint64_t created;  /* seconds since 1970; 0: not known */
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
	bool ours;                    /* the gateway is on it: the gateway's addresses are its */
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
	EG_PORT_RANGE, /* first to last, both included */
	EG_PORT_NAMED, /* all that the destination pod calls so, under the same protocol */
};

struct eg_port {
	enum eg_port_kind kind;
	uint8_t proto;
	uint16_t first, last;
	eg_sym name;
	struct eg_pos pos;
};

/* Peers and ports are ANDed, entries of each ORed; an empty list allows all. */
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

/* Who owns an address, sorted by address for search. */
struct eg_owner {
	struct eg_ip ip;
	uint32_t index; /* of pod or node */
};

struct eg_owners {
	struct eg_owner *v;
	size_t n, cap;
};

/* An object that was taken out in the safe direction (policy/quarantine.h). */
struct eg_quarantined {
	eg_sym kind;     /* "NetworkPolicy", "Pod" ... */
	eg_sym ns, name; /* EG_SYM_NONE where the object has none, or none that can be read */
	eg_sym reason;   /* what is wrong with it */
	struct eg_pos pos;
};

struct eg_world {
	struct eg_symtab syms;
	EG_VEC(struct eg_namespace) namespaces;
	EG_VEC(struct eg_pod) pods;
	EG_VEC(struct eg_cluster_node) nodes;
	EG_VEC(struct eg_netpol) policies;
	EG_VEC(struct eg_quarantined) quarantined;
	struct eg_owners pod_ips, node_ips; /* made by eg_world_index() */

	/* Where an address that nobody owns is unknown (eg_world_unknown()); none: nothing is.
	 * eg_world_index() sorts them and drops those that lie inside another. */
	struct eg_prefixes pod_networks;
	EG_VEC(struct eg_ip) known; /* nobody's, and not unknown all the same: the gateway's */
};

/* True for a pod whose addresses are its own now: not finished, not its node's. */
static inline bool eg_pod_has_own_ips(const struct eg_pod *pod)
{
	return !pod->host_network && !pod->finished;
}

/* Sort what is searched: addresses and each namespace's policies. Call after every change.
 * 0 or -ENOMEM. */
int eg_world_index(struct eg_world *world);

/* The owners of an address, by index of the pod: *n of them, NULL where there is none. Where
 * several pods claim it, the policies of all apply: it may do what each of them may. The world must
 * be indexed. */
const struct eg_owner *eg_world_pods_at(const struct eg_world *world, const struct eg_ip *ip,
					size_t *n);

/* Index of the (first) pod that owns an address, or EG_NONE. The world must be indexed. */
uint32_t eg_world_pod_at(const struct eg_world *world, const struct eg_ip *ip);

/* Index of the (first) node that has an address, or EG_NONE. */
uint32_t eg_world_node_at(const struct eg_world *world, const struct eg_ip *ip);

/* True where the address is one of that node's. */
bool eg_world_node_has(const struct eg_world *world, uint32_t node, const struct eg_ip *ip);

/* The pod network that holds all of `prefix` (or equals it), or NULL. The world must be indexed. */
const struct eg_prefix *eg_world_pod_network(const struct eg_world *world,
					     const struct eg_prefix *prefix);

/* True for an address in a pod network that no pod owns, no node has and nobody else is known by:
 * a pod newer than the inventory, or a forgery. The world must be indexed. */
bool eg_world_unknown(const struct eg_world *world, const struct eg_ip *ip);

/* eg_world_index()'s part for pod_networks and known. */
void eg_world_index_networks(struct eg_world *world);

/* Keep labels in the order that eg_selector_matches() needs. */
void eg_labels_sort(struct eg_labels *labels);

/* The value under a key, or EG_SYM_NONE. */
eg_sym eg_labels_get(const struct eg_labels *labels, eg_sym key);

bool eg_selector_matches(const struct eg_selector *selector, const struct eg_labels *labels);
/* The same of a pod; NULL selects like an empty selector. One in quarantine is selected by what
 * names the label that quarantine gave it, and by nothing else: no tenant's policy allows it
 * anything. */
bool eg_pod_selected(const struct eg_selector *selector, const struct eg_pod *pod);
/* The same of a namespace: one that is only implied has labels that nobody knows, so a requirement
 * that asks for the absence of a key or value does not hold. */
bool eg_namespace_matches(const struct eg_selector *selector, const struct eg_namespace *ns);
bool eg_requirement_holds(const struct eg_requirement *req, const struct eg_labels *labels);

/* True where the pod calls that port so under that protocol. Several containers may give one name
 * to different ports: it then means all of them. */
bool eg_pod_has_port(const struct eg_pod *pod, eg_sym name, uint8_t proto, uint16_t port);

/* Free a rule list of a policy, which then allows nothing in that direction. */
void eg_netpol_clear_rules(struct eg_netpol *policy, enum eg_dir dir);
void eg_selector_clear(struct eg_selector *selector);

void eg_world_free(struct eg_world *world);

#endif
