/* Both ends of a tunnel, and what goes from one pod to the other through them. */
#ifndef TESTS_PATH_ENDS_H
#define TESTS_PATH_ENDS_H

#include "path/path_tests.h"

struct ends {
	struct gw *one, *two;
	struct tunnel tunnel; /* from one to two */
	uint64_t seq;         /* the last one sent: near 2^32 with ESN */
};

/* spec.site is ignored. */
struct ends ends_open(struct gw_spec spec);
void ends_close(struct ends *ends);

/* Send a batch of packets from one to two: OpenSSL opens each with the next sequence number, the
 * far gateway opens all, and nothing is lost or changed except the TTL. in[] has its TTLs
 * decremented by 2. */
void ends_cross(struct ends *ends, struct frame in[EG_BATCH_MAX], struct frame wire[EG_BATCH_MAX]);

#endif
