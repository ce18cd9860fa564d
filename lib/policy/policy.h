/* Compiled NetworkPolicies: decide about the first packet of a connection in time that does not
 * grow with the number of pods.
 *
 * Life cycle: an indexed cluster -> eg_policy_compile() -> read only, any number of threads, no
 * lock -> eg_policy_free() once there are no more readers. The cluster is borrowed and must live as
 * long. Uses plain memory, neither EAL nor hugepages, so `check` and `explain` need no privileges.
 *
 * A lookup has two steps. First, an address is mapped to its class with one longest-prefix match;
 * two addresses are in the same class if every selector and every ipBlock treats them alike.
 * Second, each direction has a table indexed by (isolation group of the subject, class of the other
 * endpoint). A cell holds a verdict, or a port map with the verdict of each protocol and port.
 * Lookups touch a fixed number of cache lines.
 *
 * Why not rte_acl for the second step: label selectors choose scattered sets of classes, which
 * rte_acl can express only by repeating a rule for every contiguous range; a table cell has no such
 * cost. tests/bench/bench_acl gives rte_acl the same input as bench_policy. 10,000 pods, 200
 * namespaces and 5,000 policies became 303,000 ACL rules, built in 2.5 s and 674 MiB, with 82 ns
 * for both directions; here 50 ms, 33 MiB and 20 ns. rte_acl would also need hugepages and the EAL.
 *
 * Two facts concern single pods and are not part of the classes, or each pod would be a class of
 * its own: a pod cannot block itself (equal addresses), and it always accepts packets from its own
 * node. Classes of node addresses are flagged; pod and node are looked up only for those, and only
 * after a denial. */
#ifndef EG_POLICY_POLICY_H
#define EG_POLICY_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/cluster.h"

struct eg_policy;

struct eg_policy_options {
	size_t max_rules;  /* pairs of peer and port entries in all policies; 0: 50,000 */
	uint64_t max_work; /* units (policy/meter.h); 0: EG_METER_TOTAL_MAX */
};

struct eg_policy_stats {
	size_t n_classes, n_groups[EG_DIRS];
	size_t n_rules;      /* as written in the policies; verdicts refer to these */
	size_t n_rule_pairs; /* limited by max_rules */
	size_t n_matchers, n_blocks, n_port_maps;
	uint64_t work; /* units spent by the compiler */
	size_t bytes;  /* size of the compiled policy, without the cluster */
};

/* Verdict of one direction. Values up to EG_POLICY_UNKNOWN deny; values from EG_POLICY_RULE are
 * allowed by rule (verdict - EG_POLICY_RULE). */
enum {
	EG_POLICY_DENY,         /* isolated, and no rule allows it */
	EG_POLICY_UNKNOWN,      /* an endpoint is unknown; set in both directions */
	EG_POLICY_NOT_ISOLATED, /* not isolated in that direction */
	EG_POLICY_SELF,         /* from a pod to itself */
	EG_POLICY_NODE,         /* from a pod's node to the pod */
	EG_POLICY_RULE,
};

/* The packet passes if neither direction denies it (eg_policy_passes()). */
struct eg_policy_verdict {
	uint32_t side[EG_DIRS]; /* EG_INGRESS: of the destination; EG_EGRESS: of the source */
};

/* Where a rule was written. */
struct eg_rule_ref {
	uint32_t policy; /* index in the cluster */
	uint32_t rule;   /* index in the policy's list of that direction */
	enum eg_dir dir;
};

/* A first packet, with the classes of its endpoints. */
struct eg_match {
	uint32_t src, dst; /* eg_policy_class*() */
	uint16_t port;     /* destination, host order; ignored for protocols without ports */
	uint8_t proto;     /* IP protocol number */
};

/* Compile. Returns NULL and reports to errs if there are too many rules, the compile would cost too
 * much time or memory, or memory is exhausted. The caller owns the result. */
struct eg_policy *eg_policy_compile(const struct eg_cluster *cluster,
				    const struct eg_policy_options *options, struct eg_errs *errs);

struct eg_costly_policy {
	uint32_t policy; /* index */
	uint64_t cost;
};

struct eg_costly_policies {
	struct eg_costly_policy *v;
	size_t n, cap;
};

/* The policies that exceed a limit. */
struct eg_policy_excess {
	struct eg_costly_policies policies;
	bool work; /* costs are units of work (policy/meter.h), not rule pairs (max_rules) */
	uint64_t each_max, total_max; /* per policy; for all together */
};

/* The same, but limits each policy to its share, and exceeding a limit is not an error: returns
 * NULL, and *excess lists the policies to quarantine (policy/budget.h explains the choice).
 * Repeating this terminates, because a policy without rules costs next to nothing. *excess must be
 * zeroed; free it with eg_vec_free(&excess->policies). */
struct eg_policy *eg_policy_compile_within(const struct eg_cluster *cluster,
					   const struct eg_policy_options *options,
					   struct eg_policy_excess *excess, struct eg_errs *errs);

#define EG_POLICY_RULES_DEFAULT 50000

/* NULL is allowed. */
void eg_policy_free(struct eg_policy *policy);

const struct eg_cluster *eg_policy_cluster(const struct eg_policy *policy);
const struct eg_policy_stats *eg_policy_stats(const struct eg_policy *policy);

/* The class of an address (network byte order). Class 0: no policy applies. */
uint32_t eg_policy_class4(const struct eg_policy *policy, const uint8_t addr[4]);
uint32_t eg_policy_class6(const struct eg_policy *policy, const uint8_t addr[16]);
uint32_t eg_policy_class(const struct eg_policy *policy, const struct eg_ip *ip);

/* True for a class of node addresses. */
bool eg_policy_class_node(const struct eg_policy *policy, uint32_t class_id);

/* True for the class of unknown addresses. */
bool eg_policy_class_unknown(const struct eg_policy *policy, uint32_t class_id);

/* Look up the rules for n packets by class, without exemptions: in[i] -> out[i]. */
void eg_policy_match(const struct eg_policy *policy, const struct eg_match *in,
		     struct eg_policy_verdict *out, size_t n);

/* A first packet as the packet path has it: addresses are not copied. */
struct eg_policy_packet {
	const uint8_t *src, *dst; /* 4 or 16 bytes, network order */
	uint16_t port;
	uint8_t proto;
	uint8_t family; /* 4 or 6 */
};

/* Evaluate policy for n packets, completely: classes, rules and exemptions. */
void eg_policy_evaluate(const struct eg_policy *policy, const struct eg_policy_packet *packets,
			struct eg_policy_verdict *out, size_t n);

static inline int eg_policy_passes(const struct eg_policy_verdict *verdict)
{
	return verdict->side[EG_INGRESS] > EG_POLICY_UNKNOWN &&
	       verdict->side[EG_EGRESS] > EG_POLICY_UNKNOWN;
}

/* Where a verdict's rule was written; NULL if the verdict has none. Rules are numbered densely from
 * 0 to n_rules - 1, so counters can be an array. */
const struct eg_rule_ref *eg_policy_rule(const struct eg_policy *policy, uint32_t verdict);

/* The number of a rule, given where it was written; or EG_NONE. */
uint32_t eg_policy_rule_number(const struct eg_policy *policy, uint32_t policy_index,
			       enum eg_dir dir, uint32_t rule);

/* The isolation group of a class. Groups are numbered densely from 0 (not isolated) to
 * n_groups[dir] - 1, so counters of denials can be an array whose size does not depend on how many
 * policies isolate one pod. */
uint32_t eg_policy_group(const struct eg_policy *policy, uint32_t class_id, enum eg_dir dir);

/* Indexes of the *n policies that isolate a group, ascending. */
const uint32_t *eg_policy_group_policies(const struct eg_policy *policy, uint32_t group,
					 enum eg_dir dir, size_t *n);

/* The same for the group of a class. */
const uint32_t *eg_policy_isolating(const struct eg_policy *policy, uint32_t class_id,
				    enum eg_dir dir, size_t *n);

#endif
