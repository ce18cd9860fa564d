/* One tenant's policies must not be expensive for all others: compile what fits, quarantine what
 * does not. Builder thread. */
#ifndef EG_SNAP_FIT_H
#define EG_SNAP_FIT_H

#include "base/err.h"
#include "policy/policy.h"

/* Compile the (indexed) cluster. With `quarantine`, policies that ask for more than their share, or
 * than all may have together, are quarantined in the cluster and named in errs; else they are
 * errors. NULL if any error was reported. */
struct eg_policy *eg_snap_policy_fit(struct eg_cluster *cluster,
				     const struct eg_policy_options *options, bool quarantine,
				     struct eg_errs *errs);

#endif
