/* Dead peer detection on the packet path: probes, and the replies to them. The verdicts, and when
 * a probe is due, are liveness's. Worker only. */
#ifndef EG_PATH_PROBE_H
#define EG_PATH_PROBE_H

#include <stdint.h>

struct eg_path;

/* A worker's place in its pass over the tunnels whose peers are probed. */
struct eg_probe {
	uint32_t next;    /* place in the list of probed tunnels */
	uint64_t next_ns; /* monotonic: when the next pass begins */
};

/* Check a few tunnels of this worker's, and fill the empty batch with the probes that are due: ICMP
 * echo requests whose hop is set. now_ns: monotonic. Returns how many. */
unsigned eg_probe_fill(struct eg_path *path, uint64_t now_ns);

#endif
