/* Protection against partial input. An inventory or a set of policies that was read only in part
 * looks like that of a smaller cluster, and every missing pod or policy opens something. So a load
 * that lost too many objects is refused, and what is in force stays. */
#ifndef EG_SNAP_GUARD_H
#define EG_SNAP_GUARD_H

#include "base/err.h"
#include "policy/cluster.h"

/* Losses of fewer objects than this are never refused, however large a share they are. */
#define EG_GUARD_LOSS_MIN 20

struct eg_conf_policy;

/* May `now` take the place of `before` (NULL: nothing is in force)? 0, or -1 if it has no pods,
 * no policies or no nodes with podCIDRs but `before` has some, or if at least EG_GUARD_LOSS_MIN
 * pods, policies or such nodes and more than conf->max_shrink percent of them are gone; with
 * counts, and the file that lost most. max_shrink 100 allows everything. Finished pods do not
 * count: they come and go with their jobs. Both clusters are only read. Builder thread. */
int eg_guard_cluster(const struct eg_cluster *now, const struct eg_cluster *before,
		     const struct eg_conf_policy *conf, struct eg_errs *errs);

#endif
