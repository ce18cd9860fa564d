/* Limits the cost of a single policy, so that no tenant can exhaust the policy tables.
 *
 * A policy's weight depends only on its text, not on the pods: each pair of a peer and a port range
 * counts 1 (adjacent ports form one range), and so does each exception. policy.max_rules limits the
 * sum; a single policy may use half of it. Control thread. */
#ifndef EG_POLICY_BUDGET_H
#define EG_POLICY_BUDGET_H

#include "policy/policy.h"

/* A single policy may use max_rules / EG_BUDGET_SHARE. */
#define EG_BUDGET_SHARE 2

/* Sets weights[i] for policy i. Returns 0 or -ENOMEM. */
int eg_budget_weigh(const struct eg_cluster *cluster, uint64_t *weights);

uint64_t eg_budget_sum(const struct eg_cluster *cluster, const uint64_t *weights);

/* Choose the policies to quarantine so that none costs more than `each_max` and all together no
 * more than `total_max`: first all above each_max, then repeatedly the most expensive policy of the
 * most expensive namespace. A tenant with many policies is hit first, and the order is the same at
 * every load. Appends to *out. Returns 0 or -ENOMEM. */
int eg_budget_excess(const struct eg_cluster *cluster, const uint64_t *costs, uint64_t each_max,
		     uint64_t total_max, struct eg_costly_policies *out);

#endif
