/* Internals of a compiled policy, shared by compile.c (which builds it) and evaluate.c (which reads
 * it). */
#ifndef EG_POLICY_COMPILED_H
#define EG_POLICY_COMPILED_H

#include "policy/policy.h"
#include "policy/table.h"

struct eg_class_info {
	uint32_t group[EG_DIRS]; /* its isolation group */
	bool pod, node;
	uint32_t shared; /* 1 + first owner in cluster->pod_ips if it has several; else 0 */
};

struct eg_policy {
	const struct eg_cluster *cluster; /* borrowed */
	struct eg_lpm *lpm;               /* address -> class */
	struct eg_class_info *classes;
	uint32_t unknown; /* class of unknown addresses, or EG_NONE */
	/* class of cluster->pod_ips[i] if only that pod had the address; NULL if no address is
	 * shared */
	uint32_t *of_owner;
	struct eg_table tables[EG_DIRS];
	uint32_t *port_maps;
	struct eg_rule_ref *rules;
	struct eg_intern isolating[EG_DIRS]; /* group i: profile, then policies */
	struct eg_policy_stats stats;
};

#endif
