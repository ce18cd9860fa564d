/* policy.mode audit: packets that policy would drop are forwarded, counted by reason, and logged.
 *
 * A connection counts once: the flow table remembers that it was denied. Packets without a
 * connection (later fragments, ICMP errors, packets that find the table full) count one by one.
 * Counters are exact; the log has at most EG_AUDIT_PER_S lines per second and worker, so that a
 * scan does not fill the disk. Used by one worker, like the rest of path. */
#ifndef EG_PATH_AUDIT_H
#define EG_PATH_AUDIT_H

#include "path/batch.h"
#include "path/path.h"

#define EG_AUDIT_PER_S 50
#define EG_AUDIT_BURST                                                                             \
	50 /* lines in a burst; less than EG_DROP_RING, which the control thread empties */

/* Packet i, the first of its connection, would be dropped for this reason. It stays in the batch.
 */
void eg_audit(struct eg_path *path, unsigned i, enum eg_verdict reason);

/* Drop packet i; in audit mode, only count and log it. */
static inline void eg_remove_or_audit(struct eg_path *path, unsigned i, enum eg_verdict reason)
{
	if (path->policy->audit)
		eg_audit(path, i, reason);
	else
		eg_batch_remove(&path->batch, i, reason);
}

#endif
