/* Reports of unknown pods: per address, not per packet.
 *
 * Packets of a pod that is not in the inventory yet are dropped. An operator must find its address
 * in the log, whatever else is dropped and sampled. Each worker reports an address at most once per
 * EG_UNKNOWN_POD_REPORT_S, and limits the rate of all reports, so that a scan of a pod network does
 * not flood the log. Used by one worker, like the rest of path. */
#ifndef EG_PATH_UNKNOWN_POD_H
#define EG_PATH_UNKNOWN_POD_H

#include "base/ip.h"
#include "base/tokens.h"
#include "policy/policy.h"

#define EG_UNKNOWN_POD_SLOTS    64 /* addresses remembered as reported */
#define EG_UNKNOWN_POD_REPORT_S 60
#define EG_UNKNOWN_POD_BURST    16 /* reports in a burst; then one per second */

struct eg_unknown_pods {
	struct eg_tokens tokens;
	struct {
		struct eg_ip ip;
		uint64_t cycles;
	} slot[EG_UNKNOWN_POD_SLOTS];
};

struct eg_path;

/* Policy denied packet i because an end of `packet` is unknown: report it to the control thread,
 * within the limits. True if the source is unknown, false if only the destination is. */
bool eg_unknown_pod_report(struct eg_path *path, unsigned i, const struct eg_policy_packet *packet);

#endif
