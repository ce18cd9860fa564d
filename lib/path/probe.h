/* Dead peer detection on the packet path: probes, and the replies to them. route/liveness.h decides
 * when a probe is due and whether a peer is up. Worker only. */
#ifndef EG_PATH_PROBE_H
#define EG_PATH_PROBE_H

#include <stdint.h>

struct eg_path;

/* A worker's place in its pass over the tunnels whose peers are probed. */
struct eg_probe {
	uint32_t next;    /* place in the list of probed tunnels */
	uint64_t next_ns; /* monotonic: when the next pass begins */
};

/* Check a few of this worker's tunnels, and fill the empty batch with the probes that are due: ICMP
 * echo requests with their hop set. now_ns: monotonic. Returns their number. */
unsigned eg_probe_fill(struct eg_path *path, uint64_t now_ns);

#endif
