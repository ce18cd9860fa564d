/* The inside of a compiled policy: for compile.c that makes it and match.c that asks it. */
#ifndef EG_POLICY_COMPILED_H
#define EG_POLICY_COMPILED_H

#include "policy/policy.h"
#include "policy/table.h"

struct eg_class_facts {
	uint32_t group[EG_DIRS]; /* isolation group as a subject */
	bool pod, node;
	uint32_t shared; /* 1 + the first of its owners in world->pod_ips; 0: one pod or none */
};

struct eg_policy {
	const struct eg_world *world; /* borrowed */
	struct eg_lpm *lpm;           /* address -> class */
	struct eg_class_facts *classes;
	uint32_t unknown; /* class of unknown addresses, or EG_NONE */
	/* class of world->pod_ips i by that pod alone; NULL: nothing is shared */
	uint32_t *of_owner;
	struct eg_table tables[EG_DIRS];
	uint32_t *programs;
	struct eg_rule_ref *rules;
	struct eg_intern isolating[EG_DIRS]; /* of group i: profile, then policies */
	struct eg_policy_stats stats;
};

#endif
