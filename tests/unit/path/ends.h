/* Both ends of a tunnel, and what goes from one pod to the other through them. */
#ifndef TESTS_PATH_ENDS_H
#define TESTS_PATH_ENDS_H

#include "path/path_tests.h"

struct ends {
	struct gw *one, *two;
	struct tunnel tunnel; /* from one to two */
	uint64_t seq;         /* the last that was sent: near 2^32 with ESN */
};

/* spec.site is not looked at. */
struct ends ends_open(struct gw_spec spec);
void ends_close(struct ends *ends);

/* A batch of packets from one to two: OpenSSL opens each with the next sequence number, the far
 * gateway opens all, nothing is lost or changed but the age. in[] is aged by 2. */
void ends_cross(struct ends *ends, struct frame in[EG_BATCH_MAX], struct frame wire[EG_BATCH_MAX]);

#endif
