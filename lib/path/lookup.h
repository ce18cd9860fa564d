/* What the flow stage finds out and the policy stage reads: the lookups of one batch. */
#ifndef EG_PATH_LOOKUP_H
#define EG_PATH_LOOKUP_H

#include "flow/flow.h"
#include "path/batch.h"

struct eg_path_lookups {
	struct eg_flow_now now;
	unsigned n;
	struct eg_lookup v[EG_BATCH_MAX]; /* v[k] is about packet[k] of the batch */
	uint8_t packet[EG_BATCH_MAX];
};

#endif
