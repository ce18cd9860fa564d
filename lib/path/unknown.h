/* Telling of unknown pods: each address by name, but not each packet.
 *
 * A pod that the inventory does not know yet loses its packets; an operator must learn its address
 * from the log, whatever else is dropped and sampled. Each worker tells of an address at most once
 * in EG_UNKNOWN_REPORT_S and of all addresses at a bounded rate, so that a scan of a pod network
 * floods nobody. One worker's, as the rest of path. */
#ifndef EG_PATH_UNKNOWN_H
#define EG_PATH_UNKNOWN_H

#include "base/ip.h"
#include "base/tokens.h"
#include "policy/policy.h"

#define EG_UNKNOWN_SLOTS    64 /* addresses that are remembered as told */
#define EG_UNKNOWN_REPORT_S 60
#define EG_UNKNOWN_BURST    16 /* at once; then one per second */

struct eg_unknown_reported {
	struct eg_tokens tokens;
	struct {
		struct eg_ip ip;
		uint64_t cycles;
	} slot[EG_UNKNOWN_SLOTS];
};

struct eg_path;

/* Policy denied packet i because an end of `packet` is unknown: tell the control thread of it, if
 * it is time to. True if the source is unknown, false if only the destination is. */
bool eg_unknown_report(struct eg_path *path, unsigned i, const struct eg_policy_packet *packet);

#endif
