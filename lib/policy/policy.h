/* NetworkPolicy, compiled: what a connection's first packet may do, in a time that does not grow
 * with the number of pods.
 *
 * Life cycle: an indexed world -> eg_policy_compile() -> read only, any number of threads, no lock
 * -> eg_policy_free() when no reader is left. The world is borrowed and must live as long. Plain
 * memory: neither EAL nor hugepages, so `check` and `explain` need no privileges.
 *
 * Two steps, as the architecture says. Addresses become classes: two addresses share one where
 * every selector and every ipBlock treats them alike, and one longest-prefix lookup finds it. Then
 * each direction has a table of (isolation group of the subject, class of the other end) whose
 * cells are programs over protocol and port. Lookups touch a fixed number of cache lines.
 *
 * Why not rte_acl for the second step: labels choose scattered sets of classes, which its ranges
 * can only say by repeating a rule for every run of neighbours; a cell says it at no cost.
 * tests/bench/bench_acl gives rte_acl what bench_policy gives this module. For 10,000 pods, 200
 * namespaces and 5,000 policies it became 303,000 rules, built in 2.5 s and 674 MiB, 82 ns for both
 * directions; here 50 ms, 33 MiB and 20 ns. rte_acl would also take hugepages and the EAL.
 *
 * Two facts are about single pods and stay out of the classes, or each pod would be one: a pod
 * cannot block itself (addresses are equal), and its own node is let in (classes of node addresses
 * carry a mark; only then, and only after a denial, pod and node are looked up). */
#ifndef EG_POLICY_POLICY_H
#define EG_POLICY_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/model.h"

struct eg_policy;

struct eg_policy_options {
	size_t max_rules;  /* pairs of peer and port entries over all policies; 0: 50,000 */
	uint64_t max_work; /* units (policy/meter.h); 0: EG_METER_TOTAL_MAX */
};

struct eg_policy_stats {
	size_t n_classes, n_groups[EG_DIRS];
	size_t n_rules;      /* as the policies wrote them: what verdicts name */
	size_t n_rule_pairs; /* what max_rules bounds */
	size_t n_matchers, n_blocks, n_programs;
	uint64_t work; /* units that the compile took */
	size_t bytes;  /* held by the compiled policy, without the world */
};

/* One direction's verdict. Up to EG_VERDICT_UNKNOWN: denied. From EG_VERDICT_RULE on: allowed by
 * rule (verdict - EG_VERDICT_RULE). */
enum {
	EG_VERDICT_DENY,    /* isolated, and no rule allows */
	EG_VERDICT_UNKNOWN, /* an end is unknown (eg_world_unknown()): both directions say so */
	EG_VERDICT_OPEN,    /* no policy isolates that end in that direction */
	EG_VERDICT_SELF,    /* a pod and itself */
	EG_VERDICT_NODE,    /* into a pod from its own node */
	EG_VERDICT_RULE,
};

/* The packet passes where neither denies (eg_verdict_passes()). */
struct eg_verdict {
	uint32_t side[EG_DIRS]; /* EG_INGRESS: of the destination; EG_EGRESS: of the source */
};

/* Where a rule was written. */
struct eg_rule_ref {
	uint32_t policy; /* index in the world */
	uint32_t rule;   /* index in the policy's list of that direction */
	enum eg_dir dir;
};

/* A first packet by the classes of its ends. */
struct eg_match {
	uint32_t src, dst; /* eg_policy_class*() */
	uint16_t port;     /* destination, host order; ignored for protocols without ports */
	uint8_t proto;     /* IP protocol number */
};

/* Compile. Reports into errs and returns NULL where there are too many rules, the compile would
 * cost too much time or memory, or memory is short. The result is the caller's. */
struct eg_policy *eg_policy_compile(const struct eg_world *world,
				    const struct eg_policy_options *options, struct eg_errs *errs);

struct eg_costly_policy {
	uint32_t policy; /* index */
	uint64_t cost;
};

struct eg_costly_policies {
	struct eg_costly_policy *v;
	size_t n, cap;
};

/* Who asks for too much. */
struct eg_policy_excess {
	struct eg_costly_policies policies;
	bool work; /* costs are units of work (policy/meter.h), not pairs as max_rules counts them
		    */
	uint64_t each_max, total_max; /* of one policy, of all */
};

/* The same, but one policy may cost no more than its share, and what is too expensive is not an
 * error: NULL is returned and *excess says which policies to quarantine (policy/budget.h says how
 * they are chosen). A policy without rules costs next to nothing, so to do that again and again
 * ends. Zeroed *excess in; eg_vec_free(&excess->policies) ends it. */
struct eg_policy *eg_policy_compile_within(const struct eg_world *world,
					   const struct eg_policy_options *options,
					   struct eg_policy_excess *excess, struct eg_errs *errs);

#define EG_POLICY_RULES_DEFAULT 50000

/* NULL is allowed. */
void eg_policy_free(struct eg_policy *policy);

const struct eg_world *eg_policy_world(const struct eg_policy *policy);
const struct eg_policy_stats *eg_policy_stats(const struct eg_policy *policy);

/* The class of an address (network order). Class 0 is the world no policy speaks about. */
uint32_t eg_policy_class4(const struct eg_policy *policy, const uint8_t addr[4]);
uint32_t eg_policy_class6(const struct eg_policy *policy, const uint8_t addr[16]);
uint32_t eg_policy_class(const struct eg_policy *policy, const struct eg_ip *ip);

/* True for a class of nodes' addresses. */
bool eg_policy_class_node(const struct eg_policy *policy, uint32_t class_id);

/* True for the class of unknown addresses. */
bool eg_policy_class_unknown(const struct eg_policy *policy, uint32_t class_id);

/* Rules alone, by classes, for n packets: out[i] of in[i]. */
void eg_policy_match(const struct eg_policy *policy, const struct eg_match *in,
		     struct eg_verdict *out, size_t n);

/* A first packet as the packet path holds it: addresses stay where they are. */
struct eg_policy_packet {
	const uint8_t *src, *dst; /* 4 or 16 bytes, network order */
	uint16_t port;
	uint8_t proto;
	uint8_t family; /* 4 or 6 */
};

/* The whole decision for n packets: classes, rules, and what no policy can forbid. */
void eg_policy_decide(const struct eg_policy *policy, const struct eg_policy_packet *packets,
		      struct eg_verdict *out, size_t n);

static inline int eg_verdict_passes(const struct eg_verdict *verdict)
{
	return verdict->side[EG_INGRESS] > EG_VERDICT_UNKNOWN &&
	       verdict->side[EG_EGRESS] > EG_VERDICT_UNKNOWN;
}

/* Where the rule of a verdict was written, or NULL for a verdict that names none. Rules count
 * densely from 0 to n_rules - 1: counters may be an array. */
const struct eg_rule_ref *eg_policy_rule(const struct eg_policy *policy, uint32_t verdict);

/* The number of a rule from where it was written, or EG_NONE. */
uint32_t eg_policy_rule_number(const struct eg_policy *policy, uint32_t policy_index,
			       enum eg_dir dir, uint32_t rule);

/* The isolation group of a class as a subject. Groups count densely from 0 (isolated by none) to
 * n_groups[dir] - 1: counters of denials may be an array, and cost the same however many policies
 * isolate one pod. */
uint32_t eg_policy_group(const struct eg_policy *policy, uint32_t class_id, enum eg_dir dir);

/* Indexes of the policies that isolate a group's pods, ascending; *n of them. */
const uint32_t *eg_policy_group_policies(const struct eg_policy *policy, uint32_t group,
					 enum eg_dir dir, size_t *n);

/* The same for the group of a class. */
const uint32_t *eg_policy_isolating(const struct eg_policy *policy, uint32_t class_id,
				    enum eg_dir dir, size_t *n);

#endif
