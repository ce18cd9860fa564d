/* How much one policy may ask for, so that one tenant's objects do not decide for everyone.
 *
 * A policy's weight is what its author wrote, whatever pods there are: each pair of a peer and a
 * port range (ports side by side are one range) and each exception counts 1. policy.max_rules
 * bounds the sum, and one policy may hold half of that. Control thread. */
#ifndef EG_POLICY_BUDGET_H
#define EG_POLICY_BUDGET_H

#include "policy/policy.h"

/* One policy's share of policy.max_rules is max_rules / EG_BUDGET_SHARE. */
#define EG_BUDGET_SHARE 2

/* weights[i] of policy i. 0 or -ENOMEM. */
int eg_budget_weigh(const struct eg_world *world, uint64_t *weights);

uint64_t eg_budget_sum(const struct eg_world *world, const uint64_t *weights);

/* Which policies have to go so that none costs more than `each_max` and all no more than
 * `total_max`: first all that are over each_max, then the most expensive of the namespace that
 * costs most, again and again. A tenant with many policies is hit before anybody else, and the
 * order is the same at every load. Appended to *out. 0 or -ENOMEM. */
int eg_budget_excess(const struct eg_world *world, const uint64_t *costs, uint64_t each_max,
		     uint64_t total_max, struct eg_costly_policies *out);

#endif
