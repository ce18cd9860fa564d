/* First step of the compiler: number all rules and all distinct ways to select addresses, so that
 * the same text in a thousand policies costs once.
 *
 * A matcher selects pods (by namespace scope and pod selector); a block selects addresses (a cidr
 * without its exceptions). Control thread. */
#ifndef EG_POLICY_RULES_H
#define EG_POLICY_RULES_H

#include "policy/intern.h"
#include "policy/cluster.h"
#include "policy/policy.h"
#include "policy/port_ranges.h"

struct eg_matcher {
	uint32_t ns;                     /* only this namespace; EG_NONE: see scope */
	uint32_t scope;                  /* id of the namespace selector, if ns is EG_NONE */
	const struct eg_selector *of_ns; /* that selector, borrowed */
	const struct eg_selector *pods;  /* NULL: all pods of the scope */
	uint32_t policy;                 /* first policy that uses it */
};

/* An element of a rule's peers is a matcher or, with this bit set, a block. */
#define EG_PEER_BLOCK 0x80000000u

struct eg_rules {
	EG_VEC(struct eg_rule_ref) refs; /* rule i; ordered by policy, direction, position */
	struct eg_words peers;           /* of all rules, concatenated */
	struct eg_words peer_ends;  /* end of rule i's list; an empty list means every address */
	struct eg_key_ranges ports; /* of all rules, merged; without named ports */
	struct eg_words port_ends;  /* of rule i */
	struct eg_words
		port_set;      /* of rule i; for an address, only the first rule per set decides */
	struct eg_words first; /* first rule of (policy, direction), at policy * EG_DIRS + dir */
	struct eg_words subjects; /* matcher of policy i's pods */
	EG_VEC(struct eg_matcher) matchers;
	EG_VEC(const struct eg_peer *) blocks;
	struct eg_intern requirements, selectors, matcher_keys, block_keys, port_sets;
};

/* *rules must be zeroed; call eg_rules_free() even after an error. Returns 0 or -ENOMEM. */
int eg_rules_collect(struct eg_rules *rules, const struct eg_cluster *cluster);

void eg_rules_free(struct eg_rules *rules);

static inline const uint32_t *eg_rules_peers(const struct eg_rules *rules, uint32_t rule, size_t *n)
{
	uint32_t start = rule ? rules->peer_ends.v[rule - 1] : 0;

	*n = rules->peer_ends.v[rule] - start;
	return *n ? rules->peers.v + start : NULL;
}

/* The merged port ranges of a rule. */
static inline const struct eg_key_range *eg_rules_ports(const struct eg_rules *rules, uint32_t rule,
							size_t *n)
{
	uint32_t start = rule ? rules->port_ends.v[rule - 1] : 0;

	*n = rules->port_ends.v[rule] - start;
	return *n ? rules->ports.v + start : NULL;
}

/* The rule in the cluster model. */
static inline const struct eg_rule *eg_rule_of(const struct eg_cluster *cluster,
					       const struct eg_rule_ref *ref)
{
	return &cluster->policies.v[ref->policy].rules[ref->dir].v[ref->rule];
}

/* True if the rule covers every protocol and port: later rules never decide. */
static inline bool eg_rule_covers_all_ports(const struct eg_cluster *cluster,
					    const struct eg_rules *rules, uint32_t rule)
{
	return !eg_rule_of(cluster, &rules->refs.v[rule])->ports.n;
}

#endif
