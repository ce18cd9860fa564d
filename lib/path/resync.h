/* Extended sequence numbers after a long gap (RFC 4303 appendix A3): only the low 32 bits are sent,
 * and a receiver that missed 2^32 packets or more infers the wrong high half, so that no ICV
 * matches any more.
 *
 * After EG_RESYNC_AFTER failures in a row on an SA the next packets are opened on the side with the
 * inferred high half and higher ones, EG_RESYNC_TRIES per packet, from where the packet before
 * ended up to EG_RESYNC_SPAN, and then from the beginning. A match is only the packet's inferred
 * number: it is opened and moves the window as any other, and ends the search. Lower halves are
 * never tried, so no recording is accepted.
 *
 * Forged packets can begin a search, and take part in it. What it costs is bounded for each worker,
 * EG_RESYNC_PPS packets per second, however many SAs search; SAs that receive well take no part. */
#ifndef EG_PATH_RESYNC_H
#define EG_PATH_RESYNC_H

#include <stdint.h>

#include "base/tokens.h"

struct eg_path;

#define EG_RESYNC_AFTER 64
#define EG_RESYNC_TRIES 16
#define EG_RESYNC_SPAN  65536
#define EG_RESYNC_PPS   500
#define EG_RESYNC_BURST 8
#define EG_RESYNC_BYTES 10240 /* longer texts are not tried: enough that are shorter come by */

/* One worker's. */
struct eg_resync {
	struct eg_tokens tokens;
	uint8_t text[EG_RESYNC_BYTES]; /* the copy that is opened, with its ICV */
};

/* Packet i's op is made; its SA has failed EG_RESYNC_AFTER times: look for its high half, and let
 * meta.seq and the op's associated data have it. */
void eg_resync(struct eg_path *path, unsigned i);

#endif
