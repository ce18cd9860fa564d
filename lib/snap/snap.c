#include "snap/snap.h"

#include <stdlib.h>

struct eg_snap *eg_snap_new(struct eg_snap_world *world, struct eg_snap_policy *policy)
{
	struct eg_snap *snap = calloc(1, sizeof(*snap));

	if (!snap)
		return NULL;
	snap->world = world;
	snap->policy = policy;
	return snap;
}

void eg_snap_free(struct eg_snap *snap)
{
	if (!snap)
		return;
	eg_snap_world_release(snap->world);
	eg_snap_policy_release(snap->policy);
	eg_snap_policy_release(snap->successor);
	free(snap);
}
