/* First step of the compile: number the rules of all policies and give every different way to
 * choose addresses a number, so that the same words in a thousand policies cost once.
 *
 * A matcher chooses pods (a namespace scope and a pod selector); a block chooses addresses (cidr
 * without its exceptions). Control thread. */
#ifndef EG_POLICY_RULES_H
#define EG_POLICY_RULES_H

#include "policy/intern.h"
#include "policy/model.h"
#include "policy/policy.h"
#include "policy/ports.h"

struct eg_matcher {
	uint32_t ns;                     /* own namespace only, or EG_NONE: see scope */
	uint32_t scope;                  /* canonical namespace selector, where ns is EG_NONE */
	const struct eg_selector *of_ns; /* that selector, borrowed */
	const struct eg_selector *pods;  /* NULL: all pods of the scope */
	uint32_t policy;                 /* the first that uses it */
};

/* An element of a rule's peers: a matcher, or with this bit a block. */
#define EG_PEER_BLOCK 0x80000000u

struct eg_rules {
	EG_VEC(struct eg_rule_ref) refs; /* of rule i: by policy, direction, place in the policy */
	struct eg_words peers;           /* of all rules, one list behind the other */
	struct eg_words peer_ends;       /* of rule i; an empty list means every address */
	struct eg_key_ranges ports;      /* of all rules, merged; named ports apart */
	struct eg_words port_ends;       /* of rule i */
	struct eg_words port_set; /* of rule i: equal number, equal ports. Of the rules that match
				   * an address, only the first of each ever decides. */
	struct eg_words first;    /* rule of (policy, direction), at policy * EG_DIRS + dir */
	struct eg_words subjects; /* matcher of policy i */
	EG_VEC(struct eg_matcher) matchers;
	EG_VEC(const struct eg_peer *) blocks;
	struct eg_intern requirements, selectors, matcher_keys, block_keys, port_sets;
};

/* Number everything. Zeroed *rules in; eg_rules_free() also after an error. 0, or -ENOMEM. */
int eg_rules_collect(struct eg_rules *rules, const struct eg_world *world);

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

/* The rule of the model behind a reference. */
static inline const struct eg_rule *eg_rule_of(const struct eg_world *world,
					       const struct eg_rule_ref *ref)
{
	return &world->policies.v[ref->policy].rules[ref->dir].v[ref->rule];
}

/* True for a rule that covers every protocol and port: rules behind it never decide. */
static inline bool eg_rules_whole(const struct eg_world *world, const struct eg_rules *rules,
				  uint32_t rule)
{
	return !eg_rule_of(world, &rules->refs.v[rule])->ports.n;
}

#endif
