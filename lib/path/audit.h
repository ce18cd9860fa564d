/* policy.mode audit: what would be dropped passes, is counted by its reason, and told of by name.
 *
 * Once per connection: the flow table remembers that it was denied. Packets without a connection
 * (later fragments, ICMP errors, packets for which there is no room in the table) count one by one.
 * Counters are exact; the log has at most EG_AUDIT_PER_S lines per second and worker, so that a
 * scan fills no disk. One worker's, as the rest of path. */
#ifndef EG_PATH_AUDIT_H
#define EG_PATH_AUDIT_H

#include "path/batch.h"
#include "path/path.h"

#define EG_AUDIT_PER_S 50
#define EG_AUDIT_BURST 50 /* at once; less than EG_DROP_RING, which the control thread empties */

/* Packet i would be dropped for that reason, the first of its connection. It stays in the batch. */
void eg_audit(struct eg_path *path, unsigned i, enum eg_verdict reason);

/* Drop packet i, or where policy is only audited count and tell. */
static inline void eg_remove_or_audit(struct eg_path *path, unsigned i, enum eg_verdict reason)
{
	if (path->policy->audit)
		eg_audit(path, i, reason);
	else
		eg_batch_remove(&path->batch, i, reason);
}

#endif
