/* What a reload changed, in counts and names, for the operator who asked for it.
 *
 * Life cycle: zeroed -> eg_changes_policy() in the builder thread -> eg_apply_step() adds peers and
 * SAs in the control thread -> read -> eg_changes_free(). One thread at a time. */
#ifndef EG_SNAP_CHANGES_H
#define EG_SNAP_CHANGES_H

#include <stdint.h>

#include "base/vec.h"
#include "policy/cluster.h"

/* So many names are kept; all are counted. */
#define EG_CHANGES_NAMES 10

struct eg_change {
	uint64_t n;
	EG_VEC(char *) names; /* owned */
};

struct eg_changes {
	struct eg_change peers_added, peers_removed;
	struct eg_change policies_added, policies_removed, policies_changed;
	struct eg_change pods_added, pods_removed, pods_changed;
	uint64_t sas_new, sas_retiring, sas_removed;
	uint64_t rules_before, rules; /* of all policies */
};

/* One more, by its name; if memory is short, only its name is missing. */
void eg_change_add(struct eg_change *change, const char *name);

/* Compare policies and pods: by namespace and name, and whether they say the same. NULL: no policy
 * is enforced. If memory is short, nothing is added. Any thread; both are only read. */
void eg_changes_policy(struct eg_changes *changes, const struct eg_cluster *before,
		       const struct eg_cluster *now);

void eg_changes_free(struct eg_changes *changes);

#endif
